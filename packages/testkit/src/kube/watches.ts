import type { ServerResponse } from 'node:http';
import { ApiFailure } from './failure.ts';
import { apiVersionOf, type Kind } from './kinds.ts';
import type { JsonObject } from './json.ts';
import { selectedName, type Route } from './route.ts';
import { metadataOf, type KubeChange, type KubeStore } from './store.ts';

interface Stream {
  readonly route: Route;
  readonly response: ServerResponse;
  readonly name: string;
  readonly wantsBookmarks: boolean;
}

/** All watches that are open: each gets the changes that concern it, in order. */
export class Watches {
  readonly #store: KubeStore;
  readonly #streams = new Set<Stream>();

  constructor(store: KubeStore) {
    this.#store = store;
    store.onChange((change) => {
      for (const stream of this.#streams) write(stream, change);
    });
  }

  get count(): number {
    return this.#streams.size;
  }

  /** Answers until it is cut, or its time is over. */
  open(route: Route, response: ServerResponse): void {
    const { query } = route;
    const stream: Stream = {
      route,
      response,
      name: selectedName(query),
      wantsBookmarks: query.get('allowWatchBookmarks') === 'true',
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const version = Number(query.get('resourceVersion') ?? '0');
    try {
      if (version === 0) this.#tellAll(stream);
      else for (const change of this.#store.changesAfter(version)) write(stream, change);
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      // A real one begins the watch, too, and tells it then.
      response.end(lineOf('ERROR', error.toStatus()));
      return;
    }
    this.#streams.add(stream);
    const seconds = Number(query.get('timeoutSeconds') ?? '0');
    const timer = seconds > 0 ? setTimeout(() => response.end(), seconds * 1000) : undefined;
    response.on('close', () => {
      clearTimeout(timer);
      this.#streams.delete(stream);
    });
  }

  /** Tells everybody who wants to know how far the server is. */
  bookmark(): void {
    for (const { response, route, wantsBookmarks } of this.#streams) {
      if (wantsBookmarks) response.write(lineOf('BOOKMARK', bookmarkOf(route.kind, this.#store.revision)));
    }
  }

  /** Ends all as a server does that has had enough. */
  end(): void {
    for (const { response } of this.#streams) response.end();
  }

  /** Cuts all, after this beginning of an event. */
  cut(beginning = ''): void {
    for (const { response } of this.#streams) {
      if (beginning === '') response.destroy();
      else response.write(beginning, () => response.destroy());
    }
  }

  /** Sends this to all, whatever it is. */
  send(text: string): void {
    for (const { response } of this.#streams) response.write(text);
  }

  #tellAll({ route, response, name }: Stream): void {
    for (const object of this.#store.list(route.kind, route.namespace)) {
      if (name === '' || metadataOf(object)['name'] === name) response.write(lineOf('ADDED', object));
    }
  }
}

function write({ route, response, name }: Stream, { kind, type, object }: KubeChange): void {
  const metadata = metadataOf(object);
  const isMeant = kind === route.kind && (metadata['namespace'] ?? '') === route.namespace;
  if (isMeant && (name === '' || metadata['name'] === name)) response.write(lineOf(type, object));
}

function bookmarkOf(kind: Kind, revision: number): JsonObject {
  const metadata = { resourceVersion: String(revision), creationTimestamp: null };
  return { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata, spec: {} };
}

function lineOf(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`;
}

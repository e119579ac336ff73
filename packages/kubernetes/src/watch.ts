import { KubeError, type KubeWatch } from './api.ts';
import { Backoff } from './backoff.ts';
import { badAnswer, notThere, refused } from './failure.ts';
import type { ObjectMeta, Stored } from './objects.ts';
import { isRecord, jsonIn, storedObject, type Resource } from './resources.ts';
import { MOST_ANSWER_LENGTH, type Call, type Transport } from './transport.ts';

/** After so long the server ends a watch, and it is asked for again; up to half as long again, by chance. */
const WATCH_MS = 120_000;
/** How much later than that it may end. */
const LATE_MS = 10_000;
/** One that has lasted so long has worked, also if nothing happened in it. */
const WORKED_MS = 10_000;

interface AnyObject {
  readonly metadata: ObjectMeta;
}

interface Listed<T extends AnyObject> {
  /** Null: there is none. */
  readonly object: Stored<T> | null;
  readonly version: string;
}

export interface NameWatchOptions<T extends AnyObject> {
  readonly transport: Transport;
  readonly resource: Resource;
  /** Of all objects of this kind in the namespace. */
  readonly path: string;
  readonly name: string;
  readonly random: () => number;
  readonly onChange: (now: Stored<T>) => void;
  readonly onTrouble: (error: KubeError) => void;
  readonly onStopped: () => void;
}

/**
 * Watches one object by its name: a list says what it is now, a watch what it becomes. A watch that ends goes on from the last
 * version that was seen; when the server has forgotten that (410), it begins with a list again.
 */
export class NameWatch<T extends AnyObject> implements KubeWatch {
  readonly #options: NameWatchOptions<T>;
  readonly #backoff: Backoff;
  #timer: NodeJS.Timeout | undefined;
  #end: () => void = () => undefined;
  #isStopped = false;
  /** What was told last: uid and resourceVersion. */
  #told = '';

  constructor(options: NameWatchOptions<T>) {
    this.#options = options;
    this.#backoff = new Backoff({ firstMs: 500, mostMs: 30_000, random: options.random });
  }

  start(): void {
    void this.#list();
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#end();
    this.#options.onStopped();
  }

  async #list(): Promise<void> {
    const call = this.#callWith({});
    let listed: Listed<T>;
    try {
      listed = this.#inList(await this.#options.transport.call(call), call);
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      this.#afterTrouble(error, () => void this.#list());
      return;
    }
    if (this.#isStopped) return;
    if (listed.object) this.#tell(listed.object);
    else this.#isGone(call);
    this.#watch(listed.version);
  }

  #watch(from: string): void {
    // Whoever was told something may have stopped it.
    if (this.#isStopped) return;
    const { random, transport } = this.#options;
    const seconds = Math.round((WATCH_MS / 1000) * (1 + random() / 2));
    const call = this.#callWith({
      watch: 'true',
      resourceVersion: from,
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(seconds),
    });
    let version = from;
    let startedAtMs = performance.now();
    let isOver = false;
    const onEnd = (error: KubeError | null): void => {
      if (isOver || this.#isStopped) return;
      isOver = true;
      this.#end();
      if (performance.now() - startedAtMs > WORKED_MS) this.#backoff.reset();
      if (error?.status === 410) this.#after(this.#backoff.next(), () => void this.#list());
      else if (error) this.#afterTrouble(error, () => this.#watch(version));
      else this.#after(this.#backoff.next(), () => this.#watch(version));
    };
    const onText = linesOf(call, onEnd, (line) => {
      if (!isOver && !this.#isStopped) version = this.#onEvent(line, call, version);
    });
    const onStart = (): void => void (startedAtMs = performance.now());
    this.#end = transport.send(call, { onStart, onText, onEnd }, { streamMs: seconds * 1000 + LATE_MS });
  }

  /** Takes one line in, and returns the version to go on from. @throws KubeError when the watch can not go on. */
  #onEvent(line: string, call: Call, version: string): string {
    const { resource, name } = this.#options;
    const event = jsonIn(line, call);
    if (!isRecord(event) || !isRecord(event['object'])) throw badAnswer(call, 'an event without an object');
    const { type, object } = event;
    if (type === 'ERROR') {
      const status = typeof object['code'] === 'number' ? object['code'] : 500;
      throw refused(call, { status, body: JSON.stringify(object), retryAfter: undefined }, 0);
    }
    this.#backoff.reset();
    if (type === 'BOOKMARK') return versionOf(object) ?? version;
    const now = storedObject<T>(object, resource, name, call);
    if (type === 'DELETED') this.#isGone(call);
    else this.#tell(now);
    return now.metadata.resourceVersion;
  }

  #inList(body: string, call: Call): Listed<T> {
    const { resource, name } = this.#options;
    const list = jsonIn(body, call);
    const version = isRecord(list) ? versionOf(list) : null;
    if (!isRecord(list) || version === null) throw badAnswer(call, 'the answer is no list');
    const items: readonly unknown[] = Array.isArray(list['items']) ? list['items'] : [];
    const [first] = items;
    return { object: first === undefined ? null : storedObject<T>(first, resource, name, call), version };
  }

  #tell(now: Stored<T>): void {
    const told = `${now.metadata.uid} ${now.metadata.resourceVersion}`;
    if (told === this.#told) return;
    this.#told = told;
    this.#options.onChange(now);
  }

  #isGone(call: Call): void {
    const { resource, name, onTrouble } = this.#options;
    this.#told = '';
    onTrouble(notThere(call, `${resource.plural} "${name}" is not there`));
  }

  #afterTrouble(error: KubeError, then: () => void): void {
    if (this.#isStopped) return;
    this.#options.onTrouble(error);
    this.#after(this.#backoff.next(error.retryAfterMs), then);
  }

  #after(delayMs: number, then: () => void): void {
    if (!this.#isStopped) this.#timer = setTimeout(then, delayMs);
  }

  #callWith(further: Readonly<Record<string, string>>): Call {
    const { path, name } = this.#options;
    // With this selector, permission for the one name is enough.
    const query = new URLSearchParams({ fieldSelector: `metadata.name=${name}`, ...further });
    return { method: 'GET', path, query: `?${query.toString()}` };
  }
}

/** Takes text as it comes, and gives each line to `onLine`; a KubeError that it throws, or a line without an end, is the end. */
function linesOf(
  call: Call,
  onEnd: (error: KubeError) => void,
  onLine: (line: string) => void,
): (text: string) => void {
  let pending = '';
  return (text) => {
    const lines = (pending + text).split('\n');
    pending = lines.pop() ?? '';
    try {
      for (const line of lines) if (line.trim() !== '') onLine(line);
      if (pending.length > MOST_ANSWER_LENGTH) throw badAnswer(call, 'an event without an end');
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      onEnd(error);
    }
  };
}

function versionOf({ metadata }: Record<string, unknown>): string | null {
  return isRecord(metadata) && typeof metadata['resourceVersion'] === 'string' ? metadata['resourceVersion'] : null;
}

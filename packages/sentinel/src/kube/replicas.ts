import type { Input, NodeState } from '@sentinel-micro/core';
import type { KubeApi, KubeWatch, StatefulSetObject } from '@sentinel-micro/kubernetes';
import { MAX_REPLICAS, type Logger } from '@sentinel-micro/runtime';
import type { ApiTrouble } from './api-trouble.ts';

/** How often the StatefulSet is read while N is not known, or not what it wants: each step needs a look of its own. In milliseconds. */
const READ_MS = 500;
/** How long it is left alone after a failure at first, and at most. In milliseconds. */
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

type Resize = Extract<Input, { type: 'resize' }>;
type View = Resize['view'];

/** What a StatefulSet says that N can follow; a text says why it can not. */
export function viewOfStatefulSet({ metadata, spec, status }: StatefulSetObject): View | string {
  const start = spec?.ordinals?.start ?? 0;
  const wanted = spec?.replicas ?? 1;
  if (start !== 0) {
    return `spec.ordinals.start of the StatefulSet ${metadata.name} is ${String(start)}; N can only follow one whose pods are counted from 0: take spec.ordinals away, or give --replicas a number`;
  }
  if (wanted > MAX_REPLICAS) {
    return `spec.replicas of the StatefulSet ${metadata.name} is ${String(wanted)}; N can only follow up to ${String(MAX_REPLICAS)}`;
  }
  // Its controller has not seen the present spec: what it said of the pods was before that.
  const isSeen = (status?.observedGeneration ?? -1) >= (metadata.generation ?? Infinity);
  return { wanted, existing: isSeen ? (status?.replicas ?? null) : null };
}

export interface ReplicasOptions {
  readonly api: Pick<KubeApi, 'readStatefulSet' | 'watchStatefulSet'>;
  readonly statefulSet: string;
  readonly clock: { now(): number };
  readonly trouble: ApiTrouble;
  readonly logger: Logger;
  /** That of the loop, now; null while the sidecar is being put together. */
  readonly state: () => NodeState | null;
  readonly feed: (input: Resize) => void;
}

/**
 * Tells the core what the StatefulSet says: it is watched, and read anew for each step of a change. While the API is away nothing is
 * told, and N stays as it is.
 */
export class ReplicasSource {
  readonly #options: ReplicasOptions;
  readonly #watch: KubeWatch;
  #wanted: number | null = null;
  #refused: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #retryMs = FIRST_RETRY_MS;
  #isReading = false;
  #isChanged = false;
  #isStopped = false;

  constructor(options: ReplicasOptions) {
    this.#options = options;
    // What it tells may be older than a read: it only says that there is something to read.
    this.#watch = options.api.watchStatefulSet(
      options.statefulSet,
      () => this.#lookNow(),
      (error) => void this.#failed('watch', error),
    );
    this.#lookNow();
  }

  /** Call after each decision: a step that was taken needs another look. */
  look(): void {
    if (this.#timer === null && !this.#isReading && this.#isDue()) this.#later(0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#watch.stop();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** N is not known, or not what the StatefulSet wants. */
  #isDue(): boolean {
    const replicas = this.#options.state()?.config.self.replicas ?? 0;
    return this.#refused === null && (replicas === 0 || replicas !== this.#wanted);
  }

  #lookNow(): void {
    this.#isChanged = this.#isReading;
    if (!this.#isReading) this.#later(0);
  }

  #later(afterMs: number): void {
    if (this.#isStopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#read();
    }, afterMs);
  }

  async #read(): Promise<void> {
    const { api, statefulSet, clock, trouble } = this.#options;
    this.#isReading = true;
    const readAtMs = clock.now();
    let waitMs: number | null = null;
    try {
      const found = await api.readStatefulSet(statefulSet);
      trouble.succeeded(this.#asked('get'));
      this.#retryMs = FIRST_RETRY_MS;
      if (!this.#isStopped) this.#take(found, readAtMs);
      if (this.#isDue()) waitMs = READ_MS;
    } catch (error) {
      waitMs = Math.max(this.#failed('get', error), this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    }
    this.#isReading = false;
    if (this.#isChanged) this.#lookNow();
    else if (waitMs !== null) this.#later(waitMs);
  }

  #take(found: StatefulSetObject, readAtMs: number): void {
    const view = viewOfStatefulSet(found);
    if (typeof view === 'string') {
      if (this.#refused !== view) this.#options.logger.log('error', 'replicas', view);
      this.#refused = view;
      return;
    }
    this.#refused = null;
    this.#wanted = Math.max(1, view.wanted);
    this.#options.feed({ type: 'resize', view, readAtMs });
  }

  #asked(verb: 'get' | 'watch'): { verb: 'get' | 'watch'; resource: 'statefulsets'; name: string } {
    return { verb, resource: 'statefulsets', name: this.#options.statefulSet };
  }

  /** @returns how long the server wants to be left alone, in milliseconds */
  #failed(verb: 'get' | 'watch', error: unknown): number {
    return this.#options.trouble.failed(this.#asked(verb), error).retryAfterMs ?? 0;
  }
}

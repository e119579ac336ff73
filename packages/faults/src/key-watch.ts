import { sleep, type Pod } from '@sentinel-micro/testkit';

const INTERVAL_MS = 5;

/** Counts the keys of these pods all the time, to see whether one is ever wiped, and be it for a moment. */
export class KeyWatch {
  readonly #lowest = new Map<Pod, number>();
  readonly #finished: Promise<unknown>;
  #stopped = false;

  /** Starts at once. */
  constructor(pods: readonly Pod[]) {
    this.#finished = Promise.all(pods.map((pod) => this.#watch(pod)));
  }

  /** Ends it. @returns the smallest number of keys that any of them had; Infinity when none ever answered. */
  async stop(): Promise<number> {
    this.#stopped = true;
    await this.#finished;
    return Math.min(Infinity, ...this.#lowest.values());
  }

  async #watch(pod: Pod): Promise<void> {
    while (!this.#stopped) {
      const keys = await keysOf(pod).catch(() => Infinity);
      this.#lowest.set(pod, Math.min(keys, this.#lowest.get(pod) ?? Infinity));
      await sleep(INTERVAL_MS);
    }
  }
}

/** How many keys this pod's Redis has. @throws as `Pod.command` */
export async function keysOf(pod: Pod): Promise<number> {
  return Number(await pod.command('DBSIZE'));
}

import type { CommandArgs } from './redis-client.ts';
import type { Pod } from './pod.ts';
import { sleep } from './time.ts';

/** Whatever can send a command: a Pod, a RedisProcess, a RedisCommander. */
interface CommandTarget {
  command(...args: CommandArgs): Promise<unknown>;
}

const WATCH_INTERVAL_MS = 3;

/** How many keys this Redis has. @throws as its `command` */
export async function keysOf(redis: CommandTarget): Promise<number> {
  return Number(await redis.command('DBSIZE'));
}

/** Writes `PREFIX:0`, `PREFIX:1` and so on, so many, in one go. @param valueOf default: the number. @throws as its `command` */
export async function writeKeys(
  redis: CommandTarget,
  prefix: string,
  count: number,
  valueOf: (n: number) => string = String,
): Promise<void> {
  await redis.command('MSET', ...Array.from({ length: count }, (_, n) => [`${prefix}:${n}`, valueOf(n)]).flat());
}

/** Counts the keys of these pods all the time, to see whether one is ever wiped, and be it for a moment. */
export class KeyWatch {
  readonly #whenSilent: number;
  readonly #finished: Promise<unknown>;
  #lowest = Infinity;
  #counts = 0;
  #stopped = false;

  /**
   * Starts at once.
   * @param whenSilent what counts as the number of keys of a Redis that does not tell it: 0 where each of them should be able
   *   to, for one that answers -LOADING is being wiped; by default it does not count
   */
  constructor(pods: readonly Pod[], whenSilent?: 0) {
    this.#whenSilent = whenSilent ?? Infinity;
    this.#finished = Promise.all(pods.map((pod) => this.#watch(pod)));
  }

  /** Ends it. @returns the smallest number of keys that any of them had (Infinity when none ever answered), of how many counts */
  async stop(): Promise<{ readonly lowest: number; readonly counts: number }> {
    this.#stopped = true;
    await this.#finished;
    return { lowest: this.#lowest, counts: this.#counts };
  }

  async #watch(pod: Pod): Promise<void> {
    while (!this.#stopped) {
      const keys = await keysOf(pod).catch(() => this.#whenSilent);
      this.#lowest = Math.min(this.#lowest, keys);
      this.#counts++;
      await sleep(WATCH_INTERVAL_MS);
    }
  }
}

import type { Process } from './process.ts';
import type { Sidecar } from './sidecar.ts';
import type { World } from './world.ts';

/** Neither dead nor stopped. */
export function isWell(process: Process | null): boolean {
  return process?.isAlive === true && !process.isPaused;
}

/** What one pod had that could be seen, and since when its Redis runs. */
export interface ShownData {
  readonly startedAtMs: number;
  readonly data: ReadonlySet<number>;
}

/** To meet again after a cut takes a few tries. */
const MEETING_MS = 1500;

/** Keeps account of which pod could see which other one without interruption: the truth, not what they think. */
export class Visibility {
  readonly #world: World;
  /** For each ordered pair: when the one was last hidden from the other. */
  readonly #hiddenAtMs: number[];

  constructor(world: World) {
    this.#world = world;
    this.#hiddenAtMs = Array.from({ length: world.pods.length ** 2 }, () => 0);
  }

  /** Call every few milliseconds. */
  look(): void {
    const { pods, network, nowMs, isNetworkGood } = this.#world;
    for (const from of pods) {
      for (const to of pods) {
        const isHidden =
          !isNetworkGood ||
          !isWell(to.redis) ||
          to.redis?.isLoading === true ||
          to.redis?.isBusy === true ||
          to.redis?.isTamperedWith === true ||
          !isWell(to.sidecar) ||
          to.sidecar?.state.stopping === true ||
          network.isCut(from.machine, to.machine) ||
          network.isCut(to.machine, from.machine);
        if (isHidden) this.#hiddenAtMs[from.index * pods.length + to.index] = nowMs;
      }
    }
  }

  /** The data of all pods that this sidecar could see for as long as it has to wait for data. */
  dataSeenFrom(sidecar: Sidecar): ShownData[] {
    const { pods, nowMs } = this.#world;
    const from = this.#world.podOf(sidecar);
    if (from === null) return [];
    const { dataWaitMs } = sidecar.config.timings;
    return pods.flatMap((pod) => {
      const hiddenAtMs = this.#hiddenAtMs[from.index * pods.length + pod.index] ?? 0;
      const isVisible = nowMs - hiddenAtMs > dataWaitMs + MEETING_MS;
      if (!isVisible || pod.redis === null) return [];
      return [{ startedAtMs: pod.redis.startedAtMs, data: new Set(pod.redis.data) }];
    });
  }
}

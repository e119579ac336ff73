import type { Pod } from './pod.ts';
import type { RedisModel } from './redis-model.ts';
import type { Sidecar } from './sidecar.ts';
import { isWell } from './visibility.ts';
import type { World } from './world.ts';

/** A sidecar looks at its Redis once in a heartbeat, and may be late. */
const HEARTBEATS_TO_SEE = 3;

/** Keeps account of which sidecars must have seen their Redis in step with a master: the truth, not what they think. */
export class InStep {
  readonly #world: World;
  /** Since when both processes run and the Redis is in step. */
  readonly #sinceMs = new WeakMap<Sidecar, { readonly redis: RedisModel; readonly atMs: number }>();
  readonly #seen = new WeakMap<Sidecar, RedisModel>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Call every few milliseconds, with the pod that has the lease and is master. */
  look(leader: Pod | null): void {
    const { pods, nowMs } = this.#world;
    for (const pod of pods) {
      const { redis, sidecar } = pod;
      if (redis === null || sidecar === null) continue;
      if (leader === null || !isWell(redis) || !isWell(sidecar) || !isInStep(pod, redis, leader)) {
        this.#sinceMs.delete(sidecar);
        continue;
      }
      const since = this.#sinceMs.get(sidecar);
      if (since?.redis !== redis) this.#sinceMs.set(sidecar, { redis, atMs: nowMs });
      else if (nowMs - since.atMs > sidecar.config.timings.heartbeatMs * HEARTBEATS_TO_SEE)
        this.#seen.set(sidecar, redis);
    }
  }

  /** A Redis is given everything anew: what it had does not count any more. */
  forget(redis: RedisModel): void {
    const sidecar = this.#world.podOf(redis)?.sidecar;
    if (sidecar == null) return;
    this.#sinceMs.delete(sidecar);
    this.#seen.delete(sidecar);
  }

  /** True when the sidecar of this pod as it is now has seen the Redis as it is now in step. */
  wasSeen({ redis, sidecar }: Pod): boolean {
    return redis !== null && sidecar !== null && redis.isAlive && this.#seen.get(sidecar) === redis;
  }
}

function isInStep(pod: Pod, redis: RedisModel, leader: Pod): boolean {
  if (pod === leader) return true;
  return redis.masterHost === leader.machine.ip && redis.following.isUp && !redis.isLoading;
}

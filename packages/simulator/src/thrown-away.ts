import type { RedisModel } from './redis-model.ts';
import type { Sidecar } from './sidecar.ts';
import type { World } from './world.ts';

/** An INFO that is asked for and answered, and a timer that is late, in milliseconds. */
const LOOK_MS = 100;

/** Somebody has typed REPLICAOF at a master. */
interface Deed {
  readonly redis: RedisModel;
  /** By then its sidecar must have looked again; true time. */
  readonly lookByMs: number;
  /** What every Redis had then. */
  readonly had: readonly { readonly redis: RedisModel; readonly data: readonly number[] }[];
}

/**
 * For S3: what is nowhere any more when a sidecar looks for the first time at its master that somebody has made a replica of another
 * one. That one lacked it, the master took over what that one had, and so did all who had it from the master, by themselves and within
 * a heartbeat. Nobody was asked, and nobody could have known. What a Redis takes with it that dies meanwhile is not excused here.
 */
export class ThrownAway {
  readonly #world: World;
  #deeds: Deed[] = [];
  readonly #values = new Set<number>();

  constructor(world: World) {
    this.#world = world;
  }

  has(value: number): boolean {
    return this.#values.has(value);
  }

  /** Call just before it takes effect. */
  madeReplicaByHand(redis: RedisModel): void {
    const { allPods, core, nowMs, settings } = this.#world;
    const { heartbeatMs } = core.deriveTimings(settings.timings);
    const alive = allPods.flatMap((pod) => (pod.redis?.isAlive === true ? [pod.redis] : []));
    const had = alive.map((one) => ({ redis: one, data: [...one.data] }));
    this.#deeds.push({ redis, lookByMs: nowMs + heartbeatMs + LOOK_MS, had });
  }

  decided(sidecar: Sidecar): void {
    if (this.#deeds.length === 0) return;
    const redis = this.#world.podOf(sidecar)?.redis ?? null;
    const { info } = sidecar.state.own;
    if (info?.role === 'replica') this.#end((deed) => deed.redis === redis);
  }

  /** Call every few milliseconds. */
  look(): void {
    if (this.#deeds.length > 0) this.#end(({ lookByMs }) => lookByMs <= this.#world.nowMs);
  }

  #end(isOver: (deed: Deed) => boolean): void {
    const over = this.#deeds.filter(isOver);
    this.#deeds = this.#deeds.filter((deed) => !over.includes(deed));
    for (const { redis, had } of over) {
      const left = new Set(had.flatMap((one) => (one.redis.isAlive ? one.redis.data : one.data)));
      const before = had.find((one) => one.redis === redis)?.data ?? [];
      for (const value of before) if (!left.has(value)) this.#values.add(value);
    }
  }
}

import { FENCE_MS, isLeading, UNREACHABLE_MIN_REPLICAS } from '@sentinel-micro/core';
import type { Pod } from './pod.ts';
import type { Process } from './process.ts';
import type { RedisModel } from './redis-model.ts';
import type { Sidecar } from './sidecar.ts';
import { isWell } from './visibility.ts';
import type { World } from './world.ts';

type Violate = (invariant: 'S1' | 'S2', text: string) => void;

/** Timer lateness and the pace of this check, in milliseconds. */
const SLACK_MS = 50;
/** A sidecar that has just gone on needs this long to know what time it is, and its Redis to hear of it. */
const NOTICED_MS = 100 + SLACK_MS;
/** How long a master that was never led by its present sidecar may stay one: a look at it, an order that has to be repeated. */
const UNLEASED_SLACK_MS = 300;
/** The replica's own cron and the master's, each once a second, and the rounding of a lag to seconds. */
const REDIS_CLOCKS_MS = 3000;

/** What is known of the right of one pod life to be master. It outlives the sidecar. */
interface Tenure {
  readonly pod: Pod;
  readonly sidecar: Sidecar;
  untilMs: number;
}

/**
 * S1 and S2: who may take writes, who does, and for how long two do at once; for S3, which writes no lease ever stood behind.
 * README.md has the bounds as a table.
 */
export class Writers {
  longestOverlapMs = 0;
  /** The longest overlap in which the second fence was in force, i.e. for which there is a bound. */
  longestFencedOverlapMs = 0;
  readonly #world: World;
  readonly #violate: Violate;
  readonly #tenures = new Map<string, Tenure>();
  readonly #unleasedSinceMs = new Map<RedisModel, number>();
  /** Those that are masters because somebody typed it, and that no sidecar has led or promoted since. */
  readonly #usurpers = new Set<RedisModel>();
  /** What these were given to write while their pod held no lease. */
  readonly #unbacked = new Set<number>();
  #overlap: { readonly sinceMs: number; readonly isFenced: boolean; isReported: boolean } | null = null;
  /** When a Redis was last promoted that is another one's rival; true time. */
  #promotedAtMs = -Infinity;

  #endedOverlapMs = 0;

  constructor(world: World, violate: Violate) {
    this.#world = world;
    this.#violate = violate;
  }

  /** For how long two have taken writes at the same time, in all, also at this moment. */
  get overlapMs(): number {
    return this.#endedOverlapMs + (this.#overlap === null ? 0 : this.#world.nowMs - this.#overlap.sinceMs);
  }

  promoted(redis: RedisModel): void {
    this.#promotedAtMs = this.#world.nowMs;
    if (redis.wasPromotedByHand) this.#usurpers.add(redis);
    else this.#adopt(redis);
  }

  /** Call for each client's write that a Redis has carried out. */
  accepted(redis: RedisModel, value: number): void {
    if (!this.#usurpers.has(redis)) return;
    const pod = this.#world.podOf(redis);
    if (pod !== null && !this.#isLeased(pod)) this.#unbacked.add(value);
  }

  /** True for a write that only a master made by hand has accepted, without a lease, and that no promotion has taken over since. */
  isUnbacked(value: number): boolean {
    return this.#unbacked.has(value);
  }

  decided(sidecar: Sidecar): void {
    const pod = this.#world.podOf(sidecar);
    if (pod === null) return;
    const { nowMs } = this.#world;
    const { uid } = sidecar.config.self;
    const untilMs = sidecar.heldUntilTrueMs();
    const before = this.#tenures.get(uid);
    if (untilMs === -Infinity) {
      // What it gave back, it does not hold; that it held it once still counts for how soon it must be fenced.
      if (before !== undefined) before.untilMs = Math.min(before.untilMs, nowMs);
      return;
    }
    this.#tenures.set(uid, { pod, sidecar, untilMs });
    const { redis } = pod;
    // It announces this Redis as the master, however that came to be one.
    if (redis?.isMaster === true && this.#usurpers.has(redis) && isLeading(sidecar.state, sidecar.localNow())) {
      this.#adopt(redis);
    }
    if (untilMs <= nowMs) return;
    // Held for less than the pace of the slow check, it would be missed there.
    if (redis !== null) this.#unleasedSinceMs.delete(redis);
    for (const [otherUid, other] of this.#tenures) {
      if (otherUid === uid || other.untilMs <= nowMs) continue;
      this.#violate(
        'S1',
        `${pod.name} and ${other.pod.name} (${otherUid}) both hold a lease: until ${untilMs.toFixed(0)} and ${other.untilMs.toFixed(0)}`,
      );
    }
  }

  /** Call after each event. */
  check(): void {
    const { nowMs } = this.#world;
    const writable = this.#writable();
    if (writable === null) {
      if (this.#overlap !== null) this.#endOverlap(this.#overlap);
      return;
    }
    if (this.#overlap === null) {
      const isFenced = writable.every((pod) => this.#isLeased(pod) || this.#hasSecondFence(pod));
      this.#overlap = { sinceMs: nowMs, isFenced, isReported: false };
      this.#world.log(`!!! ${writable.map(({ name }) => name).join(' and ')} take writes at the same time`);
      for (const pod of writable) this.#checkLiveSidecar(pod);
    }
    const overlap = this.#overlap;
    const sinceMs = Math.max(overlap.sinceMs, this.#promotedAtMs);
    if (!overlap.isFenced || overlap.isReported || nowMs - sinceMs <= this.#fenceBoundMs()) return;
    overlap.isReported = true;
    this.#violate(
      'S2',
      `two masters take writes for ${(nowMs - sinceMs).toFixed(0)} ms, though the second fence is in force`,
    );
  }

  /** Call every few milliseconds. */
  checkSlow(): void {
    for (const pod of this.#world.allPods) this.#checkUnleased(pod);
  }

  /** From now on it is a master like any other, and what it has is what the set has. */
  #adopt(redis: RedisModel): void {
    this.#usurpers.delete(redis);
    if (this.#unbacked.size === 0) return;
    for (const value of redis.data) this.#unbacked.delete(value);
  }

  #endOverlap({ sinceMs, isFenced }: { sinceMs: number; isFenced: boolean }): void {
    const lengthMs = this.#world.nowMs - sinceMs;
    this.longestOverlapMs = Math.max(this.longestOverlapMs, lengthMs);
    if (isFenced) this.longestFencedOverlapMs = Math.max(this.longestFencedOverlapMs, lengthMs);
    this.#endedOverlapMs += lengthMs;
    this.#overlap = null;
  }

  /** All that take writes now, if they are more than one. */
  #writable(): Pod[] | null {
    const { pods, ghosts } = this.#world;
    let masters = 0;
    for (const { redis } of pods) if (redis?.isMaster === true) masters += 1;
    for (const { redis } of ghosts) if (redis?.isMaster === true) masters += 1;
    if (masters < 2) return null;
    const writable = this.#world.allPods.filter(({ redis }) => redis?.isMaster === true && redis.acceptsWrites);
    return writable.length < 2 ? null : writable;
  }

  #isLeased(pod: Pod): boolean {
    return (this.#tenures.get(pod.uid)?.untilMs ?? -Infinity) > this.#world.nowMs;
  }

  /**
   * Redis itself refuses once its replicas are gone, provided that it asks for as many as a quorum has beside it: then those
   * that elect somebody else are always more than it can do without.
   */
  #hasSecondFence({ redis }: Pod): boolean {
    const { pods, writeQuorum } = this.#world.settings;
    return writeQuorum !== 'off' && redis !== null && redis.minReplicas >= this.#world.core.quorumOf(pods) - 1;
  }

  /** From the promotion of the one until the other refuses: everybody is detached from it by then, and its Redis has noticed. */
  #fenceBoundMs(): number {
    const { settings, core } = this.#world;
    const { grantMs, detachGraceMs } = core.deriveTimings(settings.timings);
    return grantMs + detachGraceMs + settings.redis.maxLagSeconds * 1000 + REDIS_CLOCKS_MS;
  }

  /** S2 for a sidecar that runs: its master refuses before anybody else can be promoted. */
  #checkLiveSidecar(pod: Pod): void {
    const tenure = this.#tenures.get(pod.uid);
    const { sidecar, redis } = pod;
    const { nowMs } = this.#world;
    if (tenure === undefined || tenure.sidecar !== sidecar || redis === null || this.#isLeased(pod)) return;
    const isLive = this.#ranSince(sidecar, tenure.untilMs) && this.#ranSince(redis, tenure.untilMs);
    // Its lease was never one for this master; and nobody can know of it before the next look.
    const { heartbeatMs, requestTimeoutMs } = sidecar.config.timings;
    const isUnseen = this.#usurpers.has(redis) && nowMs - redis.wasPromotedAtMs < heartbeatMs + requestTimeoutMs;
    if (isUnseen) return;
    if (!isLive || pod.tamperedAtMs >= tenure.untilMs || redis.wasPromotedAtMs > tenure.untilMs) return;
    this.#violate(
      'S2',
      `${pod.name} takes writes beside another master, though its sidecar runs and its lease is over`,
    );
  }

  #ranSince(process: Process, sinceMs: number): boolean {
    return isWell(process) && process.runsSinceMs < sinceMs;
  }

  /** A master without a lease, while its sidecar runs: fenced within the time that the lease arithmetic allows for. */
  #checkUnleased(pod: Pod): void {
    const { redis, sidecar } = pod;
    const { nowMs } = this.#world;
    if (redis === null || sidecar === null) return;
    // One that donates is a master that takes no writes, and needs no lease.
    const isDonor = redis.minReplicas === UNREACHABLE_MIN_REPLICAS;
    const isUnleased =
      redis.isMaster &&
      !isDonor &&
      !redis.isBusy &&
      isWell(redis) &&
      isWell(sidecar) &&
      sidecar.heldUntilTrueMs() <= nowMs;
    if (!isUnleased) {
      this.#unleasedSinceMs.delete(redis);
      return;
    }
    const sinceMs = this.#unleasedSinceMs.get(redis) ?? nowMs;
    this.#unleasedSinceMs.set(redis, sinceMs);
    if (nowMs <= this.#mustRefuseByMs(pod, redis, sidecar, sinceMs)) return;
    this.#unleasedSinceMs.set(redis, Infinity);
    this.#violate('S1', `${pod.name} is a master without a lease for ${(nowMs - sinceMs).toFixed(0)} ms`);
  }

  #mustRefuseByMs(pod: Pod, redis: RedisModel, sidecar: Sidecar, sinceMs: number): number {
    const { grantMs, detachGraceMs, heartbeatMs, requestTimeoutMs } = sidecar.config.timings;
    const tenure = this.#tenures.get(pod.uid);
    const fromMs = Math.max(sinceMs, sidecar.runsSinceMs, redis.runsSinceMs, pod.tamperedAtMs);
    const wasLeading = tenure?.sidecar === sidecar && tenure.untilMs >= sinceMs - SLACK_MS;
    const wasWell = sidecar.runsSinceMs < sinceMs - NOTICED_MS && redis.runsSinceMs < sinceMs - NOTICED_MS;
    // Who types REPLICAOF NO ONE after the end of the lease makes another master than the one that had to be fenced.
    const isTheLeader = wasLeading && pod.tamperedAtMs < tenure.untilMs;
    if (isTheLeader && wasWell && redis.acceptsWrites) return fromMs + FENCE_MS + SLACK_MS;
    // A sidecar that has just started may win back the lease of a master that never stopped.
    const graceMs = Math.max(fromMs, sidecar.startedAtMs + grantMs + detachGraceMs);
    return graceMs + heartbeatMs + 2 * requestTimeoutMs + UNLEASED_SLACK_MS;
  }
}

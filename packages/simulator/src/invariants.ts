import { quorumOf, UNREACHABLE_MIN_REPLICAS, type Action, type Note } from '@sentinel-micro/core';
import type { Faults } from './faults.ts';
import type { Pod } from './pod.ts';
import type { RedisModel } from './redis-model.ts';
import type { Sidecar } from './sidecar.ts';
import { isWell, Visibility, type ShownData } from './visibility.ts';
import type { Watcher, World } from './world.ts';

/** What was broken, and when. */
export interface Violation {
  readonly invariant: 'S1' | 'S2' | 'S3' | 'S4' | 'L1' | 'L2' | 'crash';
  readonly atMs: number;
  readonly text: string;
}

/** After a process was stopped or killed, two masters may overlap for a while; it is measured, not excused without bound. */
const CALM_AFTER_DISTURBANCE_MS = 12_000;
/** How long a master without a lease may stay one while its sidecar is well: one look at it, and one command. */
const UNLEASED_SLACK_MS = 300;

/** The holder looks after pods without a sidecar each second, and may need a second try. */
const ORPHAN_SLACK_MS = 3000;

/** Checks what must always hold (DESIGN, section 3) while a world runs. */
export class Invariants implements Watcher {
  readonly violations: Violation[] = [];
  overlapMs = 0;
  longestOverlapMs = 0;
  readonly #world: World;
  readonly #faults: Faults;
  /** For each pod life: until when it may act on its lease, in true time. It outlives the sidecar. */
  readonly #heldUntil = new Map<string, { pod: Pod; untilMs: number }>();
  #overlapSinceMs: number | null = null;
  readonly #orphanSinceMs = new Map<RedisModel, number>();
  readonly #unleasedSinceMs = new Map<RedisModel, number>();
  readonly #visibility: Visibility;
  /** When the core said loudly that confirmed writes may be missing, and what it could have seen then. */
  readonly #warnings: { atMs: number; shown: readonly ShownData[] }[] = [];
  readonly #changesAtMs: { atMs: number; text: string }[] = [];

  constructor(world: World, faults: Faults) {
    this.#world = world;
    this.#faults = faults;
    this.#visibility = new Visibility(world);
    world.watcher = this;
  }

  /** Call after each event. */
  check(): void {
    this.#checkOverlap();
  }

  /** Call every few milliseconds. */
  checkSlow(): void {
    this.#visibility.look();
    const { pods, nowMs } = this.#world;
    const leader = pods.find(
      ({ redis, sidecar }) => isWell(sidecar) && redis?.isMaster === true && (sidecar?.heldUntilTrueMs() ?? 0) > nowMs,
    );
    for (const pod of pods) {
      this.#checkUnleased(pod);
      this.#checkOrphan(pod, leader ?? null);
    }
  }

  decided(sidecar: Sidecar): void {
    const pod = this.#world.podOf(sidecar);
    if (pod === null) return;
    const untilMs = sidecar.heldUntilTrueMs();
    const { uid } = sidecar.config.self;
    this.#heldUntil.set(uid, { pod, untilMs });
    const { nowMs } = this.#world;
    if (untilMs <= nowMs) return;
    for (const [otherUid, other] of this.#heldUntil) {
      if (otherUid === uid) continue;
      if (other.untilMs > nowMs) {
        this.#violate(
          'S1',
          `${pod.name} and ${other.pod.name} (${otherUid}) both hold a lease: until ${untilMs.toFixed(0)} and ${other.untilMs.toFixed(0)}`,
        );
      } else this.#heldUntil.delete(otherUid);
    }
  }

  acted(sidecar: Sidecar, action: Action): void {
    const isChange =
      (action.type === 'own' && action.action.kind !== 'sample') ||
      (action.type === 'remote' && action.action.kind !== 'probe');
    const isCampaign = action.type === 'ask' && action.request.type === 'ACQUIRE';
    if (!isChange && !isCampaign) return;
    const what = action.type === 'ask' ? 'ACQUIRE' : action.action.kind;
    this.#changesAtMs.push({ atMs: this.#world.nowMs, text: `${sidecar.config.self.pod}: ${what}` });
  }

  noted(sidecar: Sidecar, note: Note): void {
    if (note.event !== 'data-at-risk' && note.event !== 'data-missing') return;
    this.#warnings.push({ atMs: this.#world.nowMs, shown: this.#visibility.dataSeenFrom(sidecar) });
  }

  fullSyncStarted(from: RedisModel, to: RedisModel): void {
    const root = this.#rootOf(from);
    const names = `${this.#nameOf(from)} -> ${this.#nameOf(to)}`;
    if (root !== null && !root.wasPromoted)
      this.#violate('S4', `full sync from an instance that was never promoted: ${names}`);
    if (from.data.length === 0 && to.data.length > 0 && !this.#isExcused(0, null)) {
      this.#violate('S4', `an empty instance feeds one that has data: ${names}`);
    }
  }

  /** After the faults: exactly one master, and everybody else attached to it. @returns what is still missing, or null. */
  whyNotSettled(): string | null {
    const { pods, nowMs } = this.#world;
    const masters = pods.filter((pod) => pod.redis?.isAlive === true && pod.redis.isMaster);
    const [master] = masters;
    if (master === undefined) return 'no Redis is a master';
    if (masters.length > 1) return `${masters.map(({ name }) => name).join(' and ')} are masters`;
    if ((master.sidecar?.heldUntilTrueMs() ?? 0) <= nowMs) return `${master.name} is master without a lease`;
    for (const pod of pods) {
      if (pod === master) continue;
      const { redis } = pod;
      if (redis?.isAlive !== true) return `${pod.name} has no Redis`;
      if (redis.masterHost !== master.machine.ip) return `${pod.name} follows ${String(redis.masterHost)}`;
      if (!redis.following.isUp) return `${pod.name} has no link to its master`;
    }
    return null;
  }

  /** No pod can be promoted, or (strict) nobody may be without a person: then there need not be a master. */
  get mayHaveNoMaster(): boolean {
    const { settings, pods } = this.#world;
    if (settings.priorities.every((priority) => priority === 0)) return true;
    const reasons = pods.flatMap(({ sidecar }) =>
      sidecar?.state.role.kind === 'holder' ? [sidecar.state.reason] : [],
    );
    // Data that only a pod has which must never be promoted: nobody can serve it, nobody may throw it away.
    if (settings.priorities.includes(0) && reasons.some((reason) => reason.startsWith('nobody can be promoted')))
      return true;
    return settings.durability === 'strict' && reasons.some((reason) => reason.includes('--durability strict'));
  }

  changesSince(sinceMs: number): string[] {
    return this.#changesAtMs
      .filter(({ atMs }) => atMs >= sinceMs)
      .map(({ atMs, text }) => `${atMs.toFixed(0)} ${text}`);
  }

  /** S3: what clients were told is safe has to be in the last master. */
  checkConfirmed(): { confirmed: number; acknowledged: number; lost: number; confirmedLost: number } {
    const { history, pods } = this.#world;
    const master = pods.find((pod) => pod.redis?.isAlive === true && pod.redis.isMaster);
    const kept = new Set(master?.redis?.data ?? []);
    const told = history.filter(({ outcome }) => outcome === 'acknowledged' || outcome === 'confirmed');
    const confirmed = told.filter(({ outcome }) => outcome === 'confirmed');
    const missing = confirmed.filter(({ value }) => !kept.has(value));
    const unexcused = missing.filter((write) => !this.#isExcused(write.sentAtMs, write.value));
    const [first] = unexcused;
    if (this.violations.length === 0 && master !== undefined && first !== undefined) {
      this.#violate(
        'S3',
        `${unexcused.length} confirmed writes are lost, the first is ${first.value} of ${first.sentAtMs.toFixed(0)} at ${first.at}`,
      );
    }
    return {
      confirmed: confirmed.length,
      acknowledged: told.length,
      lost: told.filter(({ value }) => !kept.has(value)).length,
      confirmedLost: missing.length,
    };
  }

  fail(invariant: Violation['invariant'], text: string): void {
    this.#violate(invariant, text);
  }

  /**
   * Fewer than a quorum of pods have kept their data since, or it was said that writes may be missing; but that is no excuse
   * for a write that a pod had which could be seen all the time.
   */
  #isExcused(sinceMs: number, value: number | null): boolean {
    const { pods, settings } = this.#world;
    const lost = pods.filter((pod) => pod.dataLostAtMs.some((atMs) => atMs >= sinceMs && atMs > 0)).length;
    if (lost > settings.pods - quorumOf(settings.pods)) return true;
    return this.#warnings.some(
      ({ atMs, shown }) =>
        atMs >= sinceMs &&
        !shown.some(({ startedAtMs, data }) => value !== null && startedAtMs < sinceMs && data.has(value)),
    );
  }

  #nameOf(redis: RedisModel): string {
    return this.#world.podOf(redis)?.name ?? '?';
  }

  /** Where the data of a chain of replicas comes from; null when that is not to be seen. */
  #rootOf(redis: RedisModel): RedisModel | null {
    let at: RedisModel | null = redis;
    for (let hops = 0; hops < 10 && at !== null && !at.isMaster; hops += 1) {
      const host: string | null = at.masterHost;
      at = this.#world.pods.find((pod) => pod.machine.ip === host)?.redis ?? null;
    }
    return at?.isMaster === true ? at : null;
  }

  #checkOverlap(): void {
    const { pods, nowMs } = this.#world;
    let masters = 0;
    for (const { redis } of pods) if (redis?.isMaster === true && redis.acceptsWrites) masters += 1;
    if (masters < 2) {
      if (this.#overlapSinceMs !== null) {
        this.longestOverlapMs = Math.max(this.longestOverlapMs, nowMs - this.#overlapSinceMs);
        this.overlapMs += nowMs - this.#overlapSinceMs;
        this.#overlapSinceMs = null;
      }
      return;
    }
    if (this.#overlapSinceMs !== null) return;
    this.#overlapSinceMs = nowMs;
    const names = pods.filter(({ redis }) => redis?.acceptsWrites === true).map(({ name }) => name);
    this.#world.log(`!!! ${names.join(' and ')} take writes at the same time`);
    const isCalm = !this.#faults.isDisturbed && nowMs - this.#faults.lastDisturbedMs > CALM_AFTER_DISTURBANCE_MS;
    if (isCalm) this.#violate('S2', `${names.join(' and ')} take writes at the same time`);
  }

  /** A master whose own sidecar is gone has to be brought into line by the holder of the lease, once that can reach it. */
  #checkOrphan(pod: Pod, leader: Pod | null): void {
    const { redis } = pod;
    if (redis === null) return;
    const { network, nowMs } = this.#world;
    const isReachable =
      leader?.sidecar != null &&
      !network.isCut(leader.machine, pod.machine) &&
      !network.isCut(pod.machine, leader.machine) &&
      this.#world.isNetworkGood;
    if (!isReachable || leader === pod || !redis.isMaster || !isWell(redis) || redis.isTamperedWith) {
      this.#orphanSinceMs.delete(redis);
      return;
    }
    const sinceMs = this.#orphanSinceMs.get(redis) ?? nowMs;
    this.#orphanSinceMs.set(redis, sinceMs);
    const boundMs = (leader.sidecar?.config.timings.grantMs ?? 0) + ORPHAN_SLACK_MS;
    if (nowMs - sinceMs <= boundMs) return;
    this.#orphanSinceMs.set(redis, Infinity);
    this.#violate('S2', `${pod.name} has been a second master beside ${leader.name} for ${boundMs.toFixed(0)} ms`);
  }

  #checkUnleased(pod: Pod): void {
    const { redis, sidecar } = pod;
    const { nowMs } = this.#world;
    if (redis === null || sidecar === null) return;
    // One that donates is a master that takes no writes, and needs no lease.
    const isDonor = redis.minReplicas === UNREACHABLE_MIN_REPLICAS;
    const isUnleased =
      redis.isMaster && !isDonor && isWell(redis) && isWell(sidecar) && sidecar.heldUntilTrueMs() <= nowMs;
    if (!isUnleased) {
      this.#unleasedSinceMs.delete(redis);
      return;
    }
    const sinceMs = this.#unleasedSinceMs.get(redis) ?? nowMs;
    this.#unleasedSinceMs.set(redis, sinceMs);
    const { grantMs, detachGraceMs, heartbeatMs, requestTimeoutMs } = sidecar.config.timings;
    // A sidecar that has just started may win back the lease of a master that never stopped.
    const fromMs = Math.max(sinceMs, sidecar.startedAtMs + grantMs + detachGraceMs);
    if (nowMs - fromMs <= heartbeatMs + 2 * requestTimeoutMs + UNLEASED_SLACK_MS) return;
    this.#unleasedSinceMs.set(redis, Infinity);
    this.#violate('S1', `${pod.name} is a master without a lease for ${(nowMs - sinceMs).toFixed(0)} ms`);
  }

  #violate(invariant: Violation['invariant'], text: string): void {
    this.#world.log(`!!! ${invariant} violated: ${text}`);
    this.violations.push({ invariant, atMs: this.#world.nowMs, text });
  }
}

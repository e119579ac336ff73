import { dataQuorumOf, quorumOf, type Action, type Note } from '@sentinel-micro/core';
import { Chronicle } from './chronicle.ts';
import type { Write } from './client.ts';
import { FOREIGN_VALUES_FROM } from './foreigner.ts';
import { InStep } from './in-step.ts';
import type { Pod } from './pod.ts';
import type { RedisModel } from './redis-model.ts';
import type { Sidecar } from './sidecar.ts';
import { sizesInUse } from './statefulset.ts';
import { ThrownAway } from './thrown-away.ts';
import { isWell, Visibility, type ShownData } from './visibility.ts';
import type { Watcher, World } from './world.ts';
import { Writers } from './writers.ts';

/** What was broken, and when. */
export interface Violation {
  readonly invariant: 'S1' | 'S2' | 'S3' | 'S4' | 'S5' | 'L1' | 'L2' | 'L3' | 'sizes' | 'command' | 'story' | 'crash';
  readonly atMs: number;
  readonly text: string;
}

/** The holder looks after pods without a sidecar each second, and may need a second try. */
const ORPHAN_SLACK_MS = 3000;

/** Checks what must always hold (DESIGN, section 3) while a world runs. */
export class Invariants implements Watcher {
  readonly violations: Violation[] = [];
  readonly writers: Writers;
  readonly chronicle = new Chronicle();
  readonly #world: World;
  /** Fed by a foreigner in a way that the README tells of, or by one that was. */
  readonly #tainted = new Set<RedisModel>();
  readonly #inStep: InStep;
  readonly #orphanSinceMs = new Map<RedisModel, number>();
  readonly #visibility: Visibility;
  /** By how many pods sidecars have counted, and when last. Empty when that is told to each. */
  readonly #sizeUsedAtMs = new Map<number, number>();
  readonly #thrownAway: ThrownAway;
  /** An empty Redis was promoted while somebody had data: what was written in a set that began so. */
  readonly #begunAnew = new Set<number>();
  #hasBegunAnew = false;
  /** When the core said loudly that confirmed writes may be missing, and what it could have seen then. */
  readonly #warnings: { atMs: number; shown: readonly ShownData[] }[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#visibility = new Visibility(world);
    this.#inStep = new InStep(world);
    this.#thrownAway = new ThrownAway(world);
    this.writers = new Writers(world, (invariant, text) => this.#violate(invariant, text));
    world.watcher = this;
  }

  /** Call after each event. */
  check(): void {
    this.writers.check();
  }

  /** Call every few milliseconds. */
  checkSlow(): void {
    this.#visibility.look();
    this.#thrownAway.look();
    this.writers.checkSlow();
    const { pods, nowMs, foreigners } = this.#world;
    const leader = pods.find(
      ({ redis, sidecar }) => isWell(sidecar) && redis?.isMaster === true && (sidecar?.heldUntilTrueMs() ?? 0) > nowMs,
    );
    this.#inStep.look(leader ?? null);
    const overdue = this.#world.commands.overdue();
    if (overdue !== null) this.#violate('command', overdue);
    for (const pod of pods) this.#checkOrphan(pod, leader ?? null);
    if (foreigners.length > 0) for (const pod of pods) this.#checkForeignData(pod);
  }

  decided(sidecar: Sidecar): void {
    this.writers.decided(sidecar);
    this.#thrownAway.decided(sidecar);
    if (this.#world.statefulSet !== null && this.violations.length === 0) this.#checkSizes();
  }

  madeReplicaByHand(redis: RedisModel): void {
    this.#thrownAway.madeReplicaByHand(redis);
  }

  /** Majorities of N and N+1 have a voter in common; those of numbers further apart need not. */
  #checkSizes(): void {
    const sizes = sizesInUse(this.#world);
    for (const size of sizes) this.#sizeUsedAtMs.set(size, this.#world.nowMs);
    if ((sizes.at(-1) ?? 0) - (sizes[0] ?? 0) <= 1) return;
    this.#violate('sizes', `sidecars count by ${sizes.join(' and by ')} pods at the same time`);
  }

  promoted(redis: RedisModel): void {
    this.writers.promoted(redis);
    const isEmpty = redis.data.length === 0 && !redis.wasPromotedByHand;
    if (isEmpty && this.#world.pods.some((pod) => (pod.redis?.data.length ?? 0) > 0)) this.#hasBegunAnew = true;
    this.chronicle.add({ kind: 'promotion', atMs: this.#world.nowMs, pod: this.#nameOf(redis), redis });
  }

  accepted(redis: RedisModel, value: number): void {
    this.writers.accepted(redis, value);
    const first = redis.data[0] ?? value;
    if (this.#hasBegunAnew && (first === value || this.#begunAnew.has(first))) this.#begunAnew.add(value);
  }

  foreignerTouched(text: string): void {
    // Once a Redis of the set was rightly fed by it, as far as anybody could tell, the two have a history in common.
    if (this.#tainted.size === 0) this.#violate('S5', text);
  }

  foreignerFeeds(text: string, to: Pod | null): void {
    if (to?.redis == null || !this.#mayMeetForeigner(to)) this.#violate('S5', text);
    else this.#tainted.add(to.redis);
  }

  foreignerFed(text: string): void {
    // As with the order that makes it follow.
    if (this.#tainted.size === 0) this.#violate('S5', text);
  }

  acted(sidecar: Sidecar, action: Action): void {
    this.chronicle.addAction(this.#world.nowMs, sidecar, action);
    if (action.type !== 'command-done') return;
    const wrong = this.#world.commands.answered(sidecar, action.ref, action.result);
    if (wrong !== null) this.#violate('command', wrong);
  }

  noted(sidecar: Sidecar, note: Note): void {
    this.chronicle.add({ kind: 'note', atMs: this.#world.nowMs, pod: sidecar.config.self.pod, note });
    if (note.event !== 'data-at-risk' && note.event !== 'data-missing') return;
    this.#warnings.push({ atMs: this.#world.nowMs, shown: this.#visibility.dataSeenFrom(sidecar) });
  }

  fullSyncStarted(from: RedisModel, to: RedisModel): void {
    this.chronicle.addFullSync(this.#world.nowMs, this.#world.podOf(from), this.#world.podOf(to));
    this.#inStep.forget(to);
    // What a foreigner has brought is passed on like any other data.
    if (this.#tainted.has(from)) this.#tainted.add(to);
    const root = this.#rootOf(from);
    const names = `${this.#nameOf(from)} -> ${this.#nameOf(to)}`;
    if (root !== null && root.wasPromotedAtMs === -Infinity)
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
      if (pod === master || !pod.isWanted) continue;
      const { redis } = pod;
      if (redis?.isAlive !== true) return `${pod.name} has no Redis`;
      // It has data that the master would throw away: a person has to decide.
      if (pod.sidecar?.state.own.keptFrom === master.name) continue;
      if (redis.masterHost !== master.machine.ip) return `${pod.name} follows ${String(redis.masterHost)}`;
      if (!redis.following.isUp) return `${pod.name} has no link to its master`;
    }
    return this.#world.statefulSet?.whyNotResized() ?? null;
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
    const isWaiting =
      settings.durability === 'strict' && reasons.some((reason) => reason.includes('--durability strict'));
    return isWaiting && this.#wholePods() < dataQuorumOf(settings.pods);
  }

  /**
   * Pods that have the data, whose sidecar knows it: both processes were in step with a master together, and have not gone on by
   * themselves when somebody else was promoted. An old master that went on sending pings has: they can not be told from writes.
   */
  #wholePods(): number {
    const promoted = this.chronicle.since(0, 'promotion').filter(({ redis }) => !redis.isTamperedWith);
    const newest = promoted.at(-1)?.redis ?? null;
    const isPartOfNewest = ({ data, replid, offset }: RedisModel): boolean => {
      if (newest === null) return true;
      const hasParted = replid === newest.replid2 && offset >= newest.secondOffset;
      return !hasParted && data.every((value, index) => value === newest.data[index]);
    };
    const isWhole = (pod: Pod): boolean =>
      pod.redis !== null && !pod.redis.isTamperedWith && this.#inStep.wasSeen(pod) && isPartOfNewest(pod.redis);
    return this.#world.pods.filter(isWhole).length;
  }

  /** The first thing that was changed, or asked for, since; null when a set was left alone. */
  changeSince(mark: number): string | null {
    const [change] = this.chronicle.since(mark, 'change');
    const [campaign] = this.chronicle.since(mark, 'campaign');
    if (change !== undefined) return `${change.atMs.toFixed(0)} ${change.pod}: ${change.what}`;
    return campaign === undefined ? null : `${campaign.atMs.toFixed(0)} ${campaign.pod}: ACQUIRE`;
  }

  /** Acknowledged writes that the present master does not have; null when there is no master to ask. */
  lostWrites(): readonly Write[] | null {
    const { history, pods } = this.#world;
    const master = pods.find((pod) => pod.redis?.isAlive === true && pod.redis.isMaster);
    if (master?.redis == null) return null;
    const kept = new Set(master.redis.data);
    return history.filter(
      ({ outcome, value }) => (outcome === 'acknowledged' || outcome === 'confirmed') && !kept.has(value),
    );
  }

  /** S3: what clients were told is safe has to be in the last master. */
  checkConfirmed(): { confirmed: number; acknowledged: number; lost: number; confirmedLost: number } {
    const { history, pods } = this.#world;
    const master = pods.find((pod) => pod.redis?.isAlive === true && pod.redis.isMaster);
    // What a pod keeps from a founder that did not see it is not lost: a person decides.
    const keepers = pods.filter(({ sidecar }) => sidecar !== null && sidecar.state.own.keptFrom === master?.name);
    const kept = new Set([master, ...keepers].flatMap((pod) => pod?.redis?.data ?? []));
    const told = history.filter(({ outcome }) => outcome === 'acknowledged' || outcome === 'confirmed');
    const confirmed = told.filter(({ outcome }) => outcome === 'confirmed');
    const missing = confirmed.filter(({ value }) => !kept.has(value));
    const unexcused = missing.filter(
      ({ sentAtMs, value }) =>
        !this.writers.isUnbacked(value) &&
        !this.#thrownAway.has(value) &&
        !this.#isExcused(sentAtMs, value) &&
        !this.#isGivenUp(sentAtMs, value, master?.redis ?? null),
    );
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
    const used = [...this.#sizeUsedAtMs].filter(([, atMs]) => atMs >= sinceMs).map(([size]) => size);
    const isTooManyOf = (size: number): boolean => {
      const members = pods.slice(0, size);
      const lost = members.filter((pod) => pod.dataLostAtMs.some((atMs) => atMs >= sinceMs && atMs > 0)).length;
      return lost > size - quorumOf(size);
    };
    if ([settings.pods, ...used].some(isTooManyOf)) return true;
    return this.#warnings.some(
      ({ atMs, shown }) =>
        atMs >= sinceMs &&
        !shown.some(({ startedAtMs, data }) => value !== null && startedAtMs < sinceMs && data.has(value)),
    );
  }

  /** README, "What is guaranteed": a set that began anew has lost its master before the older data came back, and was given up for that. */
  #isGivenUp(sinceMs: number, value: number, master: RedisModel | null): boolean {
    const [first] = master?.data ?? [];
    const isOlder = first !== undefined && !this.#begunAnew.has(first);
    return isOlder && this.#begunAnew.has(value) && this.#warnings.some(({ atMs }) => atMs >= sinceMs);
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

  /**
   * README, "What is guaranteed": without a password nothing keeps a Redis from an address that changes hands while it has no
   * sidecar that could tell, be it because its container restarted alone, or because the sidecar is not there. One that loads takes no
   * orders, and connects by itself as soon as it has loaded; one that runs a script takes none either, and goes on with a connection that
   * it had begun to make; and one whose link seemed to be up connects again in the moment in which it breaks.
   */
  #mayMeetForeigner(pod: Pod): boolean {
    const { settings, nowMs } = this.#world;
    const { redis, sidecar } = pod;
    if (settings.redis.hasPassword || redis === null) return false;
    const { grantMs, heartbeatMs } = this.#world.core.deriveTimings(settings.timings);
    const isUnguarded = !isWell(sidecar) || nowMs - (sidecar?.runsSinceMs ?? 0) < grantMs + heartbeatMs;
    const hasJustLoaded = nowMs - redis.loadedAtMs < heartbeatMs;
    const hasJustLost = redis.following.downSinceMs !== null && nowMs - redis.following.downSinceMs < heartbeatMs;
    return (
      isUnguarded || hasJustLoaded || hasJustLost || redis.isBusy || nowMs - redis.runsSinceMs < grantMs + heartbeatMs
    );
  }

  /** S5: nothing of another cluster's data may be seen in this one. */
  #checkForeignData(pod: Pod): void {
    const { redis } = pod;
    // What one was rightly fed, as far as anybody could tell, gets everywhere: by a promotion, or from its disk.
    if (redis === null || (redis.data[0] ?? 0) < FOREIGN_VALUES_FROM || this.#tainted.size > 0) return;
    if (this.violations.length === 0) this.#violate('S5', `${pod.name} has data of another cluster`);
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
    const isOrphan = leader !== pod && redis.isMaster && !redis.isBusy && isWell(redis) && !redis.isTamperedWith;
    if (!isReachable || !isOrphan) {
      this.#orphanSinceMs.delete(redis);
      return;
    }
    const sinceMs = this.#orphanSinceMs.get(redis) ?? nowMs;
    this.#orphanSinceMs.set(redis, sinceMs);
    const boundMs = (leader.sidecar?.config.timings.grantMs ?? 0) + ORPHAN_SLACK_MS;
    if (nowMs - sinceMs <= boundMs) return;
    this.#orphanSinceMs.set(redis, Infinity);
    if (this.#isStrangeToFounder(redis, leader)) return;
    this.#violate('S2', `${pod.name} has been a second master beside ${leader.name} for ${boundMs.toFixed(0)} ms`);
  }

  /**
   * Those who are left have all lost their data and began anew, so nobody knows any more that this one with data is of the set. It is
   * not thrown away for an empty one: when its sidecar goes on, the new master gives way to it.
   */
  #isStrangeToFounder(redis: RedisModel, leader: Pod): boolean {
    const isFounded = leader.sidecar?.state.announcement?.isFounded === true;
    const has = new Set(leader.redis?.data);
    return isFounded && redis.data.length > 0 && !redis.data.some((value) => has.has(value));
  }

  #violate(invariant: Violation['invariant'], text: string): void {
    this.#world.log(`!!! ${invariant} violated: ${text}`);
    this.violations.push({ invariant, atMs: this.#world.nowMs, text });
  }
}

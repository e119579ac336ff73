import { deriveTimings, type Timings } from '@sentinel-micro/core';
import type { Chronicle } from '../chronicle.ts';
import type { Write } from '../client.ts';
import type { Damage, Undo } from '../damage.ts';
import type { Invariants } from '../invariants.ts';
import type { Pod } from '../pod.ts';
import { Random } from '../random.ts';
import type { RunSettings } from '../settings.ts';
import type { World } from '../world.ts';
import { StoryBroken, type Script, type Wait } from './script.ts';

/** Long enough for whatever would follow to have followed. */
export const AFTERMATH_MS = 3000;

/** One direction of the network between two slots. */
export type Direction = readonly [from: number, to: number];

export const bothWays = (a: number, b: number): readonly Direction[] => [
  [a, b],
  [b, a],
];
const SETTLE_WITHIN_MS = 30_000;
const HEALTHY_FOR_MS = 3000;
/** Its own stream of numbers: what a story draws changes nothing else. */
const STREAM = 3;

/** What a story is told with: the world, what can be done to it, and what has come of it. */
export class Story {
  readonly seed: number;
  readonly world: World;
  readonly damage: Damage;
  readonly chronicle: Chronicle;
  readonly random: Random;
  readonly timings: Timings;
  readonly #invariants: Invariants;

  constructor(seed: number, world: World, damage: Damage, invariants: Invariants) {
    this.seed = seed;
    this.world = world;
    this.damage = damage;
    this.chronicle = invariants.chronicle;
    this.random = new Random(seed, STREAM);
    this.timings = deriveTimings(world.settings.timings);
    this.#invariants = invariants;
  }

  get settings(): RunSettings {
    return this.world.settings;
  }

  get nowMs(): number {
    return this.world.nowMs;
  }

  /** How long it takes at most until a lease that is not renewed has run out and another one is won by whoever is last in rank. */
  get electionMs(): number {
    const { grantMs, electionStepMs, requestTimeoutMs, detachGraceMs, probeTimeoutMs } = this.timings;
    const places = this.settings.pods * 2 * electionStepMs;
    return grantMs + places + 3 * requestTimeoutMs + detachGraceMs + 4 * probeTimeoutMs + 500;
  }

  /** The same until a successor has been promoted by a coordinator that waited for everybody's data. */
  get failoverMs(): number {
    return this.electionMs + this.timings.dataWaitMs;
  }

  /** How soon a master whose redis-server is dead has a successor: nobody waits for a time-out. */
  get promotionMs(): number {
    return this.timings.electionStepMs * 3 + 100 + this.settings.mostDelayMs * 20;
  }

  wait(forMs: number): Wait {
    return { forMs, isDone: null, what: null };
  }

  until(what: string, withinMs: number, isDone: () => boolean): Wait {
    return { forMs: withinMs, isDone, what };
  }

  /** Waits for exactly one master with everybody attached to it. */
  *settled(withinMs = SETTLE_WITHIN_MS): Script {
    yield this.until('the set settles', withinMs, () => this.#invariants.whyNotSettled() === null);
  }

  /** Waits for a set that has been well for a while, so that every sidecar has seen its Redis in step. */
  *healthy(): Script {
    yield* this.settled();
    yield this.wait(HEALTHY_FOR_MS + this.random.between(0, 1000));
    yield* this.settled();
  }

  /** Waits for another master than `former`. */
  *succeeded(former: Pod, withinMs = this.failoverMs): Script {
    yield this.until('another pod is master', withinMs, () => {
      const now = this.masterOrNull();
      return now !== null && now !== former;
    });
  }

  /** Waits for a master, whoever it is. */
  *led(withinMs = this.failoverMs): Script {
    yield this.until('somebody is master', withinMs, () => this.masterOrNull() !== null);
  }

  expect(isSo: boolean, text: string): void {
    if (!isSo) throw new StoryBroken(text);
  }

  /** @param what what `had` is, for the message */
  expectMasterHas(had: ReadonlySet<number>, what: string): void {
    const { master } = this;
    const kept = new Set(master.redis?.data);
    this.expect(
      [...had].every((value) => kept.has(value)),
      `${master.name} lacks what ${what}`,
    );
  }

  expectEqual(actual: number, expected: number, what: string): void {
    this.expect(actual === expected, `${what}: ${actual}, and not ${expected}`);
  }

  expectAtMost(actual: number, most: number, what: string): void {
    this.expect(actual <= most, `${what}: ${actual.toFixed(0)}, and not at most ${most.toFixed(0)}`);
  }

  /** The pod that has the lease and whose Redis is master. */
  get master(): Pod {
    const master = this.masterOrNull();
    if (master === null) throw new StoryBroken('there is no master');
    return master;
  }

  masterOrNull(): Pod | null {
    const { pods, nowMs } = this.world;
    return (
      pods.find(
        ({ redis, sidecar }) =>
          redis?.isAlive === true && redis.isMaster && (sidecar?.heldUntilTrueMs() ?? -Infinity) > nowMs,
      ) ?? null
    );
  }

  get replicas(): Pod[] {
    const { master } = this;
    return this.world.pods.filter((pod) => pod !== master);
  }

  /** One of the replicas. */
  anyReplica(): Pod {
    return this.random.pick(this.replicas);
  }

  /** The highest term that any sidecar knows. */
  get term(): number {
    return Math.max(0, ...this.world.pods.map(({ sidecar }) => Number(sidecar?.state.term ?? 0)));
  }

  /** Everything that a healthy set is left alone in. */
  mark(): number {
    return this.chronicle.mark();
  }

  promotionsSince(mark: number): number {
    return this.chronicle.since(mark, 'promotion').length;
  }

  /** How often another pod than before became master. */
  changesOfMasterSince(mark: number, first: Pod): number {
    let [at, count]: [string, number] = [first.name, 0];
    for (const { pod } of this.chronicle.since(mark, 'promotion')) {
      if (pod !== at) count += 1;
      at = pod;
    }
    return count;
  }

  campaignsSince(mark: number): number {
    return this.chronicle.since(mark, 'campaign').length;
  }

  changesSince(mark: number): number {
    return this.chronicle.since(mark, 'change').length;
  }

  notesSince(mark: number, event: string): number {
    return this.chronicle.since(mark, 'note').filter(({ note }) => note.event === event).length;
  }

  /** How long two have taken writes at the same time, in all. */
  get overlapMs(): number {
    return this.#invariants.writers.overlapMs;
  }

  /** No election since: nobody asked for a lease, nobody was promoted, the term is as it was. */
  expectNoElection(mark: number, term: number): void {
    this.expectEqual(this.promotionsSince(mark), 0, 'promotions');
    this.expectEqual(this.campaignsSince(mark), 0, 'campaigns');
    this.expectEqual(this.term, term, 'the term');
  }

  /** Every write that was acknowledged, with or without WAIT, is in the master. */
  expectNothingLost(): void {
    const lost = this.lostWrites();
    const [first] = lost;
    if (first === undefined) return;
    throw new StoryBroken(
      `${lost.length} acknowledged writes are lost, the first is ${first.value} of ${first.sentAtMs.toFixed(0)} at ${first.at}`,
    );
  }

  /** Acknowledged writes that the master does not have. */
  lostWrites(): readonly Write[] {
    const lost = this.#invariants.lostWrites();
    if (lost === null) throw new StoryBroken('there is no master that could have the writes');
    return lost;
  }

  /** Writes that clients had refused, or no answer to, since. */
  refusedSince(sinceMs: number): number {
    return this.world.history.filter(({ sentAtMs, outcome }) => sentAtMs >= sinceMs && outcome === 'refused').length;
  }

  acknowledgedSince(sinceMs: number): number {
    return this.world.history.filter(
      ({ sentAtMs, outcome }) => sentAtMs >= sinceMs && (outcome === 'acknowledged' || outcome === 'confirmed'),
    ).length;
  }

  /** Cuts both directions between a pod and all the others, but for those slots. @returns what ends it sooner */
  isolate(pod: Pod, forMs: number | null, but: readonly number[] = []): Undo {
    const slots = Array.from({ length: this.world.slots }, (_, slot) => slot);
    const far = slots.filter((slot) => slot !== pod.index && !but.includes(slot));
    return this.cut(
      far.flatMap((slot) => [[pod.index, slot] as const, [slot, pod.index] as const]),
      forMs,
    );
  }

  /** Cuts directions of pairs of slots, until `forMs` are over or all is healed. @returns what ends it sooner */
  cut(pairs: readonly Direction[], forMs: number | null): Undo {
    const { network } = this.world;
    for (const [from, to] of pairs) network.cut(from, to, 1);
    return this.damage.for(forMs, () => {
      for (const [from, to] of pairs) network.cut(from, to, -1);
    });
  }
}

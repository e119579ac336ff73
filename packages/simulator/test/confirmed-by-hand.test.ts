import { describe, expect, test } from '@jest/globals';
import { LIMBO_HOST, LIMBO_PORT } from '@sentinel-micro/core';
import { run, type RunResult, type Scenario } from '../src/index.ts';
import type { Pod } from '../src/pod.ts';
import { RedisClient } from '../src/redis-client.ts';
import type { Script } from '../src/scenarios/script.ts';
import type { Story } from '../src/scenarios/story.ts';
import { quick } from '../src/scenarios/worlds.ts';

const SEEDS = [1, 2, 3, 4, 5];
/** All clients have noticed by then that their master does not answer any more. */
const CLIENTS_LEAVE_MS = 1500;
/** Sidecars stand still for so long: the holder of the lease does without their votes until they are back. */
const UNNOTICED_MS = 1300;
const WITHIN_MS = 10_000;

/** S3 of three pods; a lease outlives the time in which nobody puts anything right. */
function storyOf(name: string, play: (story: Story) => Script): Scenario {
  const timings = { leaseMs: 3000, guardMs: 300, heartbeatMs: 500, downAfterMs: 1500, dataWaitMs: 3000 };
  return {
    name,
    follows: 'S3',
    pods: [3],
    settings: (drawn) => ({ ...quick(drawn), timings, writeQuorum: 'off', clients: 3, writeEveryMs: 20 }),
    play,
  };
}

function play(scenario: Scenario): RunResult[] {
  return SEEDS.map((seed) => run({ seed, steps: 0, pods: null, scenario }));
}

function brokenBy(results: readonly RunResult[]): string[] {
  return results.flatMap(({ violations }) => violations.map(({ invariant, text }) => `${invariant}: ${text}`));
}

/** Of each run, that one write is missing, and no other: those of a usurper are not among them. */
function expectOneCounted(results: readonly RunResult[]): void {
  expect(brokenBy(results)).toEqual(results.map(() => expect.stringMatching(/^S3: 1 confirmed writes are lost/)));
}

/** What a Redis has accepted since, and `WAIT` has confirmed. */
function confirmedBy(story: Story, { machine }: Pod, sinceMs: number): number[] {
  return story.world.history
    .filter(({ at, sentAtMs, outcome }) => at === machine.ip && sentAtMs > sinceMs && outcome === 'confirmed')
    .map(({ value }) => value);
}

function* untilConfirmed(story: Story, pod: Pod, withinMs: number): Script {
  const sinceMs = story.nowMs;
  const isConfirmed = (): boolean => confirmedBy(story, pod, sinceMs).length > 0;
  yield story.until(`${pod.name} has a write confirmed`, withinMs, isConfirmed);
}

/** A write that was confirmed is nowhere any more, and nothing is said of it. */
function lose(story: Story, values: readonly number[]): void {
  const lost = new Set(values);
  for (const { redis } of story.world.pods) {
    if (redis !== null) redis.data = redis.data.filter((value) => !lost.has(value));
  }
}

/** What its sidecar orders when it promotes it: nothing of that is typed by anybody. */
function promoteAsSidecar({ master, world }: Story, { machine }: Pod): void {
  const timeouts = { connectMs: 100, commandMs: 100 };
  RedisClient.connect(world.network, master.sidecar!, master.machine, machine.ip, timeouts, (client) => {
    client?.call({ name: 'REPLICAOF', host: LIMBO_HOST, port: LIMBO_PORT }, () => undefined);
    client?.call({ name: 'REPLICAOF', host: null, port: 0 }, () => undefined);
  });
}

/**
 * Somebody makes a replica a master and another one its replica, while the sidecars of both stand still and no client reaches
 * the master: what is written then is confirmed by the usurper, with a quorum, beside a master that has the lease.
 */
function* usurped(story: Story): Script {
  const { master, damage, settings } = story;
  const [usurper, fed] = story.replicas as [Pod, Pod];
  const clients = Array.from({ length: settings.clients }, (_, index) => settings.pods + index);
  story.cut(
    clients.flatMap((slot) => [[slot, master.index] as const, [master.index, slot] as const]),
    CLIENTS_LEAVE_MS + UNNOTICED_MS,
  );
  yield story.wait(CLIENTS_LEAVE_MS);
  for (const { sidecar } of [usurper, fed]) damage.pause(sidecar, UNNOTICED_MS, 'io');
  damage.replicaOfByHand(usurper, null);
  damage.replicaOfByHand(fed, usurper.machine.ip);
  yield* untilConfirmed(story, usurper, UNNOTICED_MS);
  story.expect(story.master === master, 'the lease has changed hands');
}

describe('S3, of a Redis that somebody has made a master by hand', () => {
  test('does not count what it has accepted without a lease, when it is put right', () => {
    const results = play(
      storyOf('usurper', function* (story) {
        yield* usurped(story);
        yield* story.settled();
      }),
    );
    expect(brokenBy(results)).toEqual([]);
    // There was something to excuse.
    for (const { confirmedLost } of results) expect(confirmedLost).toBeGreaterThan(0);
  });

  test.each(['before', 'after'] as const)('counts what the master has confirmed %s that', (when) => {
    const results = play(
      storyOf('beside-usurper', function* (story) {
        const { master } = story;
        const before = confirmedBy(story, master, 0).slice(-1);
        yield* usurped(story);
        yield* story.settled();
        const sinceMs = story.nowMs;
        yield* untilConfirmed(story, master, WITHIN_MS);
        lose(story, when === 'before' ? before : confirmedBy(story, master, sinceMs).slice(0, 1));
      }),
    );
    expectOneCounted(results);
  });

  test('counts what it confirms when it has been put right, and been promoted under a lease since', () => {
    const results = play(
      storyOf('former-usurper', function* (story) {
        const [usurper] = story.replicas as [Pod, Pod];
        yield* usurped(story);
        yield* story.settled();
        yield* story.healthy();
        story.damage.order(story.master, { kind: 'switchover', to: usurper.name });
        yield story.until('the former usurper leads', WITHIN_MS, () => story.masterOrNull() === usurper);
        const sinceMs = story.nowMs;
        yield* untilConfirmed(story, usurper, WITHIN_MS);
        lose(story, confirmedBy(story, usurper, sinceMs).slice(0, 1));
      }),
    );
    expectOneCounted(results);
  });

  test('counts what it confirms under the lease of its pod: it is the master that was announced', () => {
    const results = play(
      storyOf('leader-by-hand', function* (story) {
        const { master, damage } = story;
        const [other] = story.replicas as [Pod, Pod];
        damage.pause(master.sidecar, UNNOTICED_MS, 'io');
        damage.replicaOfByHand(master, other.machine.ip);
        damage.replicaOfByHand(master, null);
        const sinceMs = story.nowMs;
        yield* untilConfirmed(story, master, UNNOTICED_MS);
        story.expect(master.redis?.wasPromotedByHand === true, 'it is not a master by hand');
        lose(story, confirmedBy(story, master, sinceMs).slice(0, 1));
      }),
    );
    expectOneCounted(results);
  });

  test('counts what it has accepted without a lease, once a sidecar has promoted a Redis that has it', () => {
    const firstOfEach: number[] = [];
    const results = play(
      storyOf('promoted-with-that', function* (story) {
        const [usurper] = story.replicas as [Pod, Pod];
        const sinceMs = story.nowMs;
        yield* usurped(story);
        firstOfEach.push(confirmedBy(story, usurper, sinceMs)[0]!);
        // The others know nothing of that, and put it right: all of it is lost.
        promoteAsSidecar(story, usurper);
        yield* story.settled();
      }),
    );
    expect(brokenBy(results)).toEqual(firstOfEach.map((value) => expect.stringContaining(`the first is ${value} of`)));
  });

  test('counts what it confirms when its sidecar has led it since, also when the lease is over', () => {
    const results = play(
      storyOf('led-since', function* (story) {
        const { master, damage, world, timings } = story;
        const [other] = story.replicas as [Pod, Pod];
        damage.replicaOfByHand(master, other.machine.ip);
        damage.replicaOfByHand(master, null);
        yield* story.settled();
        yield story.wait(WITHIN_MS);
        story.expect(story.master === master && master.redis?.wasPromotedByHand === true, 'it is not a master by hand');
        for (const { sidecar } of world.pods) damage.pause(sidecar, timings.leaseMs + UNNOTICED_MS, 'io');
        yield story.wait(timings.leaseMs);
        const sinceMs = story.nowMs;
        yield* untilConfirmed(story, master, UNNOTICED_MS);
        lose(story, confirmedBy(story, master, sinceMs).slice(0, 1));
      }),
    );
    expectOneCounted(results);
  });

  test('counts what the master confirms after somebody has typed REPLICAOF NO ONE at it, which changes nothing', () => {
    const results = play(
      storyOf('no-one-at-the-leader', function* (story) {
        const { master } = story;
        story.damage.replicaOfByHand(master, null);
        const sinceMs = story.nowMs;
        yield* untilConfirmed(story, master, WITHIN_MS);
        story.expect(master.redis?.isTamperedWith === true, 'nobody has typed anything');
        lose(story, confirmedBy(story, master, sinceMs).slice(0, 1));
      }),
    );
    expectOneCounted(results);
  });
});

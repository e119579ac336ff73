import { describe, expect, test } from '@jest/globals';
import { run, type RunResult, type Scenario } from '../src/index.ts';
import type { Pod } from '../src/pod.ts';
import type { Script } from '../src/scenarios/script.ts';
import { bothWays, type Story } from '../src/scenarios/story.ts';
import { quick } from '../src/scenarios/worlds.ts';

const SEEDS = [1, 2, 3, 4, 5];
/** No sidecar looks for so long, which is less than a heartbeat. */
const UNSEEN_MS = 400;
/** Shortly after TCP has sent again what did not arrive, so that it waits long for the next time. */
const LAG_MS = 1700;

/** Three pods; whoever has nothing to go on from is given everything anew within a few milliseconds. */
function play(tell: (story: Story) => Script): RunResult[] {
  const timings = { leaseMs: 3000, guardMs: 300, heartbeatMs: 500, downAfterMs: 1500, dataWaitMs: 3000 };
  const scenario: Scenario = {
    name: 'thrown-away',
    follows: 'S3',
    pods: [3],
    settings: (drawn) => ({
      ...quick(drawn),
      timings,
      clients: 3,
      writeEveryMs: 20,
      redis: { ...drawn.redis, leastSyncMs: 1, mostSyncMs: 5, mostLoadMs: 5, syncDelayMs: 0, hasRdbChannel: false },
    }),
    play: tell,
  };
  return SEEDS.map((seed) => run({ seed, steps: 0, pods: null, scenario }));
}

function brokenBy(results: readonly RunResult[]): string[] {
  return results.flatMap(({ violations }) => violations.map(({ invariant, text }) => `${invariant}: ${text}`));
}

/** A write is nowhere any more, and nothing is said of it. */
function lose({ world }: Story, values: ReadonlySet<number>): void {
  for (const { redis } of world.pods) {
    if (redis !== null) redis.data = redis.data.filter((value) => !values.has(value));
  }
}

/** One replica hears nothing for a while, but its link looks as if it were up; then somebody makes the master its replica. */
function* followsTheLaggard(story: Story): Script {
  const { master, damage, world } = story;
  const [lagging] = story.replicas as [Pod, Pod];
  const reconnect = story.cut(bothWays(master.index, lagging.index), null);
  yield story.wait(LAG_MS);
  for (const { sidecar } of world.pods) damage.pause(sidecar, UNSEEN_MS, 'io');
  reconnect();
  damage.replicaOfByHand(master, lagging.machine.ip);
}

describe('S3, of a master that somebody has made a replica of one that lacks something', () => {
  test('does not count what nobody has any more when its sidecar looks again', () => {
    const results = play(function* (story) {
      yield* followsTheLaggard(story);
      yield* story.settled();
    });
    expect(brokenBy(results)).toEqual([]);
    // There was something to excuse, unless the other replica was told to come back later, and kept what it had.
    expect(results.filter(({ confirmedLost }) => confirmedLost > 0).length).toBeGreaterThan(1);
  });

  test('counts what one pod still has then', () => {
    const results = play(function* (story) {
      const [lagging, other] = story.replicas as [Pod, Pod];
      yield* followsTheLaggard(story);
      // It notices nothing until the others have.
      story.damage.pause(other.redis, UNSEEN_MS * 2, 'io');
      const had = new Set(other.redis?.data);
      for (const value of lagging.redis?.data ?? []) had.delete(value);
      yield* story.settled();
      lose(story, had);
    });
    for (const { violations } of results) expect(violations.map(({ invariant }) => invariant)).toEqual(['S3']);
  });

  test('counts what was there all the time', () => {
    const results = play(function* (story) {
      const { master, world } = story;
      const before = world.history.find(({ outcome, at }) => outcome === 'confirmed' && at === master.machine.ip)!;
      yield* followsTheLaggard(story);
      yield* story.settled();
      lose(story, new Set([before.value]));
    });
    expect(brokenBy(results)).toEqual(results.map(() => expect.stringMatching(/^S3: 1 confirmed writes are lost/)));
  });
});

import type { Pod } from '../pod.ts';
import type { Snapshot } from '../redis-protocol.ts';
import type { Scenario } from './scenario.ts';
import type { Script } from './script.ts';
import { AFTERMATH_MS, type Story } from './story.ts';
import { ODD, plain } from './worlds.ts';

/** Ready in the sense of the probe: its sidecar votes again, and its Redis is master or attached to one. */
function isReady({ redis, sidecar }: Pod): boolean {
  if (redis?.isAlive !== true || sidecar?.isAlive !== true) return false;
  return sidecar.localNow() >= sidecar.state.voter.mutedUntilMs && (redis.isMaster || redis.following.isUp);
}

/** One pod after the other: asked to stop, deleted, made anew, waited for. */
function* rollEach(story: Story, pods: readonly Pod[]): Script {
  for (const pod of pods) {
    story.damage.stopSidecar(pod, 3500);
    yield story.until(`${pod.name} has handed over`, 5000, () => pod.sidecar?.isAlive !== true);
    story.damage.deletePod(pod, story.random.between(100, 1500));
    yield story.until(`${pod.name} is ready again`, 20_000, () => pod.exists && isReady(pod));
  }
}

/** The first master is the last one. */
function* promotedOnce(story: Story): Script {
  yield story.wait(AFTERMATH_MS);
  story.expectEqual(story.promotionsSince(0), 1, 'promotions');
}

function dataOf(length: number): number[] {
  return Array.from({ length }, (_, index) => -1 - index);
}

/** All pods find data on their disks; who has how much of the same history is drawn. */
function coldStart(story: Story): { freshest: number } {
  const replid = story.random.id();
  let freshest = 0;
  for (const pod of story.world.pods) {
    const length = story.random.int(0, 20);
    freshest = Math.max(freshest, length);
    const disk: Snapshot | null = length === 0 ? null : { data: dataOf(length), replid, offset: 1000 + length * 60 };
    story.world.scheduler.after(story.random.between(0, story.settings.startSpreadMs), () => pod.create(disk));
  }
  return { freshest };
}

export const podScenarios: readonly Scenario[] = [
  {
    name: 'pod-delete-master',
    follows: 'one master, new pod resyncs',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master } = story;
      const mark = story.mark();
      story.damage.deletePod(master, story.random.between(200, 5000));
      yield* story.succeeded(master);
      yield story.wait(5000 + AFTERMATH_MS);
      yield* story.settled();
      story.expectEqual(story.promotionsSince(mark), 1, 'promotions');
      story.expect((master.redis?.data.length ?? 0) > 0, 'the new pod has no data');
    },
  },
  {
    name: 'all-pods-cold-start',
    follows: 'exactly one master',
    pods: [1, 2, 3, 3, 5, 5, 7],
    settings: plain,
    *start(story) {
      for (const pod of story.world.pods) {
        story.world.scheduler.after(story.random.between(0, 300), () => pod.create());
      }
      yield* story.settled();
    },
    play: promotedOnce,
  },
  {
    name: 'all-pods-cold-start-with-data',
    follows: 'the freshest lineage wins',
    pods: ODD,
    settings: (drawn) => ({ ...plain(drawn), startSpreadMs: Math.min(drawn.startSpreadMs, 300) }),
    *start(story) {
      const { freshest } = coldStart(story);
      yield* story.settled();
      const kept = new Set(story.master.redis?.data);
      story.expect(
        dataOf(freshest).every((value) => kept.has(value)),
        'data that was on a disk is lost',
      );
    },
    play: promotedOnce,
  },
  {
    name: 'ordered-start',
    follows: 'no deadlock, one master',
    pods: [2, 3, 5, 7],
    settings: plain,
    *start(story) {
      // Without publishNotReadyAddresses nobody would find anybody; with it a pod counts as started when its containers run.
      for (const pod of story.world.pods) {
        pod.create();
        yield story.until(`${pod.name} runs`, 5000, () => pod.sidecar !== null);
        yield story.wait(story.random.between(0, 6000));
      }
      yield* story.settled();
    },
    play: promotedOnce,
  },
  {
    name: 'rolling-update',
    follows: 'no acknowledged write lost',
    pods: ODD,
    settings: plain,
    *play(story) {
      yield* rollEach(story, [...story.world.pods].reverse());
      yield* story.settled();
      story.expectNothingLost();
    },
  },
  {
    name: 'stop-sidecar',
    follows: 'no acknowledged write lost',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master } = story;
      const mark = story.mark();
      story.damage.stopSidecar(master, 3500);
      yield* story.succeeded(master, story.electionMs);
      yield story.wait(AFTERMATH_MS);
      yield* story.settled();
      story.expectEqual(story.promotionsSince(mark), 1, 'promotions');
      story.expectNothingLost();
    },
  },
  {
    name: 'scale-3-5-3',
    follows: 'a quorum at all times',
    pods: [5],
    settings: (drawn) => ({ ...plain(drawn), durability: 'available' }),
    *start(story) {
      const { pods } = story.world;
      for (const pod of pods) {
        pod.replicas = 3;
        pod.isWanted = pod.index < 3;
        if (pod.isWanted) pod.create();
      }
      yield* story.settled();
    },
    *play(story) {
      const { pods } = story.world;
      // The number is in the pod template: the new pods have it at once, the old ones as they are made anew.
      for (const pod of pods) pod.replicas = 5;
      for (const pod of pods.slice(3)) {
        pod.isWanted = true;
        pod.create();
        yield story.until(`${pod.name} is ready`, 20_000, () => isReady(pod));
      }
      yield* rollEach(story, pods.slice(0, 3).reverse());
      yield* story.settled();
      story.expectNothingLost();
      for (const pod of pods) pod.replicas = 3;
      for (const pod of pods.slice(3).reverse()) {
        pod.isWanted = false;
        story.damage.stopSidecar(pod, 3500);
        yield story.until(`${pod.name} has handed over`, 5000, () => pod.sidecar?.isAlive !== true);
        pod.delete();
        yield story.wait(2000);
      }
      yield* rollEach(story, pods.slice(0, 3).reverse());
      yield* story.settled();
      story.expectNothingLost();
    },
  },
  {
    name: 'force-delete',
    follows: 'the old pod has no part in anything any more; the new one counts only after it has resynced',
    pods: ODD,
    settings: plain,
    *play(story) {
      const victim = story.random.chance(0.6) ? story.master : story.anyReplica();
      const forMs = story.random.between(1000, 12_000);
      const heir = story.damage.forceDelete(victim, { forMs, isFrozen: story.random.chance(0.5), backForMs: 0 });
      yield story.wait(story.failoverMs);
      story.expect(story.masterOrNull() !== null, 'there is no master');
      yield story.wait(forMs + AFTERMATH_MS);
      yield* story.settled();
      story.expect((heir.redis?.data.length ?? 0) > 0, 'the new pod has no data');
    },
  },
];

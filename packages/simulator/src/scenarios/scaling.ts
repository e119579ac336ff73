import { Faults } from '../faults.ts';
import { drawPlan } from '../plan.ts';
import type { RunSettings } from '../settings.ts';
import { StatefulSet } from '../statefulset.ts';
import type { World } from '../world.ts';
import type { Scenario } from './scenario.ts';
import type { Script } from './script.ts';
import type { Story } from './story.ts';
import { plain } from './worlds.ts';

/** A new pod copies all data before the next one is counted, and a sidecar that is new is mute for a while. */
const RESIZED_WITHIN_MS = 60_000;

const sets = new WeakMap<World, StatefulSet>();

const following = (drawn: RunSettings): RunSettings => ({
  ...plain(drawn),
  durability: 'available',
  isResizable: true,
});

/** The StatefulSet makes the first pods. */
function createSet(story: Story, wanted: number, isParallel: boolean): StatefulSet {
  const { world, damage, random } = story;
  const mostDelayMs = random.pick([5, 100, 1000, 5000]);
  const set = new StatefulSet(world, damage, random, wanted, { isParallel, mostDelayMs });
  world.statefulSet = set;
  sets.set(world, set);
  return set;
}

function setOf(story: Story): StatefulSet {
  const set = sets.get(story.world);
  if (set === undefined) throw new Error('the story has no StatefulSet');
  return set;
}

function* startWith(story: Story, wanted: number): Script {
  createSet(story, wanted, story.random.chance(0.5));
  yield* story.settled();
  yield story.wait(3000);
}

function* scaledTo(story: Story, wanted: number): Script {
  setOf(story).scale(wanted);
  yield* story.settled(RESIZED_WITHIN_MS);
}

/** Who runs, and since when, so that it can be told that nobody was restarted. */
const livesOf = (story: Story, count: number): unknown[] =>
  story.world.pods.slice(0, count).map(({ sidecar, redis }) => [sidecar, redis]);

export const scalingScenarios: readonly Scenario[] = [
  {
    name: 'statefulset-3-5-3',
    follows: 'N follows without a restart, no write lost',
    pods: [5],
    settings: following,
    start: (story) => startWith(story, 3),
    *play(story) {
      const before = livesOf(story, 3);
      const { master } = story;
      const mark = story.mark();
      yield* scaledTo(story, 5);
      story.expectEqual(story.promotionsSince(mark) + story.campaignsSince(mark), 0, 'promotions and campaigns');
      if (story.random.chance(0.5)) {
        // Now it is one of those that go.
        story.damage.order(master, { kind: 'switchover', to: story.random.pick(story.world.pods.slice(3)).name });
        yield* story.succeeded(master);
        yield* story.settled();
      }
      yield* scaledTo(story, 3);
      const after = livesOf(story, 3);
      story.expect(
        before.flat().every((life, n) => life === after.flat()[n]),
        'a process was restarted',
      );
      story.expect(story.master.index < 3, 'the master is one of those that went');
      story.expectNothingLost();
    },
  },
  {
    name: 'statefulset-scaled-under-faults',
    follows: 'one master at most, and in the end N as the StatefulSet says',
    pods: [3, 4, 5, 5, 7],
    settings: (drawn, random) => ({ ...following(drawn), remembers: random.chance(0.7) }),
    start: (story) => startWith(story, story.random.int(1, story.settings.pods)),
    *play(story) {
      const { world, damage, random } = story;
      const { pods } = story.settings;
      const plan = drawPlan(random, random.int(0, 40), pods, story.nowMs, null);
      new Faults(world, damage, plan);
      const lastMs = plan.at(-1)?.atMs ?? story.nowMs;
      const set = setOf(story);
      damage.for(null, () => set.cutOff.clear());
      do {
        set.scale(random.int(1, pods));
        if (random.chance(0.3)) set.cutOff.add(random.pick(world.pods));
        if (random.chance(0.3)) set.cutOff.clear();
        yield story.wait(random.pick([100, 500, 2000, 8000]) * random.between(0.5, 1.5));
      } while (story.nowMs < lastMs);
      yield story.wait(3000);
    },
  },
  {
    name: 'statefulset-quicker-than-n',
    follows: 'those that are left come down to a number that they can be a quorum of',
    pods: [3, 5, 7],
    settings: following,
    *start(story) {
      createSet(story, story.settings.pods, true);
      yield* story.settled();
      yield story.wait(3000);
    },
    *play(story) {
      // Nobody is asked: the pods are gone at once, as with a grace period of 0.
      const left = story.random.int(1, story.world.core.quorumOf(story.settings.pods) - 1);
      setOf(story).scale(left);
      for (const pod of story.world.pods.slice(left)) pod.delete();
      yield* story.settled(RESIZED_WITHIN_MS);
      yield* scaledTo(story, story.settings.pods);
    },
  },
  {
    name: 'statefulset-api-away-at-start',
    follows: 'nobody guesses; the set goes on as it was, and a fresh pod takes what the others count by',
    pods: [3, 5],
    settings: following,
    *start(story) {
      const set = createSet(story, story.settings.pods, story.random.chance(0.5));
      for (const pod of story.world.pods) set.cutOff.add(pod);
      yield story.wait(10_000);
      story.expectEqual(story.promotionsSince(0), 0, 'promotions without anybody knowing N');
      set.cutOff.clear();
      yield* story.settled();
      yield story.wait(3000);
    },
    *play(story) {
      const set = setOf(story);
      for (const pod of story.world.pods) set.cutOff.add(pod);
      story.damage.for(null, () => set.cutOff.clear());
      const { master } = story;
      story.damage.deletePod(master, 1000);
      yield* story.succeeded(master);
      yield* story.settled();
      story.expectEqual(
        master.sidecar?.state.config.self.replicas ?? 0,
        story.settings.pods,
        'what the fresh pod counts by',
      );
    },
  },
];

import type { Pod } from '../pod.ts';
import type { Scenario } from './scenario.ts';
import type { Script } from './script.ts';
import { bothWays, AFTERMATH_MS, type Story, type Direction } from './story.ts';
import { fast, ODD, plain } from './worlds.ts';

const FLAPS = 12;
/** Some are free, and after that a silent master is waited for longer each time: twelve in a row would be no back-off. */
const MOST_FLAPPING_FAILOVERS = 8;

/** The old master refuses before its lease is over, and the others elect. */
function* deposed(story: Story, master: Pod): Script {
  const { leaseMs } = story.timings;
  yield story.until('the master refuses writes', leaseMs + 150, () => master.redis?.acceptsWrites === false);
  yield* story.succeeded(master);
}

/** The slots of pods and clients. */
function everybody(story: Story): number[] {
  return Array.from({ length: story.settings.pods + story.settings.clients }, (_, slot) => slot);
}

/** Cuts these directions between the master and each of the others, for longer than an election takes. */
function* deposedByCut(story: Story, directions: (self: number, other: number) => readonly Direction[]): Script {
  const { master } = story;
  const others = everybody(story).filter((slot) => slot !== master.index);
  story.cut(
    others.flatMap((slot) => directions(master.index, slot)),
    story.electionMs + story.random.between(3000, 9000),
  );
  yield* deposed(story, master);
  yield story.wait(9000);
  yield* story.settled();
}

export const cutScenarios: readonly Scenario[] = [
  {
    name: 'isolate-master',
    follows: 'refuses writes in the bound; majority elects',
    pods: ODD,
    settings: plain,
    play: (story) => deposedByCut(story, bothWays),
  },
  {
    name: 'isolate-master-with-client',
    follows: 'lost writes counted, within the bound; none of those confirmed by WAIT',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master, settings } = story;
      const atMs = story.nowMs;
      const near = settings.pods + story.random.int(0, settings.clients - 1);
      story.isolate(master, story.electionMs + story.random.between(3000, 9000), [near]);
      yield* deposed(story, master);
      yield story.wait(9000);
      yield* story.settled();
      const lost = story.lostWrites();
      const late = lost.filter(({ sentAtMs }) => sentAtMs > atMs + story.timings.leaseMs + 150);
      story.expectEqual(late.length, 0, 'writes that were acknowledged after the bound, and lost');
      // That none of them was confirmed is checked in every run (S3).
    },
  },
  {
    name: 'isolate-replica',
    follows: 'no disruption, no term inflation on return',
    pods: ODD,
    settings: plain,
    *play(story) {
      const [mark, term] = [story.mark(), story.term];
      const replica = story.anyReplica();
      const forMs = story.random.between(500, 15_000);
      story.isolate(replica, forMs);
      yield story.wait(forMs + AFTERMATH_MS);
      yield* story.settled();
      story.expectNoElection(mark, term);
      story.expectNothingLost();
    },
  },
  {
    name: 'asymmetric-in',
    follows: 'one writer',
    pods: ODD,
    settings: plain,
    play: (story) => deposedByCut(story, (self, other) => [[other, self]]),
  },
  {
    name: 'asymmetric-out',
    follows: 'one writer',
    pods: ODD,
    settings: plain,
    play: (story) => deposedByCut(story, (self, other) => [[self, other]]),
  },
  {
    name: 'candidate-blind',
    follows: 'pre-vote stops it',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master } = story;
      const [mark, term] = [story.mark(), story.term];
      const blind = story.anyReplica();
      const forMs = story.random.between(1000, 15_000);
      story.cut(bothWays(master.index, blind.index), forMs);
      yield story.wait(forMs + AFTERMATH_MS);
      yield* story.settled();
      story.expectNoElection(mark, term);
      story.expectNothingLost();
    },
  },
  {
    name: 'bridge',
    follows: 'one writer',
    pods: [5],
    settings: plain,
    *play(story) {
      const order = story.random.pick([
        [0, 1, 2, 3, 4],
        [4, 2, 0, 3, 1],
        [2, 3, 4, 0, 1],
      ]);
      const [a, b, , c, d] = order as [number, number, number, number, number];
      const sides = [a, b].flatMap((left) => [c, d].flatMap((right) => bothWays(left, right)));
      const forMs = story.random.between(4000, 15_000);
      story.cut(sides, forMs);
      yield story.wait(forMs - 500);
      story.expect(story.masterOrNull() !== null, 'a quorum sees each other over the bridge, but there is no master');
      yield story.wait(AFTERMATH_MS);
      yield* story.settled();
    },
  },
  {
    name: 'lossy-network',
    follows: 'stable',
    pods: ODD,
    settings: plain,
    *play(story) {
      const mark = story.mark();
      const { conditions } = story.world.network;
      conditions.lossRate = 0.33;
      const forMs = 20_000;
      story.damage.for(forMs, () => {
        conditions.lossRate = 0;
      });
      yield story.wait(forMs + AFTERMATH_MS);
      yield* story.settled();
      // A third of all packets costs a lease now and then; it must not become a storm.
      story.expectAtMost(story.promotionsSince(mark), forMs / story.timings.leaseMs, 'promotions');
    },
  },
  {
    name: 'slow-network',
    follows: 'stable, or a clear refusal of the configured timings',
    pods: ODD,
    settings: fast,
    *play(story) {
      const [mark, term] = [story.mark(), story.term];
      const { conditions } = story.world.network;
      // 100 ms with jitter, there and back; requests time out after a quarter of the lease, at least 100 ms.
      conditions.mostDelayMs = Math.min(100, story.timings.requestTimeoutMs / 2.5);
      story.damage.for(20_000, () => {
        conditions.mostDelayMs = story.settings.mostDelayMs;
      });
      yield story.wait(20_000 + AFTERMATH_MS);
      yield* story.settled();
      story.expectNoElection(mark, term);
    },
  },
  {
    name: 'flapping-link',
    follows: 'failovers bounded by back-off',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { leaseMs } = story.timings;
      const first = story.master;
      const mark = story.mark();
      const isSlow = story.random.chance(0.5);
      // Half a second is shorter than any lease and costs nothing; one and a half leases cost a failover, each time.
      const [downMs, upMs] = isSlow ? [leaseMs * 1.5, leaseMs + 1000] : [500, 500];
      const replica = story.anyReplica();
      for (let flap = 0; flap < FLAPS; flap += 1) {
        story.isolate(isSlow ? (story.masterOrNull() ?? replica) : replica, downMs);
        yield story.wait(downMs + upMs);
      }
      yield story.wait(AFTERMATH_MS);
      yield* story.settled();
      story.expectAtMost(story.changesOfMasterSince(mark, first), isSlow ? MOST_FLAPPING_FAILOVERS : 0, 'failovers');
    },
  },
  {
    name: 'blackhole-vs-reset',
    follows: 'both within their own bound',
    pods: ODD,
    settings: fast,
    *play(story) {
      const { master } = story;
      if (story.random.chance(0.5)) {
        story.damage.killRedis(master, { forMs: null, kept: 'empty' });
        yield story.until('a reset is known at once', story.promotionMs, () => story.masterOrNull() !== null);
      } else {
        story.isolate(master, null);
        yield* deposed(story, master);
      }
      yield story.wait(AFTERMATH_MS);
    },
  },
];

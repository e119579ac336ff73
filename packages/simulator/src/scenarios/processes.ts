import type { Pod } from '../pod.ts';
import type { Scenario } from './scenario.ts';
import { AFTERMATH_MS, bothWays, type Story } from './story.ts';
import { ODD, plain } from './worlds.ts';

/** What at least one replica had: nobody may lose that. */
function replicated(story: Story): number {
  return Math.max(...story.replicas.map(({ redis }) => redis?.data.length ?? 0));
}

export const processScenarios: readonly Scenario[] = [
  {
    name: 'kill9-master-small',
    follows: 'one promotion, fast path',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master } = story;
      const mark = story.mark();
      story.damage.killRedis(master, {
        forMs: story.random.between(50, 4000),
        kept: story.random.pick(['empty', 'rdb', 'aof']),
      });
      yield* story.succeeded(master, story.promotionMs);
      yield story.wait(AFTERMATH_MS);
      yield* story.settled();
      story.expectEqual(story.promotionsSince(mark), 1, 'promotions');
    },
  },
  {
    name: 'sigterm-master',
    follows: 'lossless',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master } = story;
      story.damage.stopRedis(master, story.random.between(200, 4000));
      yield* story.succeeded(master, 3000 + story.promotionMs);
      yield story.wait(AFTERMATH_MS);
      yield* story.settled();
      story.expectNothingLost();
    },
  },
  {
    name: 'master-restart-empty-fast',
    follows: 'no replica wiped',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master } = story;
      const had = replicated(story);
      story.damage.killRedis(master, { forMs: story.random.between(0, 30), kept: 'empty' });
      yield story.wait(AFTERMATH_MS);
      yield* story.settled();
      story.expect((story.master.redis?.data.length ?? 0) >= had, 'the master has less than a replica had');
    },
  },
  {
    name: 'voter-restarts',
    follows:
      'its new life keeps the promise of the former one, which it has forgotten, by voting for nobody while that may last',
    pods: [3],
    settings: (drawn) => ({ ...plain(drawn), writeQuorum: 'off', mostDelayMs: 1 }),
    *play(story) {
      const { master, replicas } = story;
      const [blind, voter] = replicas as [Pod, Pod];
      // The one does not hear the master any more, and asks the other again and again for its vote.
      story.cut(bothWays(master.index, blind.index), null);
      yield story.wait(story.electionMs);
      // Then nobody hears it, but its lease goes on for a while: the voter has promised it.
      story.cut(bothWays(master.index, voter.index), null);
      story.damage.killSidecar(voter, story.random.between(5, 100));
      yield* story.succeeded(master);
      story.expectAtMost(story.overlapMs, 0, 'time with two masters');
    },
  },
  {
    name: 'master-restart-with-data',
    follows: 'rejoins as replica, or is promoted again if nobody better',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master } = story;
      const had = replicated(story);
      const kept = story.random.pick(['rdb', 'aof'] as const);
      story.damage.killRedis(master, { forMs: story.random.between(0, 2000), kept, isSaved: story.random.chance(0.5) });
      yield story.wait(AFTERMATH_MS);
      yield* story.settled();
      story.expect((story.master.redis?.data.length ?? 0) >= had, 'the master has less than a replica had');
    },
  },
  {
    name: 'kill-replica',
    follows: 'no election, no term change',
    pods: ODD,
    settings: plain,
    *play(story) {
      const [mark, term, fromMs] = [story.mark(), story.term, story.nowMs];
      story.damage.killRedis(story.anyReplica(), {
        forMs: story.random.between(100, 6000),
        kept: story.random.pick(['empty', 'rdb', 'aof']),
      });
      yield story.wait(AFTERMATH_MS);
      yield* story.settled();
      story.expectNoElection(mark, term);
      story.expect(story.acknowledgedSince(fromMs) > 0, 'nothing was written meanwhile');
      story.expectNothingLost();
    },
  },
  {
    name: 'kill-sidecar-on-master',
    follows: 'sidecar back in time: nothing happens; not back: lossless switchover',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master } = story;
      const mark = story.mark();
      const isBack = story.random.chance(0.5);
      story.damage.killSidecar(master, isBack ? story.random.between(50, story.timings.leaseMs / 3) : null);
      if (isBack) {
        yield story.wait(story.timings.grantMs + AFTERMATH_MS);
        story.expectEqual(story.promotionsSince(mark), 0, 'promotions');
        story.expect(story.master === master, 'the master is another one now');
      } else {
        yield* story.succeeded(master, story.electionMs + story.timings.pauseBudgetMs);
        yield story.wait(AFTERMATH_MS);
        story.expectEqual(story.promotionsSince(mark), 1, 'promotions');
      }
      story.expectNothingLost();
    },
  },
  {
    name: 'kill-sidecar-on-replica',
    follows: 'nothing',
    pods: ODD,
    settings: plain,
    *play(story) {
      const [mark, term] = [story.mark(), story.term];
      story.damage.killSidecar(story.anyReplica(), story.random.between(50, 8000));
      yield story.wait(8000 + AFTERMATH_MS);
      story.expectNoElection(mark, term);
      story.expectNothingLost();
    },
  },
  {
    name: 'double-kill',
    follows: 'no quorum: reads only, nothing lost, recovers by itself',
    pods: [3],
    settings: (drawn) => ({ ...plain(drawn), durability: 'available' }),
    *play(story) {
      const { master } = story;
      const [other, survivor] = story.replicas as [Pod, Pod];
      const mark = story.mark();
      const forMs = story.random.between(4000, 8000);
      for (const pod of [master, other]) {
        story.damage.killRedis(pod, { forMs, kept: 'empty' });
        story.damage.killSidecar(pod, forMs);
      }
      const had = new Set(survivor.redis?.data);
      yield story.wait(forMs - 100);
      story.expectEqual(story.promotionsSince(mark), 0, 'promotions without a quorum');
      story.expect(survivor.redis?.isMaster === false, 'the survivor takes writes');
      yield story.wait(200);
      yield* story.settled();
      const kept = new Set(story.master.redis?.data);
      story.expect(
        [...had].every((value) => kept.has(value)),
        'something that the survivor had is lost',
      );
    },
  },
  {
    name: 'slow-script',
    follows: 'alive, no failover before downAfter, reason shown',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master } = story;
      const [mark, term] = [story.mark(), story.term];
      const { downAfterMs, heartbeatMs } = story.timings;
      const silentMs = story.random.between(0, downAfterMs / 2 - heartbeatMs / 2);
      story.damage.runSlowScript(master, silentMs, story.random.between(2000, 9000));
      yield story.wait(silentMs + 1500);
      const shown = master.sidecar?.state.own.health;
      story.expect(shown?.state === 'up' && shown.reason.includes('BUSY'), `health says: ${String(shown?.reason)}`);
      yield story.wait(9000);
      yield* story.settled();
      story.expectNoElection(mark, term);
    },
  },
  {
    name: 'loading',
    follows: 'alive, not electable, not killed',
    pods: ODD,
    settings: (drawn) => ({ ...plain(drawn), durability: 'available' }),
    *play(story) {
      const { master } = story;
      const loader = story.anyReplica();
      loader.save();
      loader.killRedis();
      const mark = story.mark();
      yield story.wait(100);
      loader.startRedis('rdb', story.random.between(5000, 9000));
      yield story.wait(1000);
      story.expect(loader.sidecar?.state.own.health.state === 'up', 'a Redis that loads is taken for dead');
      story.damage.killRedis(master, { forMs: story.random.between(500, 2000), kept: 'rdb', isSaved: true });
      yield* story.led();
      story.expect(story.master !== loader, 'a Redis that was loading has been promoted');
      story.expect(story.promotionsSince(mark) >= 1, 'nobody was promoted');
      yield story.wait(9000);
      yield* story.settled();
    },
  },
];

import type { Pod } from '../pod.ts';
import type { Scenario } from './scenario.ts';
import { AFTERMATH_MS, bothWays } from './story.ts';
import { ODD, plain } from './worlds.ts';

/** Who has what, and who follows whom: everything that is about data and histories. */
export const historyScenarios: readonly Scenario[] = [
  {
    name: 'zero-masters',
    follows: 'healed',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master } = story;
      const isCircle = story.random.chance(0.5);
      const pods = isCircle ? story.world.pods : [master];
      for (const pod of pods) {
        const next = story.world.pods[(pod.index + 1) % story.world.pods.length] as Pod;
        story.damage.replicaOfByHand(pod, next.machine.ip);
      }
      yield story.wait(100);
      yield* story.settled();
      story.expectNothingLost();
    },
  },
  {
    name: 'two-masters-at-start',
    follows: "the lease decides; the loser's surplus is counted and reported before it resyncs",
    pods: ODD,
    settings: plain,
    *start(story) {
      const [first, second] = story.world.pods as [Pod, Pod];
      for (const pod of story.world.pods) pod.create();
      yield story.until('all Redis run', 2000, () => story.world.pods.every(({ redis }) => redis !== null));
      for (const [pod, from] of [
        [first, -1000],
        [second, -2000],
      ] as const) {
        story.damage.replicaOfByHand(pod, null);
        const { redis } = pod;
        for (let written = 0; written < story.random.int(1, 20); written += 1) redis?.append(60, from - written);
      }
      yield* story.settled();
    },
    *play(story) {
      yield story.wait(AFTERMATH_MS);
      story.expectAtMost(story.promotionsSince(0), 3, 'promotions, two of them by hand');
    },
  },
  {
    name: 'chained-replicas',
    follows: 'flattened',
    pods: ODD,
    settings: plain,
    *play(story) {
      const term = story.term;
      const mark = story.mark();
      const [first, second] = story.replicas as [Pod, Pod];
      story.damage.replicaOfByHand(second, first.machine.ip);
      yield story.wait(story.timings.heartbeatMs * 3 + 500);
      yield* story.settled(5000);
      story.expectNoElection(mark, term);
      story.expectNothingLost();
    },
  },
  {
    name: 'wrong-master-by-hand',
    follows: 'put back, reported',
    pods: ODD,
    settings: plain,
    *play(story) {
      const { master } = story;
      const mark = story.mark();
      const victim = story.random.chance(0.5) ? master : story.anyReplica();
      const to = victim === master || story.random.chance(0.5) ? story.anyReplica().machine.ip : null;
      story.damage.replicaOfByHand(victim, victim.machine.ip === to ? null : to);
      yield story.wait(story.timings.heartbeatMs * 3 + 500);
      yield* story.settled();
      const told =
        story.notesSince(mark, 'repoint') + story.notesSince(mark, 'repair') + story.notesSince(mark, 'limbo');
      const isAsItWas = to === master.machine.ip;
      story.expect(isAsItWas || told > 0, 'nothing was reported');
    },
  },
  {
    name: 'full-sync-in-progress',
    follows: 'not electable',
    pods: ODD,
    settings: (drawn) => ({
      ...plain(drawn),
      durability: 'available',
      redis: { ...drawn.redis, leastSyncMs: 4000, mostSyncMs: 6000 },
    }),
    *play(story) {
      const { master } = story;
      const fresh = story.anyReplica();
      story.damage.deletePod(fresh, 100);
      const { redis } = master;
      yield story.until(
        'a full sync is under way',
        10_000,
        () => fresh.redis?.following.info().syncInProgress === true,
      );
      yield story.wait(story.random.between(0, 2500));
      story.expect(
        story.master === master && redis?.isMaster === true,
        'the master has changed before the story begins',
      );
      story.damage.killRedis(master, { forMs: 1000, kept: 'empty' });
      yield* story.led();
      story.expect(story.master !== fresh, 'a replica in the middle of its first sync was promoted');
      yield* story.settled();
    },
  },
  {
    name: 'divergent-rejoin',
    follows: 'full resync, loss counted',
    pods: ODD,
    settings: (drawn) => ({ ...plain(drawn), writeQuorum: 'off' }),
    *play(story) {
      const { master, settings } = story;
      const mark = story.mark();
      const near = settings.pods + story.random.int(0, settings.clients - 1);
      story.isolate(master, story.electionMs + 4000, [near]);
      const { redis } = master;
      const before = redis?.offset ?? 0;
      // Its own clients may all be on the other side.
      redis?.append(60, -5000);
      yield* story.succeeded(master);
      yield story.wait(6000);
      yield* story.settled();
      story.expect((redis?.offset ?? 0) > before, 'the old master has nothing of its own');
      story.expect(!new Set(story.master.redis?.data).has(-5000), 'what nobody else had is in the new master');
      const synced = story.chronicle.since(mark, 'full-sync').some(({ to }) => to === master.name);
      story.expect(synced, 'the old master was not given everything anew');
      // Its own sidecar tells, or whoever puts it right while that is not heard of.
      const counted = story.chronicle
        .since(mark, 'note')
        .some(({ note }) => note.fields?.['discardedBytes'] !== undefined);
      story.expect(counted, 'nothing says how much was thrown away');
    },
  },
  {
    name: 'lagging-candidate',
    follows: 'no data lost to priority',
    pods: ODD,
    settings: (drawn) => ({ ...plain(drawn), priorities: drawn.priorities.map((_, index) => (index === 0 ? 1 : 100)) }),
    *play(story) {
      const { master } = story;
      const preferred = story.world.pods[0] as Pod;
      const laggard = master === preferred ? story.anyReplica() : preferred;
      const others = story.world.pods.filter((pod) => pod !== laggard);
      // It hears of nothing new, but its sidecar votes: only its Redis stands still until it is asked.
      story.damage.pause(
        laggard.redis,
        story.random.between(200, story.timings.downAfterMs - 2 * story.timings.heartbeatMs),
        'io',
      );
      yield story.wait(150);
      const had = new Set(others.filter((pod) => pod !== master).flatMap(({ redis }) => redis?.data ?? []));
      story.damage.killRedis(master, { forMs: null, kept: 'empty' });
      yield* story.led();
      story.expectMasterHas(had, 'another one had');
      yield story.wait(AFTERMATH_MS);
    },
  },
  {
    name: 'priority-zero-has-most',
    follows: 'they survive',
    pods: [3],
    settings: (drawn) => ({ ...plain(drawn), priorities: [0, 100, 100], writeQuorum: 'off' }),
    *play(story) {
      const never = story.world.pods[0] as Pod;
      const { master } = story;
      const other = story.replicas.find((pod) => pod !== never) as Pod;
      // The only one that may follow is cut off from the master while the one that never may hears the last writes.
      story.cut(bothWays(master.index, other.index), null);
      yield story.wait(story.random.between(50, 800));
      const had = new Set(never.redis?.data);
      story.damage.killRedis(master, { forMs: null, kept: 'empty' });
      yield story.wait(story.failoverMs + AFTERMATH_MS);
      const now = story.masterOrNull();
      if (now === null) return;
      story.expectMasterHas(had, 'the pod with priority 0 had');
    },
  },
  {
    name: 'priority-zero-alone-in-history',
    follows: 'its data is not given up for that of a pod that may be promoted, and has another history',
    pods: [3],
    settings: (drawn) => ({
      ...plain(drawn),
      priorities: [0, 100, 100],
      writeQuorum: 'off',
      durability: 'available',
      writeEveryMs: 20,
    }),
    *play(story) {
      const never = story.world.pods[0] as Pod;
      const { master } = story;
      const other = story.replicas.find((pod) => pod !== never) as Pod;
      story.cut(bothWays(master.index, other.index), null);
      yield story.wait(story.random.between(500, 1500));
      const had = new Set(never.redis?.data);
      // What is loaded from an append-only file has no place in any history.
      story.damage.killRedis(other, { forMs: 50, kept: 'aof' });
      story.damage.killRedis(master, { forMs: null, kept: 'empty' });
      // The data is fetched by a full sync, which takes as long as it takes.
      yield* story.led(story.failoverMs + story.settings.redis.mostSyncMs);
      story.expectMasterHas(had, 'the pod with priority 0 had');
    },
  },
  {
    name: 'priority-zero-donor-lost',
    follows: 'what another one of priority 0 has survives',
    pods: [5],
    settings: (drawn) => ({
      ...plain(drawn),
      priorities: [0, 0, 100, 100, 100],
      writeQuorum: 'off',
      writeEveryMs: 20,
      // Feeding takes a full sync, and that begins late: there is time to be lost in.
      redis: { ...drawn.redis, backlogBytes: 3000, syncDelayMs: 5000 },
    }),
    *play(story) {
      const never = story.world.pods.slice(0, 2);
      const { master } = story;
      const others = story.replicas.filter((pod) => !never.includes(pod));
      for (const { index } of others) story.cut(bothWays(master.index, index), null);
      yield story.wait(story.random.between(2000, 3000));
      const had = new Set(never[1]?.redis?.data);
      story.damage.killRedis(master, { forMs: null, kept: 'empty' });
      const donor = (): Pod | undefined => never.find((pod) => pod.redis?.isMaster === true);
      yield story.until(
        'one of them to be asked',
        story.electionMs + story.timings.dataWaitMs,
        () => donor() !== undefined,
      );
      const lost = donor() as Pod;
      story.damage.killRedis(lost, { forMs: null, kept: 'empty' });
      yield story.wait(story.electionMs + story.timings.dataWaitMs * 12 + AFTERMATH_MS);
      story.expectMasterHas(had, 'both pods with priority 0 had');
    },
  },
  {
    name: 'priority-zero-fed-one-lost',
    follows: 'what it had of its donor survives in the other one of priority 0, though it is older than its promotion',
    pods: [5],
    settings: (drawn) => ({
      ...plain(drawn),
      priorities: [0, 0, 100, 100, 100],
      writeQuorum: 'off',
      durability: 'available',
      writeEveryMs: 20,
      // After a full sync the one that was fed knows of no past, and after a partial one it notes where it was itself.
      redis: { ...drawn.redis, backlogBytes: drawn.clients > 1 ? 3000 : 1_000_000, syncDelayMs: 0 },
    }),
    *play(story) {
      const never = story.world.pods.slice(0, 2);
      const { master: first, damage } = story;
      // The first master goes its own way: it has something that nobody else has, and lacks all that was written since.
      const reconnect = story.isolate(first, null);
      first.redis?.append(60, -8000);
      yield* story.succeeded(first);
      yield story.wait(story.random.between(2000, 3000));
      const second = story.master;
      const fed = story.replicas.find((pod) => pod !== first && !never.includes(pod)) as Pod;
      story.cut(bothWays(second.index, fed.index), null);
      yield story.wait(story.random.between(1000, 2000));
      damage.killRedis(second, { forMs: null, kept: 'empty' });
      const [some, others] = never.map(({ redis }) => new Set(redis?.data)) as [Set<number>, Set<number>];
      const had = new Set([...some].filter((value) => others.has(value)));
      const donors: Pod[] = [];
      story.world.onStep = (pod, action) => {
        if (action.type === 'own' && action.action.kind === 'donate') donors.push(pod);
      };
      yield story.until('the one that lags is master', 2 * story.failoverMs, () => story.masterOrNull() === fed);
      story.world.onStep = null;
      story.expectEqual(donors.length, 1, 'donors');
      for (const pod of [fed, ...donors]) damage.killRedis(pod, { forMs: null, kept: 'empty' });
      yield story.wait(story.random.between(500, 2000));
      reconnect();
      yield* story.led(4 * story.failoverMs);
      story.expectMasterHas(had, 'both pods with priority 0 had');
    },
  },
  {
    name: 'empty-voter',
    follows: 'does not count as holding data',
    pods: [3],
    settings: (drawn) => ({ ...plain(drawn), durability: 'available' }),
    *play(story) {
      const { master } = story;
      const [lost, behind] = story.replicas as [Pod, Pod];
      // One replica is behind, one has just lost everything; the master dies, and is back with all of it a moment later.
      story.isolate(behind, story.random.between(1200, 2500));
      yield story.wait(1000);
      lost.killRedis();
      story.isolate(lost, 300);
      lost.startRedis('empty');
      const had = new Set(master.redis?.data);
      story.damage.pause(master.redis, story.timings.downAfterMs * 2 + 500, 'io');
      yield story.wait(4000);
      const now = story.masterOrNull();
      if (now !== null) story.expect(now !== lost || had.size === 0, 'an empty pod was promoted over those with data');
      yield* story.settled();
    },
  },
];

import { DEFAULT_TIMINGS } from '@sentinel-micro/core';
import type { Pod } from '../pod.ts';
import type { Scenario } from './scenario.ts';
import { AFTERMATH_MS } from './story.ts';
import { plain, quick } from './worlds.ts';

/** A process that is restarted at once. */
const RESTART_MS = 100;

/** Stories of mistakes that were once made, and mended. */
export const rememberedScenarios: readonly Scenario[] = [
  {
    name: 'secret-promotion',
    follows: 'whoever was promoted and could not say so is detached before another one is promoted',
    pods: [3],
    settings: (drawn) => ({ ...plain(drawn), writeQuorum: 'off', durability: 'available', mostDelayMs: 1 }),
    *play(story) {
      const { master } = story;
      story.damage.killRedis(master, { forMs: null, kept: 'empty' });
      // The winner's sidecar dies right after it has promoted its Redis, before anybody has heard of it.
      let winner: Pod | null = null;
      story.world.onStep = (pod, action) => {
        if (winner !== null || action.type !== 'own' || action.action.kind !== 'promote') return;
        winner = pod;
        // The order is on its way to its Redis.
        story.world.scheduler.after(0, () => story.damage.killSidecar(pod, null));
      };
      yield story.until('somebody was promoted in secret', 10_000, () => winner?.sidecar?.isAlive === false);
      story.world.onStep = null;
      yield story.wait(story.failoverMs + AFTERMATH_MS);
      const masters = story.world.pods.filter(
        ({ redis }) => redis?.isAlive === true && redis.acceptsWrites && redis.isMaster,
      );
      story.expectAtMost(masters.length, 1, 'masters that take writes');
      story.expectAtMost(story.overlapMs, 0, 'time with two masters');
    },
  },
  {
    name: 'forgotten-master',
    follows: 'a master that no sidecar remembers is detached before another one is promoted',
    pods: [3],
    settings: (drawn) => ({ ...plain(drawn), writeQuorum: 'off', durability: 'available', mostDelayMs: 1 }),
    *play(story) {
      const { master, replicas } = story;
      story.damage.killSidecar(master, null);
      for (const pod of replicas) story.damage.killSidecar(pod, story.random.between(50, 500));
      yield* story.succeeded(master, 20_000);
      yield story.wait(AFTERMATH_MS);
      story.expectAtMost(story.overlapMs, 0, 'time with two masters');
    },
  },
  {
    name: 'diverged-orphan',
    follows: 'a master with writes of its own and no sidecar is put right once it can be reached',
    pods: [3],
    settings: (drawn) => ({ ...plain(drawn), writeQuorum: 'off', durability: 'available' }),
    *play(story) {
      const { master, replicas } = story;
      story.damage.killSidecar(master, null);
      story.isolate(master, story.failoverMs + AFTERMATH_MS);
      yield story.wait(1000);
      master.redis?.append(60, -6000);
      yield* story.succeeded(master, 20_000);
      for (const pod of replicas) master.redis?.append(60, -6001 - pod.index);
      yield story.until('the old master is put right', 20_000, () => master.redis?.isMaster === false);
    },
  },
  {
    name: 'unmet-orphan',
    follows: 'a master whose sidecar nobody has met in this life is found by DNS, known by its history, and put right',
    pods: [3],
    settings: (drawn) => ({ ...plain(drawn), writeQuorum: 'off', durability: 'available' }),
    *play(story) {
      const { master, replicas } = story;
      story.damage.killSidecar(master, null);
      story.isolate(master, story.failoverMs + AFTERMATH_MS);
      for (const pod of replicas) story.damage.killSidecar(pod, story.random.between(50, 500));
      yield* story.succeeded(master, 20_000);
      yield story.until('the old master is put right', 20_000, () => master.redis?.isMaster === false);
    },
  },
  {
    name: 'founder-gives-way',
    follows:
      'an empty pod that was promoted because nobody remembered the set follows the one with data when it turns up',
    pods: [3],
    settings: (drawn) => ({ ...plain(drawn), durability: 'available', clients: 0 }),
    *play(story) {
      const { master, replicas } = story;
      master.redis?.append(60, -7000);
      yield story.wait(1000);
      const [founder, other] = replicas as [Pod, Pod];
      story.damage.killRedis(founder, { forMs: 50, kept: 'empty' });
      story.damage.killRedis(other, { forMs: 15_000, kept: 'empty' });
      story.damage.killSidecar(master, null);
      for (const pod of replicas) story.damage.killSidecar(pod, story.random.between(50, 300));
      yield story.until('an empty pod is promoted', 20_000, () => story.masterOrNull() === founder);
      master.startSidecar();
      yield story.until('the one with data is master', 30_000, () => {
        const data = story.masterOrNull()?.redis?.data ?? [];
        return data.includes(-7000);
      });
      yield* story.settled();
      story.expect(story.master.redis?.data.includes(-7000) === true, 'what the set had is gone');
    },
  },
  {
    name: 'begun-anew-beside-older',
    follows:
      'two pods that have lost everything begin a new set while the third is cut off; when their master is gone as it comes back, one of the two sets goes on, whole',
    pods: [3],
    settings: (drawn) => ({ ...plain(drawn), durability: 'available', priorities: [100, 100, 100] }),
    *play(story) {
      const { master } = story;
      // Terms begin anew with them: that of the third is the higher one.
      story.damage.killRedis(master, { forMs: 50, kept: 'empty' });
      yield* story.succeeded(master, story.failoverMs);
      yield* story.settled();
      const late = story.anyReplica();
      const had = [...(late.redis?.data ?? [])];
      const join = story.isolate(late, null);
      for (const pod of story.world.pods) if (pod !== late) story.damage.deletePod(pod, 500);
      const others = story.world.pods.filter((pod) => pod !== late);
      const hasBegun = (): boolean => others.every(({ redis }) => (redis?.data.length ?? 0) > 20);
      yield story.until('a new set has begun', 30_000, hasBegun);
      const founder = story.master;
      const [heir] = others.filter((pod) => pod !== founder) as [Pod];
      const leave = story.isolate(heir, null);
      yield story.wait(story.timings.leaseMs * 2);
      const begun = [...(heir.redis?.data ?? [])];
      // They hear of each other before anybody can be elected.
      const back = story.isolate(founder, null);
      story.damage.killRedis(founder, { forMs: 50, kept: 'empty' });
      join();
      leave();
      back();
      yield story.until('somebody goes on', 30_000, () => (story.masterOrNull()?.redis?.data.length ?? 0) > 0);
      const kept = new Set(story.master.redis?.data);
      const isWhole = [had, begun].some((data) => data.length > 0 && data.every((value) => kept.has(value)));
      story.expect(isWhole, `${story.master.name} has neither all that was before nor all that was begun`);
      yield* story.settled();
    },
  },
  {
    name: 'sidecar-restarts-as-master-dies',
    follows: 'a replica whose sidecar has restarted counts: the others have seen it in step',
    pods: [3],
    settings: (drawn) => ({ ...plain(drawn), durability: 'strict' }),
    *play(story) {
      const { master } = story;
      story.damage.killSidecar(story.anyReplica(), 20);
      story.damage.killRedis(master, { forMs: null, kept: 'empty' });
      story.damage.killSidecar(master, null);
      yield* story.led(story.failoverMs + story.timings.grantMs);
    },
  },
  {
    name: 'sidecar-restarts-unnamed',
    follows:
      'a sidecar that restarts while DNS names nobody is found again by the holder, and by those whom that tells of it',
    pods: [3],
    settings: (drawn) => ({
      ...plain(drawn),
      durability: 'available',
      redis: { ...drawn.redis, syncDelayMs: 5000, backlogBytes: 3000 },
    }),
    *play(story) {
      const { master } = story;
      const [whole, lagging] = story.replicas as [Pod, Pod];
      story.world.dns.fill('self-only');
      story.damage.for(null, () => story.world.dns.fill('right'));
      // Until everybody has been told so by DNS.
      yield story.wait(6000);
      story.damage.killSidecar(whole, story.random.between(50, 500));
      yield story.wait(6000);
      // What is written from now on is confirmed by the other one: a full sync is a while in coming.
      story.damage.killRedis(lagging, { forMs: 50, kept: 'rdb' });
      yield story.wait(story.random.between(1500, 3000));
      const had = [...(whole.redis?.data ?? [])];
      story.damage.killRedis(master, { forMs: null, kept: 'empty' });
      yield* story.succeeded(master, 2 * story.failoverMs);
      const kept = new Set(story.master.redis?.data);
      story.expect(
        had.every((value) => kept.has(value)),
        `${story.master.name} is master, which lacks what ${whole.name} has`,
      );
    },
  },
  {
    name: 'promotions-nobody-remembers',
    follows:
      'a process that had the known history, and shows no id of it any more, has gone on from it: what it has counts',
    pods: [3],
    settings: (drawn) => ({ ...plain(drawn), writeQuorum: 'off', durability: 'available', mostDelayMs: 1 }),
    *play(story) {
      const { master: first } = story;
      const [second, deaf] = story.replicas as [Pod, Pod];
      const reconnect = story.isolate(deaf, null);
      yield story.wait(story.timings.grantMs);
      // The one that is left is a replica when nobody remembers: the master that `deaf` knows of, or the other one that followed it.
      let [old, next] = [first, second];
      for (let moves = story.random.pick([2, 3]); moves > 0; moves -= 1) {
        story.damage.order(old, { kind: 'switchover', to: next.name });
        yield* story.succeeded(old, 10_000);
        yield story.wait(AFTERMATH_MS);
        [old, next] = [next, old];
      }
      story.isolate(old, null);
      story.damage.killSidecar(next, 20);
      yield story.wait(story.random.between(500, 1500));
      reconnect();
      yield* story.succeeded(old, 2 * story.failoverMs);
      yield story.wait(story.timings.dataWaitMs + AFTERMATH_MS);
      story.expect(story.master === next, `${story.master.name} is master, which has heard of nothing`);
    },
  },
  {
    name: 'handover-made-replica',
    follows:
      'a master that is made a replica by hand, in the middle of a handover, is detached before its replicas lose what it has lost',
    pods: [3],
    settings: (drawn) => {
      // A little longer than it takes until a sidecar looks again.
      const leastSyncMs = drawn.timings.heartbeatMs * 1.05;
      const slow = { leastSyncMs, mostSyncMs: leastSyncMs * 1.05, mostLoadMs: 0, syncDelayMs: 0 };
      return { ...quick(drawn), redis: { ...drawn.redis, ...slow }, writeEveryMs: 20, clients: 3 };
    },
    *play(story) {
      const { master: old, damage, random, timings } = story;
      const [next, lagging] = story.replicas as [Pod, Pod];
      // Nothing comes any more, but the link looks as if it were up.
      const pair = [old.index, lagging.index] as const;
      const reconnect = story.cut([pair, [pair[1], pair[0]]], null);
      yield story.wait(random.between(100, timings.leaseMs / 4));
      damage.order(old, { kind: 'switchover', to: next.name });
      yield story.until('the named pod is master', timings.leaseMs, () => story.masterOrNull() === next);
      // It knows the order of succession from the one before, who still counted on the one that lags.
      damage.stopSidecar(next, 5000);
      yield story.wait(random.between(1, timings.heartbeatMs / 4));
      damage.replicaOfByHand(next, lagging.machine.ip);
      yield story.wait(timings.pauseBudgetMs);
      reconnect();
      yield* story.led();
      yield story.wait(AFTERMATH_MS);
      yield* story.settled();
      story.expectNothingLost();
    },
  },
  {
    name: 'renamed-unheard',
    follows:
      'a new replication id of the master that not everybody has heard of is learnt by the others, and all choose alike',
    pods: [3],
    settings: (drawn) => {
      const redis = { ...drawn.redis, syncDelayMs: 0 };
      // Long enough for the first replicas to be fed before the lease of the one that stands still is over.
      return {
        ...quick(drawn),
        redis,
        timings: { ...DEFAULT_TIMINGS, leaseMs: 8000 },
        mostDelayMs: 1,
        remembers: true,
      };
    },
    *start(story) {
      const { world } = story;
      for (const pod of world.pods) pod.create();
      // Everybody has heard of the first master; its sidecar stands still before it sees that its first replica has given it a new id.
      let first: Pod | null = null;
      world.onStep = (pod, action) => {
        if (action.type !== 'ask' || action.request.type !== 'ANNOUNCE') return;
        world.onStep = null;
        first = pod;
        world.scheduler.after(4, () => pod.sidecar?.pause());
      };
      const isAttached = (): boolean =>
        first?.redis?.feeding.info().filter((replica) => replica.state === 'online').length === 2;
      yield story.until('the first master has its replicas', 20_000, isAttached);
    },
    *play(story) {
      const { master: first, replicas, damage, world } = story;
      const mark = story.mark();
      first.redis?.append(60, -8000);
      const isReplicated = (): boolean => replicas.every(({ redis }) => redis?.data.includes(-8000));
      yield story.until('that is replicated', 3000, isReplicated);
      // Its sidecar dies when it has told the first one, and remembers the new id.
      let told: Pod | undefined;
      world.onStep = (_, action) => {
        if (action.type !== 'ask' || action.request.type !== 'RENEW') return;
        if (action.request.announcement?.history.replid !== first.redis?.replid) return;
        world.onStep = null;
        told = world.pods.find(({ name }) => name === action.to);
        damage.killSidecar(first, RESTART_MS);
      };
      first.sidecar?.resume('io');
      yield story.until('the new id is known to it', 1000, () => told !== undefined);
      // One has what is of the new id, one has read its data from its disk, under an id of its own, and one has nothing.
      damage.killRedis(first, { forMs: RESTART_MS, kept: 'aof' });
      damage.killRedis(told as Pod, { forMs: RESTART_MS, kept: 'empty' });
      yield* story.led(2 * story.failoverMs);
      yield* story.settled();
      story.expectMasterHas(new Set([-8000]), 'was replicated');
      story.expectAtMost(story.notesSince(mark, 'transfer'), 1, 'times that the lease was handed on');
    },
  },
];

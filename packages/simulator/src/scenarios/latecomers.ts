import { DEFAULT_TIMINGS, LIMBO_HOST } from '@sentinel-micro/core';
import type { Pod } from '../pod.ts';
import type { RunSettings } from '../settings.ts';
import type { Scenario } from './scenario.ts';
import type { Script } from './script.ts';
import { AFTERMATH_MS, type Story } from './story.ts';
import { ODD, quick } from './worlds.ts';

/** A sidecar that is restarted right away. */
const RESTART_MS = 20;

/** A master goes on taking writes also when nobody follows it. */
const unattended = (drawn: RunSettings): RunSettings => ({ ...quick(drawn), writeQuorum: 'off' });

/** The master's sidecar restarts, and goes on leading under the next term. */
function* regained(story: Story, master: Pod): Script {
  const { term } = story;
  story.damage.killSidecar(master, RESTART_MS);
  const isRegained = (): boolean => story.term > term && story.masterOrNull() === master;
  yield story.until('the master has its lease again', story.electionMs, isRegained);
}

/** When whatever would follow has followed, the same master leads, and nobody was promoted. */
function* leadsOn(story: Story, before: { readonly master: Pod; readonly mark: number }): Script {
  yield story.wait(AFTERMATH_MS);
  yield* story.settled();
  story.expect(story.master === before.master, `${before.master.name} does not lead any more`);
  story.expectEqual(story.promotionsSince(before.mark), 0, 'promotions');
}

/** Those who come back, or are heard, when the others have gone on without them. */
export const latecomerScenarios: readonly Scenario[] = [
  {
    name: 'old-master-has-more',
    follows: 'what went on from the known history counts more than the greatest offset',
    pods: [3],
    settings: unattended,
    *play(story) {
      const { master: old } = story;
      const reconnect = story.isolate(old, null);
      // Nobody else has these.
      for (let written = 0; written < 3000; written += 1) old.redis?.append(60, -8000 - written);
      yield* story.succeeded(old);
      const { master: now } = story;
      // The clients find it, and are told that what they write is safe.
      yield story.wait(AFTERMATH_MS);
      const other = story.world.pods.find((pod) => pod !== old && pod !== now) as Pod;
      story.isolate(now, story.failoverMs + AFTERMATH_MS);
      story.damage.killSidecar(other, RESTART_MS);
      reconnect();
      yield story.wait(story.failoverMs);
      yield* story.settled();
    },
  },
  {
    name: 'higher-term-of-old',
    follows: 'a leader goes on when a pod comes back that remembers a former master of a higher term',
    pods: [5],
    settings: quick,
    *play(story) {
      const { master: old } = story;
      const [behind, ...forgetful] = story.replicas as [Pod, ...Pod[]];
      const reconnectBehind = story.isolate(behind, null);
      for (let time = 0; time < 3; time += 1) yield* regained(story, old);
      const reconnectOld = story.isolate(old, null);
      for (const pod of forgetful) story.damage.killSidecar(pod, RESTART_MS);
      reconnectBehind();
      yield* story.succeeded(old, story.failoverMs + story.timings.grantMs);
      yield story.wait(AFTERMATH_MS);
      const before = { master: story.master, mark: story.mark() };
      reconnectOld();
      yield* leadsOn(story, before);
    },
  },
  {
    name: 'order-outlives-its-lease',
    follows: 'whoever holds no lease any more orders nobody about',
    pods: [3],
    settings: unattended,
    *play(story) {
      const { master: old, world, damage } = story;
      const [silent, other] = story.replicas as [Pod, Pod];
      damage.killSidecar(silent, null);
      damage.replicaOfByHand(silent, other.machine.ip);
      // It stops in the middle of putting that right.
      world.onStep = (pod, action) => {
        if (pod !== old || action.type !== 'remote' || action.action.kind !== 'follow') return;
        world.onStep = null;
        const forMs = story.electionMs + story.timings.grantMs + AFTERMATH_MS;
        world.scheduler.after(0, () => damage.pause(pod.sidecar, forMs, 'io'));
      };
      yield story.until('it is being put right', 10_000, () => old.sidecar?.isPaused === true);
      silent.startSidecar();
      yield* story.succeeded(old, story.failoverMs + story.timings.grantMs);
      const before = { master: story.master, mark: story.mark() };
      yield story.until('the old holder goes on', 20_000, () => old.sidecar?.isPaused === false);
      yield* leadsOn(story, before);
    },
  },
  {
    name: 'orphan-of-two-terms-ago',
    follows: 'a master without a sidecar is known for one of the set also when its history is two promotions old',
    pods: [3],
    settings: unattended,
    *play(story) {
      const { master: orphan } = story;
      story.damage.killSidecar(orphan, null);
      const reconnect = story.isolate(orphan, null);
      yield* story.succeeded(orphan);
      yield story.wait(1000);
      const { master: second } = story;
      story.damage.killRedis(second, { forMs: 1000, kept: 'empty' });
      yield* story.succeeded(second);
      reconnect();
      yield story.until('the orphan is put right', 20_000, () => orphan.redis?.isMaster === false);
    },
  },
  {
    name: 'orphan-nobody-remembers',
    follows: 'a master without a sidecar is known by what a Redis still has of its time, when no sidecar remembers it',
    pods: ODD,
    settings: quick,
    *play(story) {
      const { master: orphan, damage } = story;
      damage.killSidecar(orphan, null);
      const reconnect = story.isolate(orphan, null);
      yield* story.succeeded(orphan);
      yield story.wait(1000);
      const { master: second } = story;
      for (const pod of story.world.pods) damage.killSidecar(pod, RESTART_MS);
      damage.killRedis(second, { forMs: 1000, kept: 'empty' });
      yield* story.succeeded(second, 2 * story.failoverMs);
      reconnect();
      yield story.until('the orphan is put right', 20_000, () => orphan.redis?.isMaster === false);
    },
  },
  {
    name: 'candidate-made-master',
    follows: 'a Redis that somebody makes a master while its pod asks for the lease is fenced at once',
    pods: [3],
    // A campaign in vain takes longer than a look at the own Redis.
    settings: (drawn) => ({ ...quick(drawn), timings: DEFAULT_TIMINGS }),
    *play(story) {
      const { world, damage, timings } = story;
      const pod = story.anyReplica();
      story.isolate(pod, null);
      let promotedAtMs: number | null = null;
      world.onStep = (asking, action) => {
        if (asking !== pod || action.type !== 'ask' || action.request.type !== 'PREVOTE') return;
        world.onStep = null;
        promotedAtMs = story.nowMs;
        damage.replicaOfByHand(pod, null);
      };
      yield story.until('it asks for the lease', story.electionMs, () => promotedAtMs !== null);
      const withinMs = timings.heartbeatMs + 100;
      yield story.until('it is fenced', withinMs, () => pod.redis?.isMaster === false);
    },
  },
  {
    name: 'answer-yet-to-come',
    follows: 'as long as a pod that can not be promoted has more, an answer that is still to come is waited for',
    pods: [5],
    settings: (drawn) => ({ ...unattended(drawn), timings: DEFAULT_TIMINGS }),
    *play(story) {
      const { master, world, damage } = story;
      const [first, second, ...behind] = story.replicas as [Pod, Pod, ...Pod[]];
      const abreast = [first, second];
      // Nothing reaches these two any more, nor is that put right, until nobody is master.
      for (const pod of behind) {
        damage.killSidecar(pod, 1000);
        damage.replicaOfByHand(pod, LIMBO_HOST);
      }
      yield story.wait(700);
      // Whoever wins first is lost before it has promoted its Redis, and the only other one with everything does not answer yet.
      const cast: { lost: Pod | null; quiet: Pod | null } = { lost: null, quiet: null };
      world.onStep = (pod, action) => {
        if (action.type !== 'ask' || action.request.type !== 'FREEZE') return;
        if (cast.lost === null) {
          cast.lost = pod;
          cast.quiet = abreast.find((one) => one !== pod) ?? null;
          cast.quiet?.sidecar?.pause();
          world.scheduler.after(0, () => damage.killSidecar(pod, null));
        } else if (pod !== cast.lost) {
          world.onStep = null;
          world.scheduler.after(500, () => cast.quiet?.sidecar?.resume('io'));
        }
      };
      damage.killRedis(master, { forMs: null, kept: 'empty' });
      yield story.until('a candidate is lost', story.electionMs, () => cast.lost !== null);
      const had = cast.quiet?.redis?.data ?? [];
      yield* story.succeeded(master, story.electionMs * 2 + story.timings.dataWaitMs);
      const kept = new Set(story.master.redis?.data);
      const lacking = had.filter((value) => !kept.has(value)).length;
      story.expectEqual(lacking, 0, `writes that ${story.master.name} lacks and ${String(cast.quiet?.name)} had`);
    },
  },
];

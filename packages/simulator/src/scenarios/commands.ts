import type { Command, CommandResult, PodName } from '@sentinel-micro/core';
import { isFailoverPaused, type Issued } from '../commands.ts';
import type { Undo } from '../damage.ts';
import type { Pod } from '../pod.ts';
import type { Scenario } from './scenario.ts';
import { StoryBroken, type Script } from './script.ts';
import { AFTERMATH_MS, type Story } from './story.ts';
import { ODD, quick } from './worlds.ts';

/** A sidecar that is restarted right away. */
const RESTART_MS = 20;
/** How much longer something may look than it is: the pace at which a story looks, and a few hops. */
const LOOK_MS = 60;
/** More steps than a switchover has until the successor leads, and until the lease is given back. */
const MOST_STEPS = 25;
const MOST_STEPS_BEFORE_RELEASE = 5;

function give(story: Story, pod: Pod, command: Command): Issued {
  const issued = story.damage.order(pod, command);
  if (issued === null) throw new StoryBroken(`${pod.name} has no sidecar`);
  return issued;
}

const switchover = (to: Pod | null): Command => ({ kind: 'switchover', to: to?.name ?? null });

const isHoldingBack = ({ redis }: Pod): boolean =>
  redis?.isAlive === true && redis.isMaster && redis.nowMs < redis.pausedUntilMs;

/**
 * Waits for the answer to a command; that there is one is checked in any case, unless the sidecar dies.
 * @returns the answer, and for how long writes were held back; null when the sidecar is gone
 */
function* answered(story: Story, issued: Issued): Generator<ReturnType<Story['wait']>, CommandResult | null, void> {
  const since = new Map<Pod, number>();
  let longestMs = 0;
  yield story.until('the command is answered', story.world.commands.boundMs(issued.command) + 20_000, () => {
    for (const pod of story.world.pods) {
      if (!isHoldingBack(pod)) since.delete(pod);
      else longestMs = Math.max(longestMs, story.nowMs - (since.get(pod) ?? since.set(pod, story.nowMs).get(pod) ?? 0));
    }
    return issued.result !== null || !issued.sidecar.isAlive;
  });
  story.expectAtMost(longestMs, story.timings.pauseBudgetMs + LOOK_MS, 'milliseconds for which writes are held back');
  return issued.result;
}

/** Somebody takes writes again, within the time that an election takes. */
function* written(story: Story): Script {
  const fromMs = story.nowMs;
  const withinMs = story.failoverMs + story.timings.grantMs;
  yield story.until('writes are taken', withinMs, () => story.acknowledgedSince(fromMs) > 0);
}

/** A switchover that has failed leaves the old master as it was, or somebody else is master. */
function* failedWell(story: Story, old: Pod): Script {
  if (story.masterOrNull() !== old) return;
  yield story.until('its Redis goes on', 20_000, () => old.redis?.isPaused !== true);
  yield story.until('writes are let through again', LOOK_MS, () => !isHoldingBack(old) || story.masterOrNull() !== old);
}

/** Something strikes after so many steps of whoever takes part. */
function strikeInTheMiddle(story: Story, strike: () => void, mostSteps = MOST_STEPS): void {
  const step = story.seed % mostSteps;
  story.damage.trap(step, 20_000, () => {
    story.world.log(`*** after step ${String(step)}`);
    story.world.scheduler.after(story.random.pick([0, story.random.between(0, 3)]), strike);
  });
}

function kill(story: Story, pod: Pod, what: 'sidecar' | 'redis' | 'pod' | 'hangs'): void {
  const forMs = story.random.between(500, 6000);
  if (what === 'sidecar') story.damage.killSidecar(pod, forMs);
  else if (what === 'hangs') story.damage.pause(pod.redis, forMs, 'io');
  else if (what === 'redis') story.damage.killRedis(pod, { forMs, kept: story.random.pick(['empty', 'rdb', 'aof']) });
  else story.damage.deletePod(pod, forMs);
}

/** Everybody has heard that automatic failover is paused, or none of them. */
function* allPaused(story: Story): Script {
  yield story.until('everybody knows that failover is paused', 10_000, () => story.world.pods.every(isFailoverPaused));
}

/** The master is lost, for good or not, in one of several ways. @returns what ends it sooner */
function lose(story: Story, master: Pod): Undo {
  const kind = story.random.pick(['redis', 'pod', 'isolate'] as const);
  story.world.log(`*** the master is lost: ${kind}`);
  if (kind === 'isolate') return story.isolate(master, null);
  // Soon, or not before everything is over.
  const backAfterMs = story.random.pick([2000, 2 * (story.failoverMs + AFTERMATH_MS)]);
  if (kind === 'pod') story.damage.deletePod(master, backAfterMs);
  else story.damage.killRedis(master, { forMs: backAfterMs, kept: story.random.pick(['empty', 'rdb', 'aof']) });
  return () => undefined;
}

const names = (pods: readonly Pod[]): PodName[] => pods.map(({ name }) => name);

/** What people, clients and hooks order; and what must come of it also when something strikes in the middle. */
export const commandScenarios: readonly Scenario[] = [
  {
    name: 'switchover-planned',
    follows: 'the named pod is master; nothing that was acknowledged is lost, and nothing synchronized anew',
    pods: ODD,
    settings: quick,
    *play(story) {
      const { master: old } = story;
      const to = story.anyReplica();
      const mark = story.mark();
      const isNamed = story.random.chance(0.7);
      // Often the successor lags when it begins, and catches up within the time that there is for that.
      if (story.random.chance(0.5)) story.damage.pause(to.redis, story.timings.pauseBudgetMs / 5, 'io');
      const result = yield* answered(story, give(story, old, switchover(isNamed ? to : null)));
      story.expect(result?.ok === true, `the answer is ${JSON.stringify(result)}`);
      yield* story.succeeded(old, 1);
      if (isNamed) story.expect(story.master === to, `${story.master.name} is master, and not ${to.name}`);
      yield story.wait(AFTERMATH_MS);
      yield* story.settled();
      story.expectEqual(story.promotionsSince(mark), 1, 'promotions');
      story.expectEqual(story.chronicle.since(mark, 'full-sync').length, 0, 'full syncs');
      story.expectEqual(story.overlapMs, 0, 'milliseconds with two that take writes');
      story.expectNothingLost();
    },
  },
  {
    name: 'switchover-lagging',
    follows: 'a successor that lags gets the lease when it has everything, or not at all',
    pods: ODD,
    settings: (drawn) => ({ ...quick(drawn), writeEveryMs: 20, clients: 3 }),
    *play(story) {
      const { master: old, world } = story;
      const to = story.anyReplica();
      const mark = story.mark();
      // What is lost holds up what comes after it in the stream, and nothing else.
      world.network.conditions.lossRate = 0.1;
      yield story.wait(story.random.between(20, 300));
      const result = yield* answered(story, give(story, old, switchover(to)));
      world.network.conditions.lossRate = 0;
      const { master: now } = story;
      if (result?.ok !== true) yield* failedWell(story, old);
      else story.expect(now === to, `${now.name} is master, and not ${to.name}`);
      yield story.wait(AFTERMATH_MS);
      yield* story.settled();
      if (result?.ok === true) story.expectEqual(story.promotionsSince(mark), 1, 'promotions');
      story.expectEqual(story.overlapMs, 0, 'milliseconds with two that take writes');
      story.expectNothingLost();
    },
  },
  {
    name: 'switchover-target-dies',
    follows: 'the old master or a third pod takes writes again, and nothing that is confirmed is lost',
    pods: [3, 5],
    settings: quick,
    *play(story) {
      const { master: old } = story;
      const to = story.anyReplica();
      const what = story.random.pick(['sidecar', 'redis', 'pod', 'hangs'] as const);
      const mostSteps = story.random.pick([MOST_STEPS, MOST_STEPS_BEFORE_RELEASE]);
      strikeInTheMiddle(story, () => kill(story, to, what), mostSteps);
      const issued = give(story, old, switchover(to));
      const result = yield* answered(story, issued);
      if (result?.ok !== true) yield* failedWell(story, old);
      yield* written(story);
      yield story.wait(AFTERMATH_MS + 6000);
      yield* story.settled();
    },
  },
  {
    name: 'switchover-cut',
    follows: 'never two that take writes; the others go on',
    pods: [3, 5],
    settings: quick,
    *play(story) {
      const { master: old, random } = story;
      const to = story.anyReplica();
      const cutOff = random.pick([old, to]);
      const forMs = random.between(100, 8000);
      strikeInTheMiddle(story, () => story.isolate(cutOff, forMs));
      const result = yield* answered(story, give(story, old, switchover(to)));
      if (result?.ok !== true) yield* failedWell(story, old);
      yield* written(story);
      yield story.wait(forMs + AFTERMATH_MS);
      yield* story.settled();
      story.expectEqual(story.overlapMs, 0, 'milliseconds with two that take writes');
    },
  },
  {
    name: 'switchover-hung',
    follows: 'a master that stands still in the middle has no successor before it is fenced',
    pods: [3, 5],
    settings: (drawn) => ({ ...quick(drawn), writeEveryMs: 20, clients: 3 }),
    *play(story) {
      const { master: old, random } = story;
      const to = story.anyReplica();
      const forMs = random.between(20, 2 * story.timings.pauseBudgetMs);
      strikeInTheMiddle(story, () => story.damage.pause(old.redis, forMs, 'io'), MOST_STEPS_BEFORE_RELEASE);
      const result = yield* answered(story, give(story, old, switchover(to)));
      if (result?.ok !== true) yield* failedWell(story, old);
      yield* written(story);
      yield story.wait(forMs + AFTERMATH_MS);
      yield* story.settled();
      story.expectEqual(story.overlapMs, 0, 'milliseconds with two that take writes');
      story.expectNothingLost();
    },
  },
  {
    name: 'two-switchovers-unheard',
    follows: 'what a pod has that has heard of neither still counts',
    pods: [3],
    settings: (drawn) => ({ ...quick(drawn), durability: 'strict', clients: 0, startsWithData: true }),
    *play(story) {
      const { master: old } = story;
      const [other, deaf] = story.replicas as [Pod, Pod];
      const reconnect = story.isolate(deaf, null);
      yield story.wait(story.timings.grantMs);
      for (const [from, to] of [
        [old, other],
        [other, old],
      ] as const) {
        const result = yield* answered(story, give(story, from, switchover(to)));
        story.expect(result?.ok === true, `the answer is ${JSON.stringify(result)}`);
        yield story.wait(AFTERMATH_MS);
      }
      story.damage.killRedis(old, { forMs: 200, kept: 'empty' });
      reconnect();
      yield* story.succeeded(old);
      yield* story.settled();
    },
  },
  {
    name: 'failover-by-force',
    follows: 'a master that is busy is moved, also when it can not be asked to hold writes back',
    pods: ODD,
    settings: quick,
    *play(story) {
      const { master: old, random } = story;
      const isBusy = random.chance(0.7);
      if (isBusy) story.damage.runSlowScript(old, 0, random.between(500, 9000));
      yield story.wait(random.between(0, 300));
      const result = yield* answered(story, give(story, old, { kind: 'failover' }));
      story.expect(result?.ok === true, `the answer is ${JSON.stringify(result)}`);
      yield* story.succeeded(old);
      yield story.wait(9000 + AFTERMATH_MS);
      yield* story.settled();
      if (!isBusy) story.expectNothingLost();
    },
  },
  {
    name: 'paused-failover',
    follows: 'nobody else is promoted until failover is resumed, whoever of the sidecars restarts',
    pods: ODD,
    settings: quick,
    *play(story) {
      const { damage, random, world, timings } = story;
      const { master: old } = story;
      const resume = damage.pauseFailover(random.pick(world.pods), null);
      yield* allPaused(story);
      const keeper = random.pick(world.pods);
      for (const pod of world.pods) {
        if (pod === keeper || random.chance(0.3)) continue;
        damage.killSidecar(pod, RESTART_MS);
        // Each is mute for a while; without a quorum that votes the master would be fenced.
        yield story.wait(RESTART_MS + timings.grantMs + 500);
      }
      yield* allPaused(story);
      yield* story.settled();
      story.expect(story.master === old, `${story.master.name} is master, and not ${old.name}`);
      const mark = story.mark();
      const undo = lose(story, old);
      // What holds without a pause holds with it: a master that has lost its quorum takes no writes.
      yield story.wait(timings.grantMs + LOOK_MS);
      story.expect(old.redis?.acceptsWrites !== true, `${old.name} still takes writes`);
      yield story.wait(story.failoverMs);
      if (random.chance(0.5)) undo();
      yield story.wait(story.failoverMs);
      // The master itself goes on when it is heard again and its Redis is still the same process.
      story.expectEqual(story.changesOfMasterSince(mark, old), 0, 'changes of the master');
      if (story.masterOrNull() === null && random.chance(0.5)) {
        // A person may still do it.
        const here = story.world.pods.filter((pod) => pod !== old);
        const issued = give(story, random.pick(here), { kind: 'failover' });
        const result = yield* answered(story, issued);
        story.expect(result?.ok === true, `the answer is ${JSON.stringify(result)}, of ${names(here).join()}`);
        story.expect(here.every(isFailoverPaused), 'failover is not paused any more');
      }
      resume();
      yield* written(story);
      yield story.wait(AFTERMATH_MS);
      undo();
      yield* story.settled();
      story.expect(!world.pods.some(isFailoverPaused), 'failover is still paused');
    },
  },
  {
    name: 'handover-of-master',
    follows: 'lossless, also when SIGTERM comes before it is done, and to whichever container first',
    pods: ODD,
    settings: quick,
    *play(story) {
      const { master: old, random, damage } = story;
      const mark = story.mark();
      const issued = give(story, old, { kind: 'handover' });
      // As a hook does that waits for the answer, or one that does not.
      if (random.chance(0.5)) {
        const result = yield* answered(story, issued);
        story.expect(result?.ok === true, `the answer is ${JSON.stringify(result)}`);
        story.expect(old.redis?.isMaster === false, `${old.name} is still master`);
      } else yield story.wait(random.between(0, 60));
      const isRedisFirst = random.chance(0.5);
      const backAfterMs = random.between(500, 4000);
      if (isRedisFirst) damage.stopRedis(old, backAfterMs);
      damage.stopSidecar(old, 5000);
      yield* story.succeeded(old, story.timings.pauseBudgetMs + story.promotionMs + 1000);
      if (!isRedisFirst) damage.stopRedis(old, backAfterMs);
      yield story.wait(backAfterMs + AFTERMATH_MS);
      yield* story.settled();
      story.expectEqual(story.changesOfMasterSince(mark, old), 1, 'changes of the master');
      story.expectEqual(story.overlapMs, 0, 'milliseconds with two that take writes');
      story.expectNothingLost();
    },
  },
];

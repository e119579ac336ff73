import { DEFAULT_TIMINGS } from '@sentinel-micro/core';
import type { Pod } from '../pod.ts';
import type { RunSettings } from '../settings.ts';
import type { Scenario } from './scenario.ts';
import type { Wait } from './script.ts';
import { AFTERMATH_MS, type Direction, type Story } from './story.ts';
import { quick } from './worlds.ts';

/** A sidecar that is restarted right away. */
const RESTART_MS = 20;
/** Long enough for a few writes, and for a sidecar to look at its Redis. */
const A_WHILE_MS = 700;

/** Whoever can not go on from the backlog is given everything anew, but only after a while: until then it has what it had. */
function busy(drawn: RunSettings): RunSettings {
  const redis = { ...drawn.redis, backlogBytes: 3000, syncDelayMs: 5000 };
  return { ...quick(drawn), timings: DEFAULT_TIMINGS, writeQuorum: 'off', clients: 3, writeEveryMs: 20, redis };
}

function fromClients({ settings }: Story, { index }: Pod): readonly Direction[] {
  return Array.from({ length: settings.clients }, (_, client) => [settings.pods + client, index] as const);
}

interface FormerAndNext {
  readonly former: Pod;
  readonly next: Pod;
  /** What both have. */
  readonly had: ReadonlySet<number>;
}

/** A former master has parted, and its sidecar has restarted; one leads since; and a replica was left behind long ago. */
function* formerParts(story: Story): Generator<Wait, FormerAndNext, void> {
  const { master: former, damage } = story;
  const [next, behind] = story.replicas as [Pod, Pod];
  const reconnectBehind = story.isolate(behind, null);
  yield story.wait(A_WHILE_MS);
  const reconnectFormer = story.isolate(former, null);
  // Nobody else has this.
  former.redis?.append(60, -9000);
  reconnectBehind();
  yield* story.succeeded(former);
  story.expect(story.master === next, `${story.master.name} is master`);
  const had = new Set(next.redis?.data.filter((value) => former.redis?.data.includes(value)));
  damage.killSidecar(former, RESTART_MS);
  yield story.wait(A_WHILE_MS);
  reconnectFormer();
  yield story.wait(A_WHILE_MS);
  return { former, next, had };
}

/** The one that leads is lost, and the former master follows it. */
function formerFollows(name: string, follows: string, lose: (story: Story, next: Pod) => void): Scenario {
  return {
    name,
    follows,
    pods: [3],
    settings: busy,
    *play(story) {
      const { former, next, had } = yield* formerParts(story);
      lose(story, next);
      yield* story.succeeded(next, story.failoverMs * 2);
      story.expect(story.master === former, `${story.master.name} is master, which was left behind`);
      story.expectMasterHas(had, `both ${former.name} and ${next.name} had`);
      yield story.wait(AFTERMATH_MS);
    },
  };
}

/** Histories that have parted: whose data counts. */
export const partedScenarios: readonly Scenario[] = [
  {
    name: 'forgotten-usurper',
    follows:
      'a Redis that was made a master by hand is not taken for one that was promoted, when its sidecar has forgotten it',
    pods: [5],
    settings: busy,
    *play(story) {
      const { master, damage } = story;
      const [early, late, ...faithful] = story.replicas as [Pod, Pod, ...Pod[]];
      // Nobody puts anything right, but the master goes on.
      damage.killSidecar(master, null);
      damage.replicaOfByHand(early, null);
      yield story.until('it is put right', A_WHILE_MS, () => early.redis?.isMaster === false);
      damage.killSidecar(early, RESTART_MS);
      yield story.wait(A_WHILE_MS);
      damage.replicaOfByHand(late, null);
      yield story.until('the other one is put right', A_WHILE_MS, () => late.redis?.isMaster === false);
      const had = new Set(late.redis?.data);
      damage.killRedis(master, { forMs: null, kept: 'empty' });
      yield* story.succeeded(master, story.failoverMs * 2);
      story.expect(
        faithful.includes(story.master),
        `${story.master.name} is master, which was made one by hand before`,
      );
      story.expectMasterHas(had, 'everybody else had');
    },
  },
  {
    name: 'idle-promotion',
    follows: 'a promotion that has written nothing does not end the history that went on without it',
    pods: [3],
    settings: busy,
    *play(story) {
      const { master, damage } = story;
      const [frozen, elected] = story.replicas as [Pod, Pod];
      story.cut(fromClients(story, elected), null);
      damage.killSidecar(master, null);
      damage.pause(master.redis, null, 'io');
      damage.pause(frozen.redis, null, 'io');
      yield* story.succeeded(master, story.failoverMs * 2);
      story.expect(story.master === elected, `${story.master.name} is master`);
      const reconnect = story.isolate(elected, null);
      // Nobody tells this one that there is another master.
      damage.killSidecar(frozen, null);
      for (const { redis } of [master, frozen]) redis?.resume('io');
      yield story.wait(story.timings.grantMs + A_WHILE_MS);
      const had = new Set(frozen.redis?.data);
      frozen.startSidecar();
      story.cut([[master.index, elected.index]], null);
      reconnect();
      yield story.until('another one is master', story.failoverMs * 2, () => story.masterOrNull() === frozen);
      story.expectMasterHas(had, 'was confirmed by the two that went on');
    },
  },
  formerFollows(
    'unwatched-former-master',
    'a former master that has parted, and whose sidecar has restarted, goes before a replica that was left behind long ago',
    (story, next) => story.isolate(next, null),
  ),
  formerFollows(
    'data-out-of-reach',
    'the same while one that has more can be seen, but neither be promoted nor feed anybody, for its sidecar is gone',
    ({ damage }, next) => damage.killSidecar(next, null),
  ),
  {
    name: 'data-out-of-reach-strict',
    follows: 'with --durability strict whoever has more, and can be seen, is waited for until its sidecar runs again',
    pods: [3],
    settings: (drawn) => ({ ...busy(drawn), durability: 'strict' }),
    *play(story) {
      const { next } = yield* formerParts(story);
      const mark = story.mark();
      story.damage.killSidecar(next, null);
      yield story.wait(story.failoverMs * 2);
      story.expectEqual(story.promotionsSince(mark), 0, 'promotions');
      next.startSidecar();
      yield* story.led();
      story.expectNothingLost();
    },
  },
];

// What a Redis is worth that nobody has watched all the time.
import { describe, expect, test } from '@jest/globals';
import {
  asOffset,
  asReplicationId,
  asRunId,
  asTerm,
  type Action,
  type NodeConfig,
  type Position,
} from '../src/index.ts';
import { ownPosition } from '../src/position.ts';
import {
  announcementOf,
  beats,
  configOf,
  follower,
  identity,
  infoOf,
  LIMBO,
  orders,
  positionOf,
  questions,
  renewal,
  requestOf,
  Story,
  TIMINGS,
} from './support.ts';

describe('a replica whose sidecar is just restarting, in an election', () => {
  /** redis-1 holds an election; redis-2's sidecar is silent, but its Redis was in step with the master that has died. */
  function besideSilence(
    linkUp: boolean,
    offset = 100,
    ofOld: Position | null = null,
    durability: NodeConfig['durability'] = 'available',
  ): { story: Story; actions: readonly Action[] } {
    const story = follower({ durability });
    const { pod, ip, redisPort: port } = identity(2);
    const { runId } = positionOf();
    const told = { pod, ip, port, runId, offset: 100, priority: 100, linkUp, lastIoSecondsAgo: 0, isReachable: true };
    const announcement = announcementOf(0, 1);
    story.asked(requestOf(0, 1, { type: 'RENEW', announcement, ranking: [], members: [told] }));
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'redis-dead' }));
    const freezing = story.granted(story.last?.actions ?? [], 'ACQUIRE');
    story.done(freezing, 'limbo', LIMBO);
    story.frozen(
      freezing.filter((action) => action.type !== 'ask' || action.to !== pod),
      () => ofOld,
    );
    const asking = story.after(TIMINGS.heartbeatMs).tick();
    const order = asking.find((action) => action.type === 'remote' && action.pod === pod);
    if (order?.type !== 'remote') throw new Error('its Redis is not asked');
    expect(order).toMatchObject({ action: { kind: 'limbo' }, runId });
    const outcome = { ok: true, info: infoOf({ ...LIMBO, runId, offset: asOffset(offset) }) } as const;
    return { story, actions: story.feed({ type: 'remote-done', id: order.id, pod, outcome }) };
  }

  test('L1: its Redis is asked directly, so that nobody waits for it', () => {
    expect(orders(besideSilence(true).actions)).toEqual(['promote']);
  });

  test('S3: it does not count when the last master has not told that it was in step', () => {
    expect(orders(besideSilence(false).actions)).toEqual([]);
  });

  // Fails when one that was detached directly, and whose sidecar had nothing to show at first, is not asked any more (seed 646).
  test('L1: when its sidecar is back, what that one can show is asked for until it counts', () => {
    const { story } = besideSilence(false, 100, null, 'strict');
    const asked = (): readonly Action[] =>
      questions(story.after(TIMINGS.heartbeatMs).tick(), 'FREEZE').filter(({ to }) => to === identity(2).pod);
    expect(orders(story.frozen(asked(), () => null))).toEqual([]);
    const again = asked();
    expect(again).toHaveLength(1);
    expect(orders(story.frozen(again, () => positionOf()))).toEqual(['promote']);
  });

  test('S3: when it has the most, its sidecar is waited for, which alone can promote it', () => {
    // The old master's Redis has restarted, with a history of its own: everybody has shown something.
    const reborn = positionOf({ replid: asReplicationId('9'.repeat(40)), synced: false });
    const { story, actions } = besideSilence(true, 150, reborn);
    expect(orders(actions)).toEqual([]);
    expect(orders(story.after(TIMINGS.probeTimeoutMs * 3).tick())).not.toContain('promote');
  });

  test.each([
    ['available', 1],
    ['strict', 0],
  ] as const)(
    'S3: when it has the most, --durability %s: promotions after --data-wait-ms',
    (durability, promotions) => {
      const { story } = besideSilence(true, 150, null, durability);
      const later = beats(story, TIMINGS.dataWaitMs * 2);
      expect(orders(later).filter((kind) => kind === 'promote')).toHaveLength(promotions);
    },
  );
});

describe('a Redis that somebody has pointed at another one than the master', () => {
  const fed = { masterHost: '10.0.0.3', linkUp: true } as const;

  test('S3: is not in step, whatever the last master told of it: it has what that one has, which may be less', () => {
    const story = new Story(configOf(1), 0, { term: asTerm(1), announcement: announcementOf(0, 1) });
    story.redis(fed);
    expect(story.state.own.synced).toBe(false);
    story.redis();
    expect(story.state.own.synced).toBe(true);
  });

  test('that is seen to happen costs nothing, as long as its offset does not go back', () => {
    const story = follower();
    story.redis(fed);
    expect(story.state.own.synced).toBe(true);
    story.redis({ ...fed, offset: asOffset(99) });
    expect(story.state.own.synced).toBe(false);
  });
});

test('S3: the last master, detached and without its sidecar, is asked where it said that it was, by one who has never met that', () => {
  const announcement = announcementOf(0, 1);
  const story = new Story(configOf(1), 0, { term: asTerm(1), announcement });
  story.redis();
  const { pod, ip } = identity(0);
  const notOfOld = (action: Action): boolean => action.type !== 'ask' || action.to !== pod;
  const polling = story.after(TIMINGS.grantMs + TIMINGS.downAfterMs).tick();
  const probe = polling.find((action) => action.type === 'remote');
  if (probe?.type !== 'remote') throw new Error('the old master is not probed');
  story.feed({ type: 'remote-done', id: probe.id, pod, outcome: { ok: true, info: infoOf(LIMBO) } });
  const asking = story.granted(polling.filter(notOfOld), 'PREVOTE');
  const freezing = story.granted(asking.filter(notOfOld), 'ACQUIRE');
  story.done(freezing, 'limbo', LIMBO);
  story.frozen(freezing.filter(notOfOld), () => null);
  const detaching = story
    .after(TIMINGS.heartbeatMs)
    .tick()
    .filter((action) => action.type === 'remote');
  expect(detaching).toMatchObject([{ pod, ip, action: { kind: 'limbo' } }]);
});

describe('a Redis that is a master when its sidecar starts', () => {
  const MASTER = { role: 'master', masterHost: null, masterPort: null, linkUp: false } as const;
  const shown = (story: Story): boolean | undefined => ownPosition(story.state, story.nowMs)?.unannounced;
  const remembering = (index: number): Story =>
    new Story(configOf(1), 0, { term: asTerm(4), announcement: announcementOf(index, 4) });

  test('was made one by hand when the sidecar remembers another one', () => {
    const story = remembering(0);
    story.redis(MASTER);
    expect(shown(story)).toBe(true);
    story.redis(LIMBO);
    expect(shown(story)).toBe(true);
  });

  test('until it is in step with a master again', () => {
    const story = remembering(0);
    story.redis(MASTER);
    story.redis({ masterHost: '10.0.0.1' });
    expect(shown(story)).toBeUndefined();
  });

  test('may have been promoted when the sidecar has no memory', () => {
    const story = new Story(configOf(1));
    story.redis(MASTER);
    story.asked(renewal(0, 4));
    expect(shown(story)).toBeUndefined();
  });

  test('is the one that was promoted when the sidecar remembers this very process', () => {
    const story = remembering(1);
    story.redis({ ...MASTER, runId: asRunId('0'.repeat(40)) });
    expect(shown(story)).toBeUndefined();
  });

  test('and one that becomes a master while the sidecar watches was not met as one', () => {
    const story = remembering(0);
    story.redis();
    story.redis(MASTER);
    expect(shown(story)).toBeUndefined();
  });
});

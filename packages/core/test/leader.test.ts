import { describe, expect, test } from '@jest/globals';
import { asOffset, asReplicationId, asRunId, asTerm, currentMaster, isLeading, type History } from '../src/index.ts';
import {
  announcementOf,
  elected,
  HISTORY,
  identity,
  infoOf,
  leader,
  LIMBO,
  orders,
  positionOf,
  questions,
  requestOf,
  TIMINGS,
} from './support.ts';

/** The history of a master that was promoted when it had `end` bytes of the history `replid`. */
function promotedFrom(replid: History['replid'], end: number, id = 'b'): History {
  const secondReplOffset = asOffset(end + 1);
  return { replid: asReplicationId(id.repeat(40)), replid2: replid, secondReplOffset, offset: asOffset(end) };
}

describe('the holder', () => {
  test('S3: leads on when a peer knows an older master under a higher term, and announces itself, not that one', () => {
    const story = leader();
    const renewing = story.after(TIMINGS.heartbeatMs).tick();
    const [first] = questions(renewing, 'RENEW');
    if (first === undefined) throw new Error('no renewal');
    const { cluster } = first.request;
    const head = { v: 1, cluster, from: identity(0), term: asTerm(9) } as const;
    const announcement = announcementOf(0, 9);
    const answer = { ...head, type: 'refused', reason: 'stale-term', retryAfterMs: 0, announcement } as const;
    const { to: from, request, sentAtMs } = first;
    const raised = story.feed({ type: 'answer', from, request, sentAtMs, answer });
    const announced = questions(raised, 'RENEW').map(({ request: asked }) => asked);
    expect(announced).toContainEqual(
      expect.objectContaining({ term: 10, announcement: expect.objectContaining({ pod: 'redis-1', term: 10 }) }),
    );
  });

  test('S4: a Redis that has restarted while it was being promoted is not announced, but fenced', () => {
    const { story, actions } = elected();
    const other = asRunId('9'.repeat(40));
    const after = story.done(actions, 'promote', { role: 'master', masterHost: null, linkUp: false, runId: other });
    expect(orders(after)).toEqual(['limbo']);
    expect(questions(after, 'ANNOUNCE')).toEqual([]);
  });

  test('S1: does not give the lease back while a promotion is under way that its fence has overtaken', () => {
    const { story, actions } = elected();
    const stopping = story.feed({ type: 'stop' });
    // Redis carries out the fence between the two commands of the promotion.
    const early = story.done(stopping, 'limbo', LIMBO);
    expect(questions(early, 'RELEASE')).toEqual([]);
    const master = { role: 'master', masterHost: null, masterPort: null, linkUp: false } as const;
    const fencing = story.done(actions, 'promote', master);
    expect(orders(fencing)).toEqual(['limbo']);
    expect(questions(fencing, 'RELEASE')).toEqual([]);
    expect(questions(story.done(fencing, 'limbo', LIMBO), 'RELEASE')).toHaveLength(2);
  });

  test.each<[string, History, object]>([
    ['it parted from the master', { ...HISTORY, offset: asOffset(160) }, { discardedBytes: 60 }],
    [
      'it went on from the master by itself',
      { ...promotedFrom(asReplicationId('b'.repeat(40)), 120, 'c'), offset: asOffset(130) },
      { discardedBytes: 10 },
    ],
    [
      'it has nothing in common with it',
      { ...promotedFrom(asReplicationId('d'.repeat(40)), 120, 'e') },
      { discardedKeys: 1 },
    ],
  ])('tells what a Redis that follows throws away: %s', (_title, history, discarded) => {
    const story = leader();
    const announced = { ...promotedFrom(HISTORY.replid, 100), ancestors: [] };
    story.state = { ...story.state, announcement: { ...announcementOf(1, 2), history: announced } };
    const before = infoOf({ role: 'master', masterHost: null, ...history });
    const outcome = { ok: true, info: infoOf({ masterHost: '10.0.0.2' }), before } as const;
    story.feed({ type: 'remote-done', id: 999, pod: identity(0).pod, outcome });
    expect(story.last?.notes).toContainEqual(
      expect.objectContaining({ event: 'repoint', fields: { term: 2, ...discarded } }),
    );
  });

  test('tells what a Redis without a sidecar throws away when it is pointed at this master', () => {
    const story = leader();
    const before = infoOf({ role: 'master', masterHost: null, offset: asOffset(160) });
    const info = infoOf({ masterHost: '10.0.0.2' });
    story.state = {
      ...story.state,
      announcement: { ...announcementOf(1, 2), history: { ...promotedFrom(before.replid, 100), ancestors: [] } },
    };
    story.feed({ type: 'remote-done', id: 999, pod: identity(0).pod, outcome: { ok: true, info, before } });
    expect(story.last?.notes).toContainEqual(
      expect.objectContaining({ event: 'repoint', fields: expect.objectContaining({ discardedBytes: 60 }) }),
    );
  });

  test('announces itself at once after its promotion', () => {
    const { story, actions } = elected();
    const announcing = story.done(actions, 'promote', { role: 'master', masterHost: null });
    expect(questions(announcing, 'ANNOUNCE')).toHaveLength(2);
    expect(isLeading(story.state, story.nowMs)).toBe(true);
    expect(story.state.announcement).toMatchObject({ pod: 'redis-1', term: 2 });
  });

  test('S2: knows an old master without a sidecar by what the others show of its time, also when nobody remembers that', () => {
    const old = promotedFrom(asReplicationId('d'.repeat(40)), 50, 'a');
    const { story, actions } = elected((index) => (index === 2 ? positionOf(old) : null));
    story.done(actions, 'promote', {
      role: 'master',
      masterHost: null,
      ...promotedFrom(HISTORY.replid, 100),
    });
    const ancestors = [{ replid: old.replid2, endOffset: 50 }];
    expect(story.state.announcement?.history).toMatchObject({ replid2: HISTORY.replid, ancestors });
  });

  test('S2: learns the same of one that comes back later, before that one follows', () => {
    const story = leader();
    const { cluster } = story.state.config;
    const [renewing] = questions(story.after(TIMINGS.heartbeatMs).tick(), 'RENEW');
    if (renewing === undefined) throw new Error('no renewal');
    const { to, request, sentAtMs } = renewing;
    const old = promotedFrom(asReplicationId('d'.repeat(40)), 50, 'a');
    const head = { v: 1, cluster, from: identity(0), term: request.term } as const;
    const granted = {
      type: 'granted',
      position: positionOf(old),
      announcement: null,
      promises: [],
      members: [],
    } as const;
    story.feed({ type: 'answer', from: to, request, sentAtMs, answer: { ...head, ...granted } });
    const [next] = questions(story.after(TIMINGS.heartbeatMs).tick(), 'RENEW');
    const ancestors = [{ replid: old.replid2, endOffset: 50 }];
    expect(next?.request).toMatchObject({ announcement: { history: { ancestors } } });
  });

  test('S2: fences its Redis when no quorum renews the lease, before it does anything else', () => {
    const story = leader();
    const actions = story.after(TIMINGS.leaseMs).redis({ role: 'master', masterHost: null });
    expect(orders(actions)).toEqual(['limbo']);
    expect(currentMaster(story.state, story.nowMs)).toBeNull();
    expect(questions(actions, 'RENEW')).toEqual([]);
  });

  test('counts a renewal from when it was sent, not from when it was answered', () => {
    const story = leader();
    const renewing = story.after(TIMINGS.heartbeatMs).tick();
    const sentAtMs = story.nowMs;
    story.granted(renewing, 'RENEW', 400);
    story.nowMs = sentAtMs + TIMINGS.leaseMs - 1;
    expect(isLeading(story.state, story.nowMs)).toBe(true);
    expect(isLeading(story.state, story.nowMs + 1)).toBe(false);
  });

  test('gives the lease back at once when its Redis is dead, in favour of the next in rank', () => {
    const story = leader();
    story.granted(story.after(TIMINGS.heartbeatMs).tick(), 'RENEW');
    story.granted(story.after(TIMINGS.heartbeatMs).tick(), 'RENEW');
    const actions = story.feed({ type: 'redis', sample: { outcome: 'refused' }, minReplicas: null });
    expect(questions(actions, 'RELEASE').map(({ request }) => request)).toContainEqual(
      expect.objectContaining({ cause: 'redis-dead', to: 'redis-0' }),
    );
    expect(orders(actions)).toEqual([]);
  });

  test('S4: does not promote again a Redis that came back as another process', () => {
    const story = leader();
    const actions = story.redis({ ...LIMBO, runId: asRunId('9'.repeat(40)), offset: asOffset(0), keys: 0 });
    expect(orders(actions)).not.toContain('promote');
    expect(isLeading(story.state, story.nowMs)).toBe(false);
    expect(questions(story.after(1).tick(), 'FREEZE')).toHaveLength(2);
  });

  test('holds an election under its own lease when somebody made its Redis a replica by hand', () => {
    const story = leader();
    expect(orders(story.redis({ masterHost: '10.0.0.3', linkUp: false }))).toEqual([]);
    const freezing = story.after(1).tick();
    expect(orders(freezing)).toEqual(['limbo']);
    // Under a newer term: what is left of the election before can not be taken for this one.
    expect(questions(freezing, 'FREEZE').map(({ request }) => request.term)).toEqual([3, 3]);
    story.done(freezing, 'limbo', LIMBO);
    expect(orders(story.frozen(freezing, () => positionOf()))).toEqual(['promote']);
  });

  test('S3: a master that was fed by a lagging replica in the meantime is not promoted again', () => {
    const story = leader();
    story.redis({ masterHost: '10.0.0.3', linkUp: true, offset: asOffset(60) });
    const freezing = story.after(1).tick();
    story.done(freezing, 'limbo', { ...LIMBO, offset: asOffset(60) });
    const actions = story.frozen(freezing, (index) => positionOf({ offset: asOffset(index === 0 ? 100 : 60) }));
    expect(orders(actions)).not.toContain('promote');
    expect(questions(actions, 'RELEASE').map(({ request }) => request)).toContainEqual(
      expect.objectContaining({ to: 'redis-0' }),
    );
  });

  test('goes on under a newer term when a voter has promised one to a campaign that came to nothing', () => {
    const story = leader();
    const renewing = story.after(TIMINGS.heartbeatMs).tick();
    const [first] = questions(renewing, 'RENEW');
    if (first === undefined) throw new Error('no renewal');
    const { cluster } = first.request;
    const head = { v: 1, cluster, from: { ...requestOf(0, 7, { type: 'FREEZE' }).from }, term: asTerm(7) } as const;
    const answer = { ...head, type: 'refused', reason: 'stale-term', retryAfterMs: 0, announcement: null } as const;
    const actions = story.feed({
      type: 'answer',
      from: first.to,
      request: first.request,
      sentAtMs: first.sentAtMs,
      answer,
    });
    expect(new Set(questions(actions, 'RENEW').map(({ request }) => request.term))).toEqual(new Set([8]));
    expect(isLeading(story.state, story.nowMs)).toBe(true);
  });

  test('L2: sends no order to a Redis that is as announced', () => {
    const story = leader();
    const online = { ip: '10.0.0.1', port: 6379, state: 'online', offset: asOffset(100), lagSeconds: 0 };
    const wellInfo = { role: 'master', masterHost: null, replicas: [online, { ...online, ip: '10.0.0.3' }] } as const;
    for (let beat = 0; beat < 300; beat += 1) {
      const actions = [...story.after(TIMINGS.heartbeatMs).redis(wellInfo)];
      expect(orders(actions)).toEqual([]);
      expect(actions.some((action) => action.type === 'remote')).toBe(false);
      expect(orders(story.granted(actions, 'RENEW'))).toEqual([]);
    }
    expect(isLeading(story.state, story.nowMs)).toBe(true);
  });
});

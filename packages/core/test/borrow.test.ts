import { describe, expect, test } from '@jest/globals';
import {
  asOffset,
  asReplicationId,
  asRunId,
  asTerm,
  isLeading,
  UNREACHABLE_MIN_REPLICAS,
  worthOf,
  type Action,
  type Position,
  type ReplicationId,
  type ReplicationInfo,
} from '../src/index.ts';
import {
  announcementOf,
  beats,
  configOf,
  follower,
  HISTORY,
  identity,
  LIMBO,
  orders,
  positionOf,
  questions,
  requestOf,
  Story,
  TIMINGS,
} from './support.ts';

/** redis-2, which is never promoted, has all; redis-1 is to be promoted, and has 400 bytes less. */
const MOST = asOffset(500);
const never = (): Position => positionOf({ offset: MOST, priority: 0 });
const OF_DONOR = {
  replid: asReplicationId('d'.repeat(40)),
  replid2: HISTORY.replid,
  secondReplOffset: asOffset(MOST + 1),
} as const;
const feeding = (): Position =>
  positionOf({ ...OF_DONOR, role: 'master', masterHost: null, offset: MOST, priority: 0 });
/** The whole of a history, as Redis has it after a full sync. */
const ofItsOwn = (replid: ReplicationId): Partial<ReplicationInfo> => ({
  replid,
  replid2: null,
  secondReplOffset: null,
});
const ATTACHED = { ...OF_DONOR, masterHost: '10.0.0.3', linkUp: true } as const;
const MASTER = { role: 'master', masterHost: null, masterPort: null, linkUp: false } as const;

/** redis-1 has won the lease of term 2; redis-2 has shown what it has, and redis-0 nothing yet. */
function borrower(): { story: Story; toA: Action; asking: readonly Action[] } {
  const story = follower();
  story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'redis-dead' }));
  const freezing = story.granted(story.last?.actions ?? [], 'ACQUIRE');
  story.done(freezing, 'limbo', LIMBO);
  const [toA, toC] = questions(freezing, 'FREEZE');
  if (toA === undefined || toC === undefined) throw new Error('nobody was frozen');
  return { story, toA, asking: story.frozen([toC], never) };
}

/** The same where all sidecars have restarted, and nobody remembers who was master. */
function stranger(): { story: Story; asking: readonly Action[] } {
  const story = new Story(configOf(1));
  story.redis(LIMBO);
  story.after(TIMINGS.grantMs * 2).redis(LIMBO);
  const freezing = story.granted(story.granted(story.last?.actions ?? [], 'PREVOTE'), 'ACQUIRE');
  story.redis(LIMBO);
  return { story, asking: story.frozen(freezing, (index) => (index === 2 ? never() : positionOf())) };
}

describe('S3: when only a pod that is never promoted has everything', () => {
  test('the chosen one fetches it from there, and is promoted when it has it all', () => {
    const { story, asking } = borrower();
    expect(orders(asking)).toEqual([]);
    expect(questions(asking, 'DONATE').map(({ to }) => to)).toEqual(['redis-2']);
    const attaching = story.frozen(asking, feeding, 'DONATE');
    expect(orders(attaching)).toEqual(['follow']);
    const catchingUp = story.after(1).done(attaching, 'follow', { ...ATTACHED, linkUp: false });
    expect(orders(catchingUp)).not.toContain('promote');
    expect(orders(story.after(5).redis({ ...ATTACHED, offset: asOffset(MOST - 1) }))).not.toContain('promote');
    const promoting = story.after(5).redis({ ...ATTACHED, offset: MOST });
    expect(orders(promoting)).toEqual(['promote']);
    story.done(promoting, 'promote', { ...MASTER, offset: MOST });
    expect(isLeading(story.state, story.nowMs)).toBe(true);
  });

  test('and sends it anew: it is waited for to the end once it is being loaded, for there is no way back', () => {
    const { story, asking } = borrower();
    const loading = { ...ATTACHED, linkUp: false, syncInProgress: true, loading: true, offset: asOffset(0) };
    story.done(story.frozen(asking, feeding, 'DONATE'), 'follow', loading);
    expect(orders(beats(story, TIMINGS.dataWaitMs * 3, loading))).not.toContain('limbo');
    expect(orders(story.redis({ ...ATTACHED, offset: MOST }))).toEqual(['promote']);
  });

  test('and is lost while it feeds it: the own Redis is detached before it connects again, to whoever has the address then', () => {
    const { story, asking } = borrower();
    const copying = { ...ATTACHED, linkUp: false, syncInProgress: true, offset: asOffset(0) };
    story.done(story.frozen(asking, feeding, 'DONATE'), 'follow', copying);
    expect(orders(story.feed({ type: 'peer-lost', identity: identity(2) }))).not.toContain('limbo');
    expect(orders(story.after(5).redis({ ...copying, loading: true }))).not.toContain('limbo');
    expect(orders(story.after(5).redis({ ...ATTACHED, linkUp: false, offset: MOST }))).toContain('limbo');
  });

  test.each<[string, Partial<ReplicationInfo>]>([
    ['as a whole, which leaves it without a past', ofItsOwn(OF_DONOR.replid)],
    ['from where it was itself', { ...OF_DONOR, secondReplOffset: asOffset(101) }],
    ['as a whole, under an id that the donor takes when it begins to feed', ofItsOwn(asReplicationId('e'.repeat(40)))],
  ])('and feeds it %s: what others have up to there is still a part of what is announced', (_title, fed) => {
    for (const { story, asking } of [borrower(), stranger()]) {
      story.done(story.frozen(asking, feeding, 'DONATE'), 'follow', { ...ATTACHED, linkUp: false });
      const promoting = story.after(5).redis({ ...ATTACHED, ...fed, offset: MOST });
      const ofFed = { replid: asReplicationId('f'.repeat(40)), secondReplOffset: asOffset(MOST + 1), offset: MOST };
      story.done(promoting, 'promote', { ...MASTER, ...ofFed, replid2: fed.replid ?? null });
      const announced = story.state.announcement?.history ?? null;
      expect(worthOf(positionOf({ offset: MOST }), announced)).toBe('full');
      expect(worthOf(positionOf({ offset: asOffset(MOST + 1) }), announced)).toBe('none');
      expect(worthOf(positionOf({ ...OF_DONOR, offset: MOST }), announced)).toBe('full');
    }
  });

  test.each<[string, (story: Story, asking: readonly Action[]) => readonly Action[]]>([
    ['can not feed it', (story, asking) => story.frozen(asking, () => null, 'DONATE')],
    ['does not answer', (story) => beats(story, TIMINGS.dataWaitMs)],
  ])('and that pod %s: the election is held again, and waits for one that has it all', (_title, fail) => {
    const { story, asking } = borrower();
    const again = fail(story, asking);
    const freezing = questions(again, 'FREEZE').length > 0 ? again : story.after(1).tick();
    if (orders(freezing).includes('limbo')) story.done(freezing, 'limbo', LIMBO);
    const [toA, toC] = questions(freezing, 'FREEZE');
    if (toA === undefined || toC === undefined) throw new Error('nobody was frozen again');
    expect(orders(story.frozen([toC], never))).not.toContain('promote');
    expect(questions(story.last?.actions ?? [], 'DONATE')).toEqual([]);
    // redis-0 comes back with everything: it gets the lease.
    const actions = story.frozen([toA], () => positionOf({ offset: MOST }));
    expect(questions(actions, 'RELEASE').map(({ request }) => request)).toContainEqual(
      expect.objectContaining({ to: 'redis-0' }),
    );
  });
});

describe('a pod that is never promoted, asked to feed the chosen one', () => {
  const donate = requestOf(2, 2, { type: 'DONATE' });

  /** redis-1 is frozen in the election of redis-2, and has been asked to donate. */
  function donor(): { story: Story; asked: readonly Action[] } {
    const story = follower();
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: null, cause: 'redis-dead' }));
    story.asked(requestOf(2, 2, { type: 'ACQUIRE' }));
    story.asked(requestOf(2, 2, { type: 'FREEZE' }));
    story.done(story.last?.actions ?? [], 'limbo', LIMBO);
    expect(story.asked(donate)).toBeNull();
    return { story, asked: story.last?.actions ?? [] };
  }

  const asMaster: Partial<ReplicationInfo> = { ...MASTER, ...OF_DONOR, offset: MOST };

  test('answers when its Redis is a master, and stays one until the announcement', () => {
    const { story, asked } = donor();
    expect(orders(asked)).toEqual(['donate']);
    const answer = story.after(1).done(asked, 'donate', asMaster)[0];
    expect(answer).toMatchObject({ type: 'answer', body: { type: 'frozen', position: { role: 'master' } } });
    expect(orders(story.after(TIMINGS.heartbeatMs).redis(asMaster))).toEqual([]);
    story.asked(requestOf(2, 2, { type: 'ANNOUNCE', announcement: announcementOf(2, 2) }));
    expect(orders(story.last?.actions ?? [])).toEqual(['follow']);
  });

  test('is a replica again when nobody was announced in time', () => {
    const { story, asked } = donor();
    story.done(asked, 'donate', asMaster);
    expect(orders(story.after(TIMINGS.dataWaitMs * 10).tick())).toEqual(['limbo']);
  });

  // Seed 150007481: somebody makes the process a master that came after the donor, and it takes writes.
  test('S1: its next process is no donor, and is fenced like any other master without a lease', () => {
    const { story, asked } = donor();
    story.done(asked, 'donate', asMaster);
    const next = { runId: asRunId('9'.repeat(40)) };
    story.after(100).redis({ ...OF_DONOR, ...LIMBO, ...next });
    expect(orders(story.after(TIMINGS.heartbeatMs).redis({ ...asMaster, ...next }))).toEqual(['limbo']);
  });

  test('is a replica again, and says so, when another election begins', () => {
    const { story, asked } = donor();
    story.done(asked, 'donate', asMaster);
    expect(story.asked(requestOf(2, 2, { type: 'FREEZE' }))).toBeNull();
    const answers = story.done(story.last?.actions ?? [], 'limbo', { ...OF_DONOR, ...LIMBO, offset: MOST });
    expect(answers).toContainEqual(
      expect.objectContaining({
        body: expect.objectContaining({ position: expect.objectContaining({ offset: MOST }) }),
      }),
    );
  });

  test('says so when Redis refused', () => {
    const { story, asked } = donor();
    const order = asked.find((action) => action.type === 'own');
    if (order?.type !== 'own') throw new Error('nothing was ordered');
    const actions = story.feed({
      type: 'own-done',
      id: order.id,
      action: order.action,
      outcome: { ok: false, error: 'NOPERM', late: false },
    });
    expect(actions).toContainEqual(expect.objectContaining({ body: { type: 'frozen', position: null } }));
    expect(story.state.donating).toBeNull();
  });

  test('refuses when the one who asks does not hold the lease, and while it is not frozen', () => {
    const story = follower();
    expect(story.asked(donate)).toMatchObject({ type: 'refused', reason: 'no-lease' });
    const holder = requestOf(0, 1, { type: 'DONATE' });
    expect(story.asked(holder)).toEqual({ type: 'frozen', position: null });
    expect(orders(story.last?.actions ?? [])).toEqual([]);
  });

  test('gets back the write quorum that it needs, should it ever be a master', () => {
    const { story, asked } = donor();
    story.done(asked, 'donate', asMaster);
    story.asked(requestOf(2, 2, { type: 'ANNOUNCE', announcement: announcementOf(2, 2) }));
    story.done(story.last?.actions ?? [], 'follow', { masterHost: '10.0.0.3', linkUp: false });
    const order = (story.last?.actions ?? []).find((action) => action.type === 'own');
    expect(order).toMatchObject({ action: { kind: 'set-min-replicas', count: 1 } });
    expect(story.state.own.minReplicas).toBe(UNREACHABLE_MIN_REPLICAS);
    expect(story.state.term).toBe(asTerm(2));
  });
});

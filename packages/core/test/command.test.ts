import { describe, expect, test } from '@jest/globals';
import { asOffset, asPodName, isPaused, type Action } from '../src/index.ts';
import {
  announcementOf,
  elected,
  follower,
  following,
  identity,
  infoOf,
  leader,
  LIMBO,
  orders,
  questions,
  renewal,
  requestOf,
} from './support.ts';
import { leaderInStep, MASTER, order, results } from './command-support.ts';
import { PODS, positionOf, TIMINGS, type Story } from './support.ts';

const [, SELF] = PODS;

/** The Redis of the pod that was asked has come to `offset`. */
function probed(story: Story, actions: readonly Action[], offset: number): readonly Action[] {
  const probe = actions.find((action) => action.type === 'remote' && action.action.kind === 'probe');
  if (probe?.type !== 'remote') throw new Error(`nobody's Redis is asked in ${JSON.stringify(actions)}`);
  const outcome = { ok: true, info: infoOf({ offset: asOffset(offset) }) } as const;
  return story.feed({ type: 'remote-done', id: probe.id, pod: probe.pod, outcome });
}

/** Writes are held back on redis-1, at offset 120. */
function held(story: Story, to = 'redis-2'): readonly Action[] {
  const pausing = order(story, { kind: 'switchover', to: asPodName(to) });
  expect(orders(pausing)).toEqual(['pause-writes']);
  return story.after(1).done(pausing, 'pause-writes', { ...MASTER, offset: asOffset(120) });
}

const releases = (actions: readonly Action[]): unknown[] => questions(actions, 'RELEASE').map(({ request }) => request);

describe('a switchover', () => {
  test('S1, S3: holds writes back, waits until the target has everything, fences, and only then gives it the lease', () => {
    const story = leaderInStep();
    const behind = probed(story, held(story), 119);
    expect(releases(behind)).toEqual([]);
    const fencing = probed(story.after(5), behind, 120);
    expect(orders(fencing)).toEqual(['limbo']);
    expect(releases(fencing)).toEqual([]);
    const released = story.after(1).done(fencing, 'limbo', { ...LIMBO, offset: asOffset(120) });
    expect(releases(released)).toEqual(
      Array.from({ length: 2 }, () => expect.objectContaining({ to: 'redis-2', cause: 'switchover' }) as unknown),
    );
  });

  test('is done when the target is heard as master of a newer term', () => {
    const story = leaderInStep();
    story.after(1).done(probed(story, held(story), 120), 'limbo', { ...LIMBO, offset: asOffset(120) });
    expect(results(story.after(5).tick())).toEqual([]);
    story.asked(renewal(2, 3));
    expect(results(story.last?.actions ?? [])).toEqual([
      { ok: true, text: expect.stringMatching(/^redis-2 is master of term 3, after \d+ ms$/) },
    ]);
    expect(story.state.command).toBeNull();
  });

  test('has failed when somebody else is master then', () => {
    const story = leaderInStep();
    story.after(1).done(probed(story, held(story), 120), 'limbo', { ...LIMBO, offset: asOffset(120) });
    story.after(TIMINGS.reservationMs).asked(renewal(0, 3));
    expect(results(story.last?.actions ?? [])).toMatchObject([{ ok: false, code: 'ERR' }]);
  });

  test('ends with the old master writable again when the target does not catch up in time', () => {
    const story = leaderInStep();
    probed(story, held(story), 119);
    const late = story.after(TIMINGS.pauseBudgetMs / 2).tick();
    expect(orders(late)).toContain('unpause');
    expect(results(late)).toMatchObject([{ ok: false, code: 'TIMEOUT', text: expect.stringMatching(/stays master/) }]);
    expect(story.state.role).toMatchObject({ kind: 'holder', phase: { name: 'lead' } });
    expect(releases(late)).toEqual([]);
  });

  test('is over well before writes come back by themselves', () => {
    expect(TIMINGS.pauseBudgetMs / 2).toBeLessThan(TIMINGS.pauseBudgetMs);
    const story = leaderInStep();
    held(story);
    expect(story.state.role).toMatchObject({ phase: { untilMs: story.nowMs - 1 + TIMINGS.pauseBudgetMs / 2 } });
  });

  test('that can not hold writes back changes nothing', () => {
    const story = leaderInStep();
    const pausing = order(story, { kind: 'switchover', to: null });
    const pause = pausing.find((action) => action.type === 'own');
    if (pause?.type !== 'own') throw new Error('no order');
    const outcome = { ok: false, error: 'NOPERM', late: false } as const;
    const actions = story.feed({ type: 'own-done', id: pause.id, action: pause.action, outcome });
    expect(results(actions)).toMatchObject([{ ok: false, code: 'ERR', text: expect.stringMatching(/NOPERM/) }]);
    expect(story.state.role).toMatchObject({ phase: { name: 'lead' } });
  });

  test.each([
    ['this very pod', 'redis-1', true, undefined],
    ['no pod of the set', 'redis-7', false, 'ERR'],
  ])('to %s: at once', (_title, to, ok, code) => {
    const story = leaderInStep();
    const actions = order(story, { kind: 'switchover', to: asPodName(to) });
    expect(results(actions)).toMatchObject([code === undefined ? { ok } : { ok, code }]);
    expect(orders(actions)).toEqual([]);
  });

  test.each([
    ['its link is down', { linkUp: false }, /link to redis-1 is down/],
    ['it is in a full sync', { intact: false }, /full sync has not ended/],
    ['its priority is 0', { priority: 0 }, /priority 0: never promoted/],
    ['its last save has failed', { canSave: false }, /last save has failed/],
    ['it follows somebody else', { masterHost: '10.0.0.1' }, /does not follow redis-1/],
    ['it is a master itself', MASTER, /is a master itself/],
    ['it has been a master without a lease', { astray: true }, /of another history/],
  ])('to a pod that is not ready (%s) is refused after a while, with the reason', (_title, change, reason) => {
    for (const to of [asPodName('redis-2'), null]) {
      const story = leader();
      story.redis(MASTER);
      const renewing = story.after(TIMINGS.heartbeatMs).tick();
      for (const { to: pod, request, sentAtMs } of questions(renewing, 'RENEW')) {
        const { from } = requestOf(PODS.indexOf(pod), 2, { type: 'FREEZE' });
        const head = { v: 1, cluster: request.cluster, from, term: request.term } as const;
        const lists = { announcement: null, promises: [], members: [] } as const;
        const position = positionOf({ ...following(request.from), ...change });
        const answer = { ...head, ...lists, type: 'granted', position } as const;
        story.feed({ type: 'answer', from: pod, request, sentAtMs, answer });
      }
      // It may be about to be ready: right after a move, say.
      expect(results(order(story, { kind: 'switchover', to }))).toEqual([]);
      const [result] = results(story.after(TIMINGS.requestTimeoutMs * 2).tick());
      expect(result).toMatchObject({ ok: false, code: 'NOGOODSLAVE', text: expect.stringMatching(reason) as unknown });
    }
  });

  test('is one at a time', () => {
    const story = leaderInStep();
    held(story);
    expect(results(order(story, { kind: 'switchover', to: null }))).toMatchObject([{ code: 'INPROG' }]);
  });

  test('is refused by a pod that does not lead', () => {
    expect(results(order(follower(), { kind: 'switchover', to: null }))).toMatchObject([{ code: 'NOTLEADER' }]);
  });

  test('a handover that is ordered while the sidecar stops is answered when it is done, and before it ends', () => {
    const story = leaderInStep();
    story.feed({ type: 'stop' });
    expect(results(order(story, { kind: 'handover' }))).toEqual([]);
    const late = story.after(TIMINGS.pauseBudgetMs / 2).tick();
    expect(results(late)).toEqual([]);
    const done = story.done(late, 'limbo', LIMBO);
    expect(results(done)).toEqual([{ ok: true, text: 'redis-1 is not master any more' }]);
    expect(done.map(({ type }) => type).slice(-2)).toEqual(['command-done', 'stopped']);
  });

  test('any other order is told that the sidecar stops', () => {
    const story = leaderInStep();
    held(story);
    story.feed({ type: 'stop' });
    const late = story.after(TIMINGS.pauseBudgetMs / 2).tick();
    expect(results(story.done(late, 'limbo', LIMBO))).toMatchObject([
      { ok: false, code: 'ERR', text: expect.stringMatching(/stops/) as unknown },
    ]);
  });

  test('a sidecar that is stopped hands over to one that can take over, also when its last order of succession is out of date', () => {
    const story = leaderInStep();
    const [first, second] = [identity(0).pod, identity(2).pod];
    const outdated = { ...story.state, ranking: [first, second] };
    const view = outdated.peers[first];
    if (view?.position == null) throw new Error('its position is known');
    const astray = { ...view, position: { ...view.position, masterHost: '10.9.9.9' } };
    story.state = { ...outdated, peers: { ...outdated.peers, [first]: astray } };
    story.feed({ type: 'stop' });
    expect(story.state.role).toMatchObject({ phase: { name: 'handover', to: second } });
  });

  test('L1: a sidecar that is stopped meanwhile goes on with it, and gives the lease back in any case', () => {
    const story = leaderInStep();
    probed(story, held(story), 119);
    story.feed({ type: 'stop' });
    const late = story.after(TIMINGS.pauseBudgetMs / 2).tick();
    expect(orders(late)).toEqual(['limbo']);
    expect(orders(late)).not.toContain('unpause');
  });
});

describe('a handover in the middle of which somebody makes the master a replica', () => {
  const FED = { masterHost: '10.0.0.0', offset: asOffset(120), syncInProgress: true, linkUp: false } as const;

  test('S3: is broken off; an election is held under the same lease, with the own Redis detached first', () => {
    const story = leaderInStep();
    const { term } = story.state;
    probed(story, held(story), 119);
    const actions = story.after(5).redis(FED);
    expect(orders(actions)).toEqual(['limbo']);
    expect(releases(actions)).toEqual([]);
    expect(story.state.role).toMatchObject({ kind: 'holder', term: term + 1, phase: { name: 'freeze' } });
    expect(results(actions)).toEqual([]);
  });

  test.each(['stop', 'failover'])(
    'S3: gives the lease back all the same (%s), but not before it is detached',
    (purpose) => {
      const story = leaderInStep();
      const pausing = purpose === 'stop' ? story.feed({ type: 'stop' }) : order(story, { kind: 'failover' });
      probed(story, story.after(1).done(pausing, 'pause-writes', { ...MASTER, offset: asOffset(120) }), 119);
      const fencing = story.after(5).redis(FED);
      expect(orders(fencing)).toEqual(['limbo']);
      expect(releases(fencing)).toEqual([]);
      expect(releases(story.after(1).done(fencing, 'limbo', LIMBO))).toHaveLength(2);
    },
  );

  test('ends like any other when nobody has', () => {
    const story = leaderInStep();
    probed(story, held(story), 119);
    expect(orders(story.after(5).redis({ ...MASTER, offset: asOffset(120) }))).toEqual([]);
    expect(story.state.role).toMatchObject({ phase: { name: 'handover' } });
  });
});

describe('the one that a switchover has named', () => {
  test('is promoted, though another one has the better priority, for it has all the data', () => {
    const story = follower();
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'switchover' }));
    const freezing = story.granted(story.last?.actions ?? [], 'ACQUIRE');
    story.done(freezing, 'limbo', LIMBO);
    const actions = story.frozen(freezing, () => positionOf({ priority: 1 }));
    expect(orders(actions)).toEqual(['promote']);
  });

  test('S3: is not promoted when another one has more', () => {
    const story = follower();
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'switchover' }));
    const freezing = story.granted(story.last?.actions ?? [], 'ACQUIRE');
    story.done(freezing, 'limbo', LIMBO);
    const actions = story.frozen(freezing, () => positionOf({ offset: asOffset(114) }));
    expect(orders(actions)).not.toContain('promote');
  });
});

describe('a handover', () => {
  test('of a pod that is not master: there is nothing to do', () => {
    expect(results(order(follower(), { kind: 'handover' }))).toEqual([{ ok: true, text: 'redis-1 is not master' }]);
  });

  test('goes to the first in the order of succession', () => {
    const story = leaderInStep();
    expect(orders(order(story, { kind: 'handover' }))).toEqual(['pause-writes']);
    expect(story.state.role).toMatchObject({ phase: { name: 'handover', to: 'redis-0', purpose: 'handover' } });
  });
});

describe('a failover by force', () => {
  test('goes on when the successor does not catch up', () => {
    const story = leaderInStep();
    const pausing = order(story, { kind: 'failover' });
    probed(story, story.after(1).done(pausing, 'pause-writes', { ...MASTER, offset: asOffset(120) }), 1);
    const late = story.after(TIMINGS.pauseBudgetMs / 2).tick();
    expect(orders(late)).toEqual(['limbo']);
    expect(releases(story.done(late, 'limbo', LIMBO))).toContainEqual(expect.objectContaining({ cause: 'failover' }));
  });

  test('where nobody leads: the pod that is asked tries at once', () => {
    const story = follower();
    story.after(TIMINGS.grantMs).redis(LIMBO);
    const asking = order(story, { kind: 'failover' });
    expect(questions(asking, 'ACQUIRE')).toHaveLength(2);
    expect(results(asking)).toEqual([]);
  });
});

describe('while automatic failover is paused', () => {
  function pausedFollower(): Story {
    const story = follower();
    story.asked({ ...renewal(0, 1), pauses: 1 });
    return story;
  }

  test('everybody hears of it, and tells it on', () => {
    const story = pausedFollower();
    expect(isPaused(story.state)).toBe(true);
    const leading = leaderInStep();
    const pausing = order(leading, { kind: 'pause' });
    expect(results(pausing)).toMatchObject([{ ok: true }]);
    expect(questions(pausing, 'RENEW').map(({ request }) => request.pauses)).toEqual([1, 1]);
  });

  test('who has heard of more is right: a pause does not come back after it has been resumed', () => {
    const story = pausedFollower();
    story.asked({ ...renewal(0, 1), pauses: 2 });
    story.asked({ ...renewal(0, 1), pauses: 1 });
    expect(isPaused(story.state)).toBe(false);
  });

  test('nobody campaigns for the place of a master that is lost; when it is resumed, somebody does', () => {
    const story = pausedFollower();
    for (let beat = 0; beat < 50; beat += 1) {
      expect(questions(story.after(TIMINGS.heartbeatMs).redis(LIMBO), 'PREVOTE')).toEqual([]);
    }
    expect(story.state.reason).toMatch(/PAUSED/);
    order(story, { kind: 'resume' });
    let asking: readonly Action[] = [];
    for (let beat = 0; beat < 5 && asking.length === 0; beat += 1) {
      asking = questions(story.after(TIMINGS.heartbeatMs).redis(LIMBO), 'PREVOTE');
    }
    expect(asking).toHaveLength(2);
  });

  test('a dead master gives its lease to nobody', () => {
    const story = leaderInStep();
    order(story, { kind: 'pause' });
    const actions = story.feed({ type: 'redis', sample: { outcome: 'refused' }, minReplicas: null });
    expect(releases(actions)).toContainEqual(expect.objectContaining({ to: null, cause: 'redis-dead' }));
  });

  test('S2: a master that loses its quorum stops all the same', () => {
    const story = leaderInStep();
    order(story, { kind: 'pause' });
    expect(orders(story.after(TIMINGS.leaseMs).redis(MASTER))).toEqual(['limbo']);
  });

  test('a switchover is carried out', () => {
    const story = pausedFollower();
    story.asked({
      ...requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'switchover' }),
      pauses: 1,
    });
    expect(questions(story.last?.actions ?? [], 'ACQUIRE')).toHaveLength(2);
  });

  test('L1: the master itself may ask for its lease again after its sidecar has restarted', () => {
    const story = leaderInStep();
    order(story, { kind: 'pause' });
    const fencing = story.after(TIMINGS.leaseMs + 1).tick();
    expect(orders(fencing)).toEqual(['limbo']);
    // Its Redis was not to be fenced in time, and is still master.
    const asked: unknown[] = [];
    for (let beat = 0; beat < 30; beat += 1)
      asked.push(...questions(story.after(TIMINGS.heartbeatMs).redis(MASTER), 'PREVOTE'));
    expect(asked).not.toEqual([]);
  });
});

describe('the history of moves', () => {
  test('the one that was promoted tells how it came to it, with the time that each step took', () => {
    const { story, actions } = elected();
    const announcing = story.after(3).done(actions, 'promote', MASTER);
    expect(questions(announcing, 'ANNOUNCE')[0]?.request).toMatchObject({
      announcement: { succession: { from: 'redis-0', cause: 'redis-dead', phasesMs: { promote: 3 } } },
    });
  });

  test.each([
    ['redis-dead', 'redis-dead'],
    ['redis-hung', 'redis-hung'],
    ['switchover', 'switchover'],
    ['handover', 'handover'],
    ['fenced', 'silent'],
  ] as const)('after a release for %s the cause is %s', (release, cause) => {
    const story = follower();
    story.asked({ ...renewal(0, 1) });
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: release }));
    const announcement = announcementOf(0, 1);
    const freezing = story.granted(story.last?.actions ?? [], 'ACQUIRE', 1, announcement);
    if (release === 'redis-hung') {
      const probe = [...freezing, ...(story.last?.actions ?? [])].find((action) => action.type === 'remote');
      if (probe?.type === 'remote') {
        story.feed({
          type: 'remote-done',
          id: probe.id,
          pod: probe.pod,
          outcome: { ok: false, error: 'no', late: false },
        });
      }
    }
    const detaching = story.after(TIMINGS.probeTimeoutMs * 2).tick();
    const all = [...freezing, ...detaching];
    const limbo = all.some((action) => action.type === 'own' && action.action.kind === 'limbo')
      ? all
      : [...(story.last?.actions ?? [])];
    story.done(limbo, 'limbo', LIMBO);
    const promoting = story.frozen(limbo, (index) => (index === 0 ? null : positionOf()));
    // The Redis of whoever is silent is asked directly, and does not answer here.
    const late = orders(promoting).includes('promote') ? promoting : story.after(TIMINGS.probeTimeoutMs * 3).tick();
    story.done(late, 'promote', MASTER);
    expect(story.state.changes.at(-1)).toMatchObject({ from: 'redis-0', to: SELF, cause });
  });
});

describe('a pod of better priority that was passed over for the data that it lacked', () => {
  /** redis-1 was promoted, with 20 bytes more than redis-2, which has priority 1. */
  function passing(): Story {
    const story = follower();
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'redis-dead' }));
    const freezing = story.granted(story.last?.actions ?? [], 'ACQUIRE');
    story.done(freezing, 'limbo', { ...LIMBO, offset: asOffset(120) });
    const behind = positionOf({ priority: 1, offset: asOffset(100) });
    const promoting = story.frozen(freezing, (index) => (index === 2 ? behind : null));
    const waited = orders(promoting).includes('promote') ? promoting : story.after(TIMINGS.dataWaitMs).tick();
    story.done(waited, 'promote', { ...MASTER, offset: asOffset(120) });
    return story;
  }

  function beat(story: Story): readonly Action[] {
    const renewing = story.after(TIMINGS.heartbeatMs).redis({ ...MASTER, offset: asOffset(120) });
    return [...renewing, ...story.granted(renewing, 'RENEW')];
  }

  test('becomes master once it has everything, by a switchover, once', () => {
    const story = passing();
    expect(story.state).toMatchObject({ passedOver: 'redis-2', role: { phase: { name: 'lead' } } });
    const pauses: string[] = [];
    for (let count = 0; count < 20; count += 1)
      pauses.push(...orders(beat(story)).filter((kind) => kind === 'pause-writes'));
    expect(pauses).toHaveLength(1);
    expect(story.state.passedOver).toBeNull();
  });

  test('is left alone while automatic failover is paused', () => {
    const story = passing();
    order(story, { kind: 'pause' });
    for (let count = 0; count < 20; count += 1) expect(orders(beat(story))).not.toContain('pause-writes');
  });
});

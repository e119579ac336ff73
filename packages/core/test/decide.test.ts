import { describe, expect, test } from '@jest/globals';
import {
  asTerm,
  memoryOf,
  asOffset,
  asRunId,
  currentMaster,
  dataQuorumOf,
  type Action,
  type ReplicationInfo,
} from '../src/index.ts';
import {
  announcementOf,
  configOf,
  elected,
  follower,
  identity,
  infoOf,
  LIMBO,
  orders,
  PODS,
  positionOf,
  questions,
  renewal,
  requestOf,
  Story,
  TIMINGS,
} from './support.ts';

describe('a sidecar that has just started', () => {
  test('grants no term that is older than what its former life knew', () => {
    const before = new Story(configOf(1));
    before.after(TIMINGS.grantMs).asked(renewal(0, 9));
    const story = new Story(configOf(1), 0, memoryOf(before.state));
    const asked = requestOf(2, 3, { type: 'ACQUIRE' });
    expect(story.after(TIMINGS.grantMs - 1).asked(asked)).toMatchObject({ reason: 'mute' });
    expect(story.after(1).asked(asked)).toMatchObject({ type: 'refused', reason: 'stale-term' });
    expect(story.asked(requestOf(2, 10, { type: 'ACQUIRE' }))).toMatchObject({
      type: 'granted',
      announcement: announcementOf(0, 9),
    });
  });

  test('lets the holder whom its former life knew go on under its term, and nobody else', () => {
    const memory = { term: asTerm(9), announcement: announcementOf(0, 9) };
    const restarted = (): Story => new Story(configOf(1), 0, memory).after(TIMINGS.grantMs);
    expect(restarted().asked(renewal(0, 9))).toMatchObject({ type: 'granted' });
    expect(restarted().asked(renewal(2, 9))).toMatchObject({ type: 'refused', reason: 'stale-term' });
    const story = restarted();
    story.asked(requestOf(2, 10, { type: 'ACQUIRE' }));
    expect(story.asked(renewal(0, 9))).toMatchObject({ type: 'refused' });
  });

  test('does not take the master of its former life for a living one', () => {
    const memory = { term: asTerm(9), announcement: announcementOf(0, 9) };
    const story = new Story(configOf(1), 0, memory);
    story.redis();
    expect(currentMaster(story.state, story.nowMs)).toBeNull();
  });

  test('grants nothing until every promise of its former life has run out', () => {
    const story = new Story(configOf(1));
    expect(story.after(TIMINGS.grantMs - 1).asked(requestOf(0, 9, { type: 'ACQUIRE' }))).toMatchObject({
      type: 'refused',
      reason: 'mute',
    });
    expect(story.after(1).asked(requestOf(0, 9, { type: 'ACQUIRE' }))).toMatchObject({ type: 'granted' });
  });

  test('leaves a replica alone that follows the announced master', () => {
    const story = follower();
    for (let beat = 0; beat < 50; beat += 1) {
      expect(orders(story.after(200).redis())).toEqual([]);
      story.asked(renewal(0, 1));
      expect(orders(story.last?.actions ?? [])).toEqual([]);
    }
  });

  test('lets a master without a lease write no longer than a quorum of pods can be heard', () => {
    const story = new Story(configOf(1));
    expect(orders(story.redis({ role: 'master', masterHost: null }))).toEqual([]);
    const actions = story.after(TIMINGS.requestTimeoutMs * 2).redis({ role: 'master', masterHost: null });
    expect(orders(actions)).toEqual(['limbo']);
  });
});

describe('S5: strangers', () => {
  test.each([
    ['of another cluster', requestOf(0, 5, { type: 'ACQUIRE' }, 'redis.other/mymaster'), 'other-cluster'],
    [
      'that are no pod of this set',
      { ...requestOf(0, 5, { type: 'ACQUIRE' }), from: { ...requestOf(7, 5, { type: 'FREEZE' }).from } },
      'not-a-member',
    ],
    ['that claim to be this very pod', requestOf(1, 5, { type: 'ACQUIRE' }), 'not-a-member'],
  ])('%s are refused, counted, and change no term', (_title, request, reason) => {
    const story = follower();
    expect(story.asked(request)).toMatchObject({ type: 'refused', reason });
    expect(story.state).toMatchObject({ refusedMessages: 1, term: 1 });
  });

  test.each(['FREEZE', 'ANNOUNCE'] as const)('%s from a pod that does not hold the lease is refused', (type) => {
    const story = follower();
    const body = type === 'FREEZE' ? { type } : { type, announcement: announcementOf(2, 2) };
    expect(story.asked(requestOf(2, 2, body))).toMatchObject({ type: 'refused', reason: 'no-lease' });
    expect(orders(story.last?.actions ?? [])).toEqual([]);
  });
});

describe('a sidecar that has restarted, as all others have, beside a replica', () => {
  const down = { linkUp: false, linkDownSinceSeconds: 1, masterHost: '10.0.0.9' } as const;
  /** By then those that are there have been met. */
  const FIRST_CONTACT_MS = TIMINGS.requestTimeoutMs * 2;

  test('S5: leaves the unknown master whose link is down before a stranger can have its address, but not at once', () => {
    const story = new Story(configOf(1));
    story.redis(down);
    expect(orders(story.after(FIRST_CONTACT_MS - 1).tick())).toEqual([]);
    expect(orders(story.after(1).tick())).toEqual(['limbo']);
  });

  test('S5: leaves it also when it is told who was master, but hears nothing of that one itself', () => {
    const story = new Story(configOf(1));
    story.redis(down);
    story.feed({ type: 'peer-met', identity: identity(2), announcement: announcementOf(0, 1), term: asTerm(1) });
    expect(orders(story.after(FIRST_CONTACT_MS).tick())).toEqual(['limbo']);
  });

  test.each([{ linkUp: true }, { syncInProgress: true }])('stays while it is linked (%j)', (change) => {
    const story = new Story(configOf(1));
    for (let beat = 0; beat < 30; beat += 1) {
      expect(orders(story.after(TIMINGS.heartbeatMs).redis({ ...down, ...change }))).not.toContain('limbo');
    }
  });

  test('still detaches whom it has left, when it holds an election: that one may write on, alone', () => {
    const story = new Story(configOf(1));
    story.redis(down);
    story.done(story.after(FIRST_CONTACT_MS).tick(), 'limbo', LIMBO);
    let actions: readonly Action[] = [];
    while (questions(actions, 'PREVOTE').length === 0) actions = story.after(50).redis(LIMBO);
    const freezing = story.granted(story.granted(actions, 'PREVOTE'), 'ACQUIRE');
    expect(freezing).toContainEqual(
      expect.objectContaining({ type: 'remote', ip: '10.0.0.9', action: expect.objectContaining({ kind: 'limbo' }) }),
    );
  });
});

describe('a request to freeze that was on its way for too long', () => {
  test('is refused when its election is over; one of a newer term is not', () => {
    const story = follower();
    expect(story.asked(requestOf(0, 1, { type: 'FREEZE' }))).toMatchObject({ type: 'refused' });
    expect(orders(story.last?.actions ?? [])).toEqual([]);
    expect(story.asked(requestOf(0, 2, { type: 'FREEZE' }))).toBeNull();
    expect(orders(story.last?.actions ?? [])).toEqual(['limbo']);
  });
});

describe('a fence that Redis refuses', () => {
  test('is tried again every 20 ms, and told once', () => {
    const story = new Story(configOf(1));
    const master = { role: 'master', masterHost: null, masterPort: null, linkUp: false } as const;
    story.redis(master);
    let actions = story.after(TIMINGS.requestTimeoutMs * 2).redis(master);
    const told: string[] = [];
    for (let turn = 0; turn < 10; turn += 1) {
      told.push(...(story.last?.notes ?? []).map(({ event }) => event));
      const order = actions.find((action) => action.type === 'own' && action.action.kind === 'limbo');
      if (order?.type !== 'own') throw new Error('the fence was not tried again');
      const { id, action } = order;
      story.feed({ type: 'own-done', id, action, outcome: { ok: false, error: 'BUSY a script', late: false } });
      told.push(...(story.last?.notes ?? []).map(({ event }) => event));
      actions = story.after(20).tick();
    }
    expect(told.filter((event) => event === 'limbo' || event === 'redis-order-failed')).toEqual([
      'limbo',
      'redis-order-failed',
    ]);
  });
});

describe('a follower', () => {
  test('does not vote while the lease it granted lasts, and pre-vote changes nothing', () => {
    const story = follower();
    const before = story.state.voter;
    expect(story.asked(requestOf(2, 2, { type: 'PREVOTE' }))).toMatchObject({ type: 'refused', reason: 'held' });
    expect(story.state.voter).toEqual(before);
    expect(story.state.term).toBe(1);
  });

  test('names the master only while its lease may be alive', () => {
    const story = follower();
    expect(currentMaster(story.state, story.nowMs + TIMINGS.grantMs - 1)).toMatchObject({ ip: '10.0.0.1' });
    expect(currentMaster(story.state, story.nowMs + TIMINGS.grantMs)).toBeNull();
  });

  test('asks at once when the lease is released to it, without pre-vote and without asking the dead Redis', () => {
    const story = follower();
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'redis-dead' }));
    const actions = story.last?.actions ?? [];
    expect(questions(actions).map(({ request }) => [request.type, request.term])).toEqual([
      ['ACQUIRE', 2],
      ['ACQUIRE', 2],
    ]);
    expect(actions.some((action) => action.type === 'remote')).toBe(false);
  });

  test('asks with a pre-vote, under no new term, when the lease has run out in silence', () => {
    const story = follower();
    const actions = story.after(TIMINGS.grantMs + TIMINGS.electionStepMs * 4).redis({ linkUp: false });
    expect(new Set(questions(actions).map(({ request }) => request.type))).toEqual(new Set(['PREVOTE']));
    expect(story.state.term).toBe(1);
  });

  test('puts a Redis back that somebody pointed elsewhere, or made a master, by hand', () => {
    for (const change of [{ masterHost: '10.0.0.99' }, { role: 'master', masterHost: null }] as const) {
      const story = follower();
      expect(orders(story.redis(change))).toEqual(['follow']);
    }
  });

  test('detaches from a master whose lease ran out and that nobody followed on', () => {
    const story = follower();
    story.after(TIMINGS.grantMs + TIMINGS.detachGraceMs - 1);
    expect(orders(story.redis({ priority: 0 }))).toEqual([]);
    expect(orders(story.after(1).redis({ priority: 0 }))).toEqual(['limbo']);
  });

  test('answers a freeze only when its Redis is detached', () => {
    const story = follower();
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: null, cause: 'redis-dead' }));
    story.asked(requestOf(2, 2, { type: 'ACQUIRE' }));
    expect(story.asked(requestOf(2, 2, { type: 'FREEZE' }))).toBeNull();
    const freezing = story.last?.actions ?? [];
    expect(orders(freezing)).toEqual(['limbo']);
    const answers = story.done(freezing, 'limbo', { ...LIMBO, offset: asOffset(321) });
    expect(answers).toContainEqual(
      expect.objectContaining({
        type: 'answer',
        body: expect.objectContaining({ type: 'frozen', position: expect.objectContaining({ offset: 321 }) }),
      }),
    );
  });
});

describe('an election', () => {
  test('whom the lease was released to asks again at once when its question has overtaken the release', () => {
    const story = follower();
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'redis-dead' }));
    let asking = story.last?.actions ?? [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect(questions(asking, 'ACQUIRE')).toHaveLength(2);
      story.after(1);
      for (const { to: from, request, sentAtMs } of questions(asking, 'ACQUIRE')) {
        const head = {
          v: 1,
          cluster: request.cluster,
          from: identity(PODS.indexOf(from)),
          term: request.term,
        } as const;
        const answer = { ...head, type: 'refused', reason: 'held', retryAfterMs: 2000, announcement: null } as const;
        story.feed({ type: 'answer', from, request, sentAtMs, answer });
      }
      asking = story.after(10).tick();
    }
    // It was not the order of the messages: as anybody else, it waits until the lease may have run out.
    expect(questions(asking, 'ACQUIRE')).toEqual([]);
    expect(questions(story.after(1000).tick(), 'PREVOTE')).toEqual([]);
  });

  test('a pod whose FREEZE has overtaken the release is asked again at once, and not for longer than a heartbeat', () => {
    const story = follower();
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'redis-dead' }));
    const freezing = story.granted(story.last?.actions ?? [], 'ACQUIRE');
    story.done(freezing, 'limbo', LIMBO);
    let asked = questions(freezing, 'FREEZE').filter(({ to }) => to === 'redis-2');
    const refuse = (by: Story): void => {
      for (const { to: from, request, sentAtMs } of asked) {
        const head = { v: 1, cluster: request.cluster, from: identity(2), term: request.term } as const;
        const answer = { ...head, type: 'refused', reason: 'no-lease', retryAfterMs: 0, announcement: null } as const;
        by.feed({ type: 'answer', from, request, sentAtMs, answer });
      }
    };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      refuse(story);
      expect(questions(story.after(1).tick(), 'FREEZE')).toEqual([]);
      asked = questions(story.after(5).tick(), 'FREEZE');
      expect(asked.map(({ to }) => to)).toEqual(['redis-2']);
    }
    const { state, nowMs } = story;
    expect(orders(story.frozen(asked, () => positionOf()))).toEqual(['promote']);
    // Had it refused for so long, it would not have been the order of the messages.
    const stubborn = Object.assign(new Story(story.state.config), { state, nowMs });
    stubborn.after(TIMINGS.heartbeatMs).tick();
    refuse(stubborn);
    expect(questions(stubborn.after(10).tick(), 'FREEZE')).toEqual([]);
  });

  test('promotes nobody before a quorum of pods has shown its data', () => {
    const story = follower();
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'redis-dead' }));
    const freezing = story.granted(story.last?.actions ?? [], 'ACQUIRE');
    expect(orders(freezing)).toEqual(['limbo']);
    expect(orders(story.done(freezing, 'limbo', LIMBO))).toEqual([]);
    const actions = story.frozen(freezing, (index) => (index === 0 ? null : positionOf()));
    expect(orders(actions)).toEqual(['promote']);
  });

  test('takes over without loss from a master whose sidecar is gone: hold writes, catch up, demote, and only then freeze', () => {
    const story = follower();
    const remote = (actions: readonly Action[]): Extract<Action, { type: 'remote' }>[] =>
      actions.filter((action) => action.type === 'remote');
    const answer = (order: readonly Action[], change: Partial<ReplicationInfo>): readonly Action[] => {
      const [first] = remote(order);
      if (first === undefined) throw new Error('nothing was asked of the old master');
      return story.feed({
        type: 'remote-done',
        id: first.id,
        pod: first.pod,
        outcome: { ok: true, info: infoOf(change) },
      });
    };
    const oldMaster = {
      role: 'master',
      masterHost: null,
      runId: asRunId('0'.repeat(40)),
      offset: asOffset(900),
    } as const;
    const asking = story.after(TIMINGS.grantMs + TIMINGS.electionStepMs * 4).redis();
    expect(remote(asking).map(({ action }) => action.kind)).toEqual(['probe']);
    answer(asking, oldMaster);
    const winning = story.granted(story.granted(asking, 'PREVOTE'), 'ACQUIRE');
    expect(remote(winning).map(({ action }) => action.kind)).toEqual(['pause-writes']);
    expect(questions(winning, 'FREEZE')).toEqual([]);
    expect(remote(answer(winning, oldMaster))).toEqual([]);
    const caughtUp = story.after(5).redis({ offset: asOffset(900) });
    expect(remote(caughtUp).map(({ action }) => action.kind)).toEqual(['limbo']);
    const freezing = answer(caughtUp, { ...LIMBO, runId: oldMaster.runId, offset: asOffset(900) });
    expect(questions(freezing, 'FREEZE')).toHaveLength(2);
    expect(orders(freezing)).toEqual(['limbo']);
  });

  test('an empty voter votes on the lease, not on the data', () => {
    const story = follower();
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'redis-dead' }));
    const freezing = story.granted(story.last?.actions ?? [], 'ACQUIRE');
    story.done(freezing, 'limbo', LIMBO);
    const empty = positionOf({ synced: false, keys: 0, replid: infoOf().replid.replace('a', 'b') as never });
    expect(orders(story.frozen(freezing, (index) => (index === 0 ? null : empty)))).toEqual([]);
    // Neither does anybody wait for ever: by default the best there is takes over in the end.
    const renewed = story.after(TIMINGS.heartbeatMs).tick();
    expect(orders(story.granted(renewed, 'RENEW'))).toEqual([]);
    for (let waitedMs = 0; waitedMs < TIMINGS.dataWaitMs; waitedMs += 200) {
      const actions = story.after(199).tick();
      if (orders(actions).includes('promote')) return;
      if (orders(story.granted(actions, 'RENEW')).includes('promote')) return;
    }
    throw new Error('nobody was promoted');
  });

  test('even sets: a write confirmed by N/2 replicas is on N/2+1 pods, so N/2 pods with their data are enough', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map(dataQuorumOf)).toEqual([1, 1, 2, 2, 3, 3, 4]);
  });

  test('hands the lease to the pod with more data, and only when its own Redis is fenced', () => {
    const story = follower();
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'redis-dead' }));
    const freezing = story.granted(story.last?.actions ?? [], 'ACQUIRE');
    story.done(freezing, 'limbo', LIMBO);
    const actions = story.frozen(freezing, (index) => (index === 2 ? positionOf({ offset: asOffset(5000) }) : null));
    expect(orders(actions)).toEqual([]);
    expect(questions(actions, 'RELEASE').map(({ request }) => request)).toContainEqual(
      expect.objectContaining({ to: 'redis-2' }),
    );
    expect(story.state.role.kind).toBe('follower');
  });

  test('a lease that runs out while the promotion is under way is no lease: fence, then release', () => {
    const { story, actions } = elected();
    expect(orders(actions)).toEqual(['promote']);
    const late = story.after(TIMINGS.leaseMs).tick();
    expect(orders(late)).toEqual(['limbo']);
    expect(questions(late, 'RELEASE')).toEqual([]);
    expect(questions(story.done(late, 'limbo', LIMBO), 'RELEASE')).toEqual([]);
    // The promotion returns too late, and has been fenced by itself.
    expect(questions(story.done(actions, 'promote', LIMBO), 'RELEASE')).toHaveLength(2);
  });
});

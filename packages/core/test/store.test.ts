import { describe, expect, test } from '@jest/globals';
import {
  asOffset,
  asReplicationId,
  asTerm,
  heldUntilMs,
  isFailsafe,
  startNode,
  storeEveryMs,
  type Action,
  type Input,
  type NodeConfig,
  type StoredLease,
  type StoreOutcome,
  type StoreRecord,
} from '../src/index.ts';
import { claimOn, hasVotes } from '../src/store.ts';
import {
  announcementOf,
  configOf,
  identity,
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

const store = 'kubernetes' as const;
const { leaseMs, grantMs, heartbeatMs, reservationMs } = TIMINGS;

function storedConfig(index: number): NodeConfig {
  return configOf(index, { self: { ...identity(index), store } });
}

function leaseBy(index: number, term: number, change: Partial<StoredLease> = {}): StoredLease {
  const { pod, uid, incarnation } = identity(index);
  return {
    holder: { pod, uid, incarnation },
    isReleased: false,
    to: null,
    term: asTerm(term),
    grantMs,
    replicas: PODS.length,
    announcement: announcementOf(index, term),
    ...change,
  };
}

const recordBy = (index: number, term: number, version: string, change: Partial<StoredLease> = {}): StoreRecord => ({
  kind: 'lease',
  version,
  lease: leaseBy(index, term, change),
});

type StoreAction = Extract<Action, { type: 'store' }>;

const asked = (actions: readonly Action[]): StoreAction | undefined =>
  actions.find((action) => action.type === 'store');

/** A sidecar whose lease is in a store, and the store's answers. */
class StoredStory extends Story {
  record: StoreRecord = { kind: 'none', version: null };
  othersHavePeers = false;
  #version = 100;

  /** All the others have the same store. */
  override feed(input: Input): readonly Action[] {
    if (this.othersHavePeers) return super.feed(input);
    if (input.type === 'request') {
      const { request } = input;
      return super.feed({ ...input, request: { ...request, from: { ...request.from, store } } });
    }
    if (input.type !== 'answer' || input.answer === null) return super.feed(input);
    const { answer } = input;
    return super.feed({ ...input, answer: { ...answer, from: { ...answer.from, store } } });
  }

  /** Whatever this sidecar asks of the store in `actions`, and then again, is done `delayMs` later. */
  served(actions: readonly Action[], delayMs = 1): readonly Action[] {
    const all: Action[] = [];
    for (let question = asked(actions); question !== undefined;) {
      const { request } = question;
      if (request.do === 'write')
        this.record = { kind: 'lease', version: String(this.#version++), lease: request.lease };
      this.after(delayMs);
      const next = this.answered(question, { kind: 'record', record: this.record });
      all.push(...next);
      question = asked(next);
    }
    return all;
  }

  answered({ id, sentAtMs }: StoreAction, outcome: StoreOutcome): readonly Action[] {
    return this.feed({ type: 'store-done', id, sentAtMs, outcome });
  }
}

/** redis-1 follows redis-0, whose lease of term 1 is in the store. */
function storedFollower(): StoredStory {
  const story = new StoredStory(storedConfig(1));
  story.record = recordBy(0, 1, '1');
  story.served(story.redis());
  story.after(grantMs);
  story.served(story.tick());
  story.asked(renewal(0, 1));
  return story;
}

/** redis-1 leads; its last write was sent at `writtenAtMs`. */
function storedLeader(): { story: StoredStory; writtenAtMs: number } {
  const story = storedFollower();
  story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'redis-dead' }));
  const asking = story.last?.actions ?? [];
  const writtenAtMs = story.nowMs + 1;
  const writing = story.served(asking);
  const winning = [...writing, ...story.granted(asking, 'ACQUIRE')];
  const freezing = winning.some((one) => one.type === 'ask' && one.request.type === 'FREEZE')
    ? winning
    : [...winning, ...story.tick()];
  const detached = story.done(freezing, 'limbo', LIMBO);
  const chosen = [...detached, ...story.frozen(freezing, (index) => (index === 0 ? null : positionOf()))];
  story.served(story.done(chosen, 'promote', { role: 'master', masterHost: null, masterPort: null, linkUp: false }));
  return { story, writtenAtMs };
}

describe('who may write himself into the record', () => {
  const candidate = { self: identity(1), members: PODS, timings: TIMINGS, givenBack: [] };
  const seen = (record: StoreRecord) => ({ record, seenAtMs: 1000 });

  test("another's: only when it has stood unchanged for a grant since it was first seen, and with the own vote", () => {
    const sighting = seen(recordBy(0, 5, '7'));
    expect(claimOn(sighting, candidate, 1000 + grantMs - 1)).toMatchObject({ free: false, retryAfterMs: 1 });
    expect(claimOn(sighting, candidate, 1000 + grantMs)).toEqual({ free: true, votes: 'own' });
    const { pod } = identity(1);
    expect(hasVotes('own', { [identity(2).pod]: 0 }, pod, 2)).toBe(false);
    expect(hasVotes('own', { [pod]: 0 }, pod, 2)).toBe(true);
  });

  test('a holder with a longer lease is waited for as long as it counts', () => {
    const sighting = seen(recordBy(0, 5, '7', { grantMs: 3 * grantMs }));
    expect(claimOn(sighting, candidate, 1000 + 3 * grantMs - 1).free).toBe(false);
    expect(claimOn(sighting, candidate, 1000 + 3 * grantMs).free).toBe(true);
  });

  test('nobody whom the holder did not count when it wrote: it need not have asked for his consent', () => {
    const sighting = seen(recordBy(0, 5, '7', { replicas: 1 }));
    expect(claimOn(sighting, candidate, 1000 + 10 * grantMs).free).toBe(false);
  });

  test('a released one: at once, but for a moment only the one whom it was released to', () => {
    const released = (to: number | null) =>
      seen(recordBy(0, 5, '7', { isReleased: true, to: to === null ? null : identity(to).pod }));
    expect(claimOn(released(null), candidate, 1000)).toEqual({ free: true, votes: 'none' });
    expect(claimOn(released(1), candidate, 1000)).toEqual({ free: true, votes: 'none' });
    expect(claimOn(released(2), candidate, 1000 + reservationMs - 1).free).toBe(false);
    expect(claimOn(released(2), candidate, 1000 + reservationMs).free).toBe(true);
  });

  test("the holder's own word that it gave this lease back is as good; that of another life, or of an older lease, is not", () => {
    const sighting = seen(recordBy(0, 5, '7'));
    const told = (incarnation: string, term: number) =>
      claimOn(
        sighting,
        { ...candidate, givenBack: [{ holder: { ...identity(0), incarnation }, term: asTerm(term) }] },
        1000,
      ).free;
    expect(told(identity(0).incarnation, 5)).toBe(true);
    expect(told(identity(0).incarnation, 4)).toBe(false);
    expect(told('another life', 9)).toBe(false);
  });

  test('the own one of an earlier life at once; that of an earlier pod of this name is another one', () => {
    expect(claimOn(seen(recordBy(1, 5, '7')), candidate, 1000)).toEqual({ free: true, votes: 'none' });
    const former = { ...leaseBy(1, 5).holder, uid: 'former' };
    expect(claimOn(seen(recordBy(1, 5, '7', { holder: former })), candidate, 1000).free).toBe(false);
  });

  test('one that is not there: with a quorum, and not before a lease that was deleted has run out', () => {
    const none = seen({ kind: 'none', version: null });
    expect(claimOn(none, candidate, 1000 + grantMs - 1).free).toBe(false);
    expect(claimOn(none, candidate, 1000 + grantMs)).toEqual({ free: true, votes: 'quorum' });
  });

  test("somebody else's never", () => {
    const foreign = seen({ kind: 'foreign', version: '7', why: 'it is of another cluster' });
    expect(claimOn(foreign, candidate, 1e9)).toMatchObject({ free: false, why: 'it is of another cluster' });
  });
});

describe('a sidecar whose lease is in a store', () => {
  test('that follows a master which it hears asks nothing of the store', () => {
    const story = storedFollower();
    for (let beat = 0; beat < 20; beat += 1) {
      story.after(heartbeatMs);
      story.asked(renewal(0, 1));
      expect(asked(story.last?.actions ?? [])).toBeUndefined();
      expect(asked(story.tick())).toBeUndefined();
    }
  });

  test('looks at the record as soon as the master is silent', () => {
    const story = storedFollower();
    expect(asked(story.after(heartbeatMs * 1.5 - 1).tick())).toBeUndefined();
    const question = asked(story.after(storeEveryMs(TIMINGS)).tick());
    expect(question?.request).toEqual({ do: 'read' });
  });

  test('counts the record as seen from the answer: it may have been written after the question was sent', () => {
    const story = new StoredStory(storedConfig(1));
    const question = asked(story.redis());
    story.after(400).answered(question!, { kind: 'record', record: recordBy(0, 1, '1') });
    expect(story.state.store.sighting?.seenAtMs).toBe(400);
    story.after(500);
    const again = asked(story.tick());
    story.after(100).answered(again!, { kind: 'record', record: recordBy(0, 1, '1') });
    expect(story.state.store.sighting?.seenAtMs).toBe(400);
  });

  test('that is given the lease reads and writes at once, with a term above all that it knows', () => {
    const { story } = storedLeader();
    expect(story.record).toMatchObject({ lease: { holder: { pod: 'redis-1' }, term: 2, isReleased: false } });
    expect(story.state.role).toMatchObject({ kind: 'holder', phase: { name: 'lead' } });
    // As soon as it leads it writes down who is master now.
    expect(story.record).toMatchObject({ lease: { announcement: { pod: 'redis-1', term: 2 } } });
  });

  test('holds the lease from the sending of its last write, not from the answer', () => {
    const { story } = storedLeader();
    story.after(storeEveryMs(TIMINGS));
    const question = asked(story.tick());
    const sentAtMs = story.nowMs;
    expect(question?.request.do).toBe('write');
    story.after(300).answered(question!, { kind: 'record', record: recordBy(1, 2, '900') });
    expect(heldUntilMs(story.state)).toBe(sentAtMs + leaseMs);
  });

  test('a write without an answer counts for nothing, and is looked up before the next', () => {
    const { story } = storedLeader();
    const before = heldUntilMs(story.state);
    story.after(storeEveryMs(TIMINGS));
    const question = asked(story.tick());
    const next = asked(story.after(600).answered(question!, { kind: 'away', error: 'Timeout' }));
    expect(heldUntilMs(story.state)).toBe(before);
    expect(next?.request).toEqual({ do: 'read' });
  });

  test('without the store it goes on as long as all pods agree, and is fenced when one does not', () => {
    const { story } = storedLeader();
    const question = (actions: readonly Action[]) => {
      const one = asked(actions);
      if (one !== undefined) story.answered(one, { kind: 'away', error: 'ECONNREFUSED' });
    };
    for (let beat = 0; beat < 30; beat += 1) {
      const beating = story.after(heartbeatMs).tick();
      question(beating);
      story.granted(beating, 'RENEW');
    }
    expect(story.state.role.kind).toBe('holder');
    expect(isFailsafe(story.state, story.nowMs)).toBe(true);
    // A quorum is not enough: redis-2 agrees, redis-0 says nothing.
    let fenced: readonly Action[] = [];
    for (let beat = 0; beat < 15 && story.state.role.kind === 'holder'; beat += 1) {
      const beating = story.after(heartbeatMs).tick();
      question(beating);
      story.granted(
        questions(beating, 'RENEW').filter(({ to }) => to === PODS[2]),
        'RENEW',
      );
      fenced = beating;
    }
    expect(story.state.role.kind).toBe('follower');
    expect(orders(fenced)).toContain('limbo');
  });

  test('gives the lease back in the store only when its Redis is fenced', () => {
    const { story } = storedLeader();
    const fencing = story.feed({ type: 'stop' });
    expect(orders(fencing)).toContain('limbo');
    expect(asked([...fencing, ...story.after(heartbeatMs).tick()])).toBeUndefined();
    const released = asked(story.done(fencing, 'limbo', LIMBO));
    expect(released?.request).toMatchObject({ do: 'write', lease: { isReleased: true, term: 2 } });
  });

  test('fences itself when the record is in the hands of another one', () => {
    const { story } = storedLeader();
    story.after(storeEveryMs(TIMINGS));
    const conflict = asked(story.after(1).answered(asked(story.tick())!, { kind: 'conflict' }));
    expect(conflict?.request).toEqual({ do: 'read' });
    const actions = story.after(1).answered(conflict!, { kind: 'record', record: recordBy(2, 9, '901') });
    expect(orders(actions)).toContain('limbo');
    expect(story.state.role.kind).toBe('follower');
  });

  test('makes the record anew when somebody has deleted it', () => {
    const { story } = storedLeader();
    story.after(storeEveryMs(TIMINGS));
    const conflict = asked(story.after(1).answered(asked(story.tick())!, { kind: 'conflict' }));
    const made = asked(story.answered(conflict!, { kind: 'record', record: { kind: 'none', version: null } }));
    expect(made?.request).toMatchObject({ do: 'write', version: null, lease: { holder: { pod: 'redis-1' } } });
  });

  // The store would give it the lease, and the others would be wiped when they are back.
  test.each([
    ['an empty Redis is no candidate when no other pod can be heard', 0],
    ['one with data is', 1],
  ])('%s', (_name, keys) => {
    const story = storedFollower();
    const replid = asReplicationId('f'.repeat(40));
    story.redis({ ...LIMBO, replid, offset: asOffset(0), keys });
    const reasons = new Set<string>();
    for (let beat = 0; beat < 40; beat += 1) {
      const actions = [
        ...story.after(heartbeatMs).tick(),
        ...story.redis({ ...LIMBO, replid, offset: asOffset(0), keys }),
      ];
      story.served(actions);
      reasons.add(story.state.reason);
    }
    const isGiven = story.record.kind === 'lease' && story.record.lease.holder.pod === identity(1).pod;
    expect(isGiven).toBe(keys > 0);
    const isSaid = [...reasons].some((reason) => reason.includes('its Redis has nothing of what there was'));
    expect(isSaid).toBe(keys === 0);
  });

  test('lets nobody win whose lease is in another store', () => {
    const story = storedFollower();
    story.othersHavePeers = true;
    story.asked({ ...renewal(0, 1), from: { ...identity(0), incarnation: 'another life' } });
    expect(story.state.peers[PODS[0]!]?.identity?.store).toBeUndefined();
    story.after(grantMs + 1000);
    const asking = questions(story.tick(), 'PREVOTE');
    const { request, sentAtMs } = asking[0]!;
    story.feed({
      type: 'answer',
      from: PODS[0]!,
      request,
      sentAtMs,
      answer: {
        v: 1,
        cluster: request.cluster,
        from: identity(0),
        term: request.term,
        type: 'refused',
        reason: 'held',
        retryAfterMs: 500,
        announcement: null,
      },
    });
    expect(story.state.role.kind).toBe('follower');
    expect(story.state.reason).toContain('--lease-store kubernetes');
  });
});

test('the peers as the store: nothing is asked of any other', () => {
  const state = startNode(configOf(0), { nowMs: 0, random: 0 });
  expect(state.config.self.store).toBeUndefined();
});

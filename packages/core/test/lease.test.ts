import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  asPodName,
  asTerm,
  judge,
  leaseUntilMs,
  promise,
  quorumOf,
  release,
  startVoter,
  withGrant,
  type Voter,
} from '../src/index.ts';

const A = { pod: asPodName('redis-0'), uid: 'a', incarnation: 'a1' };
const B = { pod: asPodName('redis-1'), uid: 'b', incarnation: 'b1' };
const GRANT_MS = 2250;

function awake(): Voter {
  return startVoter(-GRANT_MS, GRANT_MS, asTerm(0));
}

describe('a voter', () => {
  test.each([
    ['has just started', startVoter(0, GRANT_MS, asTerm(0)), A, 1, 2249, 'mute'],
    [
      'has been silent for as long as an old promise may last',
      startVoter(0, GRANT_MS, asTerm(0)),
      A,
      1,
      2250,
      'granted',
    ],
    ['has promised the lease to another pod', promise(awake(), A, asTerm(1), 0, GRANT_MS), B, 2, 2249, 'held'],
    [
      'has promised it to another pod, and that has run out',
      promise(awake(), A, asTerm(1), 0, GRANT_MS),
      B,
      2,
      2250,
      'granted',
    ],
    ['is asked by the holder again', promise(awake(), A, asTerm(1), 0, GRANT_MS), A, 1, 100, 'granted'],
    ['is asked by the holder under a newer term', promise(awake(), A, asTerm(1), 0, GRANT_MS), A, 2, 100, 'granted'],
    [
      'is asked by a later pod of the same name',
      promise(awake(), A, asTerm(1), 0, GRANT_MS),
      { ...A, uid: 'z' },
      2,
      100,
      'held',
    ],
    ['is asked for a term that is over', promise(awake(), A, asTerm(3), 0, GRANT_MS), B, 2, 9999, 'stale-term'],
    [
      'is asked for the term that another pod had',
      promise(awake(), A, asTerm(3), 0, GRANT_MS),
      B,
      3,
      9999,
      'stale-term',
    ],
    [
      'was told that the lease goes to A, and B asks',
      release(promise(awake(), B, asTerm(1), 0, GRANT_MS), B, asTerm(1), A.pod, 10, 400),
      B,
      2,
      100,
      'reserved',
    ],
    [
      'was told that the lease goes to A, and A asks',
      release(promise(awake(), B, asTerm(1), 0, GRANT_MS), B, asTerm(1), A.pod, 10, 400),
      A,
      2,
      100,
      'granted',
    ],
    [
      'was told that the lease goes to A, who never came',
      release(promise(awake(), B, asTerm(1), 0, GRANT_MS), B, asTerm(1), A.pod, 10, 400),
      B,
      2,
      410,
      'granted',
    ],
    [
      'hears a release from a pod that does not hold it',
      release(promise(awake(), A, asTerm(1), 0, GRANT_MS), B, asTerm(1), null, 10, 400),
      B,
      2,
      100,
      'held',
    ],
    [
      'has promised it to the holder, whose earlier life gives back what it had asked for',
      release(promise(awake(), A, asTerm(1), 0, GRANT_MS), { ...A, incarnation: 'a0' }, asTerm(1), null, 10, 400),
      B,
      2,
      100,
      'held',
    ],
    [
      'is asked by the next life of the holder under the same term: what it gave back before must not end this',
      promise(awake(), A, asTerm(1), 0, GRANT_MS),
      { ...A, incarnation: 'a2' },
      1,
      100,
      'stale-term',
    ],
    [
      'is asked by the next life of the holder under a newer term',
      promise(awake(), A, asTerm(1), 0, GRANT_MS),
      { ...A, incarnation: 'a2' },
      2,
      100,
      'granted',
    ],
  ] as const)('%s', (_title, voter, holder, term, nowMs, expected) => {
    const verdict = judge(voter, holder, asTerm(term), nowMs);
    expect(verdict.granted ? 'granted' : verdict.reason).toBe(expected);
  });
});

describe('the holder', () => {
  test.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [6, 4],
    [7, 4],
    [9, 5],
  ])('of %i pods needs %i', (replicas, quorum) => {
    expect(quorumOf(replicas)).toBe(quorum);
  });

  test('counts from when the request was sent that made the quorum, and late answers change nothing', () => {
    const grants = withGrant(withGrant(withGrant({}, A.pod, 500), B.pod, 300), A.pod, 400);
    expect(leaseUntilMs(grants, 2, 2000)).toBe(2300);
    expect(leaseUntilMs(grants, 3, 2000)).toBe(-Infinity);
  });
});

/** What may happen to three voters and two pods that want the lease. */
const steps = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 900 }),
    voter: fc.integer({ min: 0, max: 2 }),
    holder: fc.integer({ min: 0, max: 1 }),
    what: fc.constantFrom('ask', 'ask', 'ask', 'renew', 'restart-voter'),
    travelMs: fc.integer({ min: 0, max: 400 }),
  }),
  { minLength: 10, maxLength: 60 },
);

test('S1: whatever is asked, delayed and restarted, two pods never hold the lease at the same time', () => {
  fc.assert(
    fc.property(steps, (story) => {
      const pods = [A, B];
      const voters = [awake(), awake(), awake()];
      const terms = [0, 0];
      const grants = [{}, {}];
      let nowMs = 0;
      let newest = 0;
      for (const { afterMs, voter, holder, what, travelMs } of story) {
        nowMs += afterMs;
        const pod = pods[holder];
        const ballot = voters[voter];
        if (pod === undefined || ballot === undefined) continue;
        if (what === 'restart-voter') {
          voters[voter] = startVoter(nowMs, GRANT_MS, asTerm(0));
          continue;
        }
        if (what === 'ask') {
          newest += 1;
          terms[holder] = newest;
        }
        const term = asTerm(terms[holder] ?? 0);
        const arrivesMs = nowMs + travelMs;
        if (judge(ballot, pod, term, arrivesMs).granted) {
          voters[voter] = promise(ballot, pod, term, arrivesMs, GRANT_MS);
          grants[holder] = withGrant(grants[holder] ?? {}, asPodName(`voter-${String(voter)}`), nowMs);
        }
        // A message on its way keeps everything else waiting here, so time moves on to its arrival.
        nowMs = arrivesMs;
        const until = grants.map((each) => leaseUntilMs(each, 2, 2000));
        expect(until.filter((untilMs) => untilMs > nowMs).length).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 2000, seed: 20161101 },
  );
});

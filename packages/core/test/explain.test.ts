import { describe, expect, test } from '@jest/globals';
import {
  asOffset,
  asPodName,
  asReplicationId,
  explain,
  pausedBy,
  type AskedPod,
  type MemberView,
} from '../src/index.ts';
import { MASTER, memberOf, pod, silent, type Change } from './asked-pods.ts';
import { identity, LIMBO, PODS } from './support.ts';

const OTHER = asReplicationId('f'.repeat(40));
const offset = (bytes: number): Change => ({ position: { offset: asOffset(bytes) } });

describe('who would be elected if the master were lost', () => {
  test.each<[string, AskedPod[], string | null, RegExp]>([
    [
      'among equals, whoever asks first',
      [pod(0), pod(1), pod(2)],
      'redis-1',
      /full data; or redis-2, in step as well, by who asks first$/,
    ],
    [
      'the order of asking is that which the master has told',
      [pod(0), pod(1), pod(2)].map((one) => withRanking(one, [2, 1])),
      'redis-2',
      /full data; or redis-1, in step/,
    ],
    ['the one with the most data', [pod(0), pod(1), pod(2, offset(140))], 'redis-2', /offset 140/],
    [
      'priority must not cost data',
      [pod(0), pod(1, { position: { priority: 1 } }), pod(2, offset(140))],
      'redis-2',
      /priority must not cost data/,
    ],
    ['priority 0 never', [pod(0), pod(1, { position: { priority: 0 } }), pod(2)], 'redis-2', /full data$/],
    [
      'priority 0 feeds the other one first',
      [pod(0), pod(1, { position: { priority: 0, offset: asOffset(140) } }), pod(2)],
      'redis-2',
      /full data$/,
    ],
    [
      'nobody, when all that are left have priority 0',
      [pod(0), pod(1, { position: { priority: 0 } }), pod(2, { position: { priority: 0 } })],
      null,
      /^nobody would be left who could ask for the lease$/,
    ],
    ['not one in the middle of a full sync', [pod(0), pod(1, { position: { intact: false } }), pod(2)], 'redis-2', /./],
    [
      'not one of another history',
      [pod(0), pod(1, { position: { replid: OTHER, synced: false } }), pod(2)],
      'redis-2',
      /./,
    ],
    [
      'not one whose Redis is down',
      [pod(0), pod(1, { position: null }), pod(2)],
      'redis-2',
      /; but 1 of the 2 pods that are needed can show all their data/,
    ],
    ['nobody without a quorum', [pod(0), pod(1), silent(2)], null, /^only redis-1 would be left to vote, and 2 votes/],
    ['nobody, when nobody else answers', [pod(0), silent(1), silent(2)], null, /^nobody would be left to vote/],
    [
      'a mute voter votes a little later',
      [pod(0), pod(1), pod(2, { mutedForMs: 900 })],
      'redis-1',
      /; not before those vote who are mute now$/,
    ],
    [
      'nobody while it is paused, and it says who would be',
      [pod(0), pod(1, { pauses: 3 }), pod(2)],
      null,
      /^automatic failover is paused; if it were not: redis-1, priority 100/,
    ],
  ])('%s', (_title, asked, winner, reason) => {
    const { election } = explain(asked);
    expect(election.winner).toBe(winner);
    expect(election.reason).toMatch(reason);
    expect(election.candidates.filter(({ isChosen }) => isChosen).map((one) => one.pod)).toEqual(
      winner === null ? [] : [winner],
    );
  });

  test('the sidecar of a master whose Redis has died still votes', () => {
    const { election } = explain([pod(0), pod(1), silent(2)]);
    expect(election).toMatchObject({ winner: null, winnerIfSidecarLives: 'redis-1' });
  });

  test('every other pod is listed with its reason, also those that do not answer', () => {
    const asked = [pod(0), pod(1, { position: { priority: 0 } }), silent(2)];
    expect(explain(asked).election.candidates).toEqual([
      {
        pod: 'redis-1',
        priority: 0,
        offset: 100,
        lagBytes: 0,
        data: 'full',
        isChosen: false,
        reason: 'priority 0: never promoted',
      },
      {
        pod: 'redis-2',
        priority: null,
        offset: null,
        lagBytes: null,
        data: null,
        isChosen: false,
        reason: 'its sidecar does not answer',
      },
    ]);
  });

  test('without a master: the election that is due, among all', () => {
    const asked = [0, 1, 2].map((index) =>
      pod(index, {
        role: 'follower',
        phase: null,
        leaseHolder: null,
        leaseRemainingMs: 0,
        position: { ...LIMBO, role: 'replica', priority: 100, offset: asOffset(100 + index) },
      }),
    );
    const { master, election, switchover } = explain(asked);
    expect(master).toBeNull();
    expect(election.winner).toBe('redis-2');
    expect(election.candidates.map((one) => one.pod)).toEqual(PODS);
    expect(switchover).toMatchObject({ target: null, reason: 'nobody leads' });
  });
});

function withRanking(one: AskedPod, order: readonly number[]): AskedPod {
  const ranking = order.map((index) => identity(index).pod);
  return { ...one, status: one.status === null ? null : { ...one.status, ranking } };
}

describe('the quorum', () => {
  const votes = (asked: readonly AskedPod[]): string[] =>
    explain(asked).quorum.pods.map((one) => `${one.pod} ${one.vote}: ${one.reason}`);

  test('all vote', () => {
    const { quorum } = explain([pod(0), pod(1), pod(2)]);
    expect(quorum).toMatchObject({ replicas: 3, needed: 2, votes: 3, hasQuorum: true });
    expect(quorum.reason).toBe('3 of 3 pods vote, 2 are needed');
  });

  test('who does not vote, and why', () => {
    const asked = [pod(0), pod(1, { mutedForMs: 900 }), silent(2)];
    expect(explain(asked).quorum).toMatchObject({ votes: 1, hasQuorum: false });
    expect(votes(asked)).toEqual([
      'redis-0 yes: holds the lease',
      'redis-1 later: mute for 900 ms: its sidecar has just started',
      'redis-2 no: its sidecar does not answer: connecting: no answer in time',
    ]);
  });

  test('a configured pod that DNS does not name counts as missing', () => {
    expect(votes([pod(0), pod(1)])[2]).toMatch(/^redis-2 no: DNS does not name it/);
  });

  test('another --replicas is named', () => {
    const from = { ...identity(1), replicas: 5 };
    expect(votes([pod(0), pod(1, { from }), pod(2)])[1]).toBe(
      'redis-1 yes: runs with --replicas 5 instead of 3, and counts another quorum',
    );
  });

  test('pods that are not configured, or of another cluster, do not vote', () => {
    const stranger = pod(2, { cluster: 'other.ns/mymaster' });
    expect(votes([pod(0), pod(1), stranger, pod(3)])).toEqual([
      'redis-0 yes: holds the lease',
      'redis-1 yes: answers',
      'redis-2 no: its sidecar is of another cluster, other.ns/mymaster',
      'redis-3 no: is not one of the configured pods',
    ]);
  });

  test('nobody answers', () => {
    const explanation = explain([silent(0), { ...silent(1), pod: null }]);
    expect(explanation).toMatchObject({
      master: null,
      pausedBy: [],
      election: { winner: null },
      switchover: { target: null },
    });
    expect(explanation.quorum).toMatchObject({ hasQuorum: false, reason: 'no sidecar answers' });
    expect(explanation.quorum.pods.map((one) => one.pod)).toEqual(['redis-0', '10.0.0.2']);
  });
});

describe('a switchover', () => {
  const reasonOf = (change: Change): string | undefined =>
    explain([pod(0), pod(1, change), pod(2)]).switchover.candidates.find((one) => one.pod === 'redis-1')?.reason;

  test('goes to the first in the order of succession', () => {
    const { switchover } = explain([pod(0, offset(150)), pod(1, offset(140)), pod(2)]);
    expect(switchover).toMatchObject({ target: 'redis-1', reason: 'redis-1 is linked and in step' });
    expect(switchover.candidates.map((one) => [one.pod, one.lagBytes, one.isChosen, one.reason])).toEqual([
      ['redis-1', 10, true, 'would take over'],
      ['redis-2', 50, false, 'could take over, with --to'],
    ]);
  });

  test.each<[string, Change, RegExp]>([
    ['the link is down', { position: { linkUp: false } }, /^its link to redis-0 is down$/],
    ['it follows somebody else', { position: { masterHost: '10.0.0.3' } }, /^its Redis does not follow redis-0$/],
    ['its last save has failed', { position: { canSave: false } }, /^its last save has failed/],
    ['it is a master itself', { position: MASTER }, /^its Redis is a master itself$/],
    ['priority 0', { position: { priority: 0 } }, /^priority 0: never promoted$/],
    ['a sync is in progress', { position: { intact: false } }, /^its full sync has not ended$/],
    ['it is down', { position: null }, /^its Redis is down: connection refused$/],
    ['its data is another one', { position: { replid: OTHER } }, /^its data is of another history$/],
  ])('not to a pod when %s: the next one is taken', (_title, change, reason) => {
    expect(reasonOf(change)).toMatch(reason);
    expect(explain([pod(0), pod(1, change), pod(2)]).switchover.target).toBe('redis-2');
  });

  test.each<[string, MemberView[], string]>([
    ['has not met the sidecar', [memberOf(1)], 'redis-0 has not met its sidecar yet'],
    [
      'does not reach its sidecar',
      [memberOf(1), memberOf(2, { isReachable: false })],
      'redis-0 does not reach its sidecar',
    ],
    [
      'heard last that its link is down',
      [memberOf(1), memberOf(2, { linkUp: false })],
      'its link to redis-0 was down when redis-0 heard of it last',
    ],
  ])('not to a pod of which the master %s', (_title, members, reason) => {
    const { switchover } = explain([pod(0, { members }), pod(1), pod(2)]);
    expect(switchover.candidates[1]).toMatchObject({ pod: 'redis-2', isChosen: false, reason });
  });

  test.each<[string, AskedPod[], RegExp]>([
    ['nobody is fit', [pod(0), pod(1, { position: { priority: 0 } }), silent(2)], /^no pod could take over$/],
    ['there is no quorum', [pod(0), pod(1, { mutedForMs: 900 }), silent(2)], /^no quorum: 1 of 3 pods vote/],
    [
      'the master is busy',
      [pod(0, { phase: 'handover', reason: 'handing over to redis-1' }), pod(1), pod(2)],
      /^redis-0 is busy: handing over to redis-1$/,
    ],
  ])('would not succeed when %s', (_title, asked, reason) => {
    const { switchover } = explain(asked);
    expect(switchover.target).toBeNull();
    expect(switchover.reason).toMatch(reason);
  });
});

describe('the pause', () => {
  test.each<[string, (number | undefined)[], string[]]>([
    ['was never ordered', [undefined, 0, undefined], []],
    ['is known to all', [1, 1, 1], ['redis-0', 'redis-1', 'redis-2']],
    ['has not been heard by one yet', [1, 1, 0], ['redis-0', 'redis-1']],
    ['is over, as one has heard already', [1, 2, 1], []],
  ])('%s', (_title, pauses, expected) => {
    const asked = pauses.map((count, index) => pod(index, count === undefined ? {} : { pauses: count }));
    expect(pausedBy(asked)).toEqual(expected);
    expect(explain(asked).pausedBy).toEqual(expected);
  });

  test('of another cluster does not count', () => {
    const stranger = { ...pod(3, { cluster: 'other.ns/mymaster', pauses: 7 }), pod: asPodName('redis-3') };
    expect(pausedBy([pod(0), pod(1), pod(2), stranger])).toEqual([]);
  });
});

import { describe, expect, test } from '@jest/globals';
import {
  asOffset,
  asReplicationId,
  asRunId,
  asTerm,
  chooseMaster,
  type MemberView,
  type Position,
} from '../src/index.ts';
import type { Frozen } from '../src/state.ts';
import { lineageRenamed } from '../src/lineage.ts';
import { newerAnnouncement } from '../src/position.ts';
import { newestHistory } from '../src/unheard.ts';
import { announcementOf, LINEAGE, PODS, positionOf } from './support.ts';

const [A, B, C] = PODS as [(typeof PODS)[0], (typeof PODS)[0], (typeof PODS)[0]];
const ANNOUNCED = announcementOf(0, 7);
const MASTER = ANNOUNCED.runId;
const REPLICA = asRunId('2'.repeat(40));
const [FIRST, SECOND, THIRD] = ['d', 'e', 'f'].map((digit) => asReplicationId(digit.repeat(40)));

/** All that anybody has heard is that A was master, and that C was linked to it. */
const HEARD: readonly MemberView[] = [
  {
    pod: C,
    ip: '10.0.0.3',
    port: 6379,
    runId: REPLICA,
    offset: 90,
    priority: 100,
    linkUp: true,
    lastIoSecondsAgo: 0,
    isReachable: true,
  },
];

/** B has been out of reach since. */
const DEAF = positionOf({ offset: asOffset(100) });

/** Two promotions later: the announced id is the one before the one before. */
function goneOn(change: Partial<Position> = {}): Position {
  const offset = asOffset(300);
  return positionOf({
    runId: MASTER,
    replid: SECOND!,
    replid2: FIRST!,
    secondReplOffset: asOffset(201),
    offset,
    ...change,
  });
}

function newest(frozen: Frozen, members = HEARD): string | undefined {
  return newestHistory(ANNOUNCED, members, frozen, PODS.length)?.replid;
}

describe('S3: the announced master was promoted, and has written nothing since', () => {
  /** A was promoted at 100 of a history whose former master, C, could not be reached then, and has gone on with B. */
  const PROMOTED = { replid: FIRST!, replid2: LINEAGE.replid, secondReplOffset: asOffset(101) } as const;
  const announced = { ...ANNOUNCED, history: { ...PROMOTED, offset: asOffset(100), ancestors: [] } };
  const idle = positionOf({ ...PROMOTED, runId: MASTER, offset: asOffset(100) });
  const further = positionOf({ runId: REPLICA, offset: asOffset(300) });

  test('what went on without it counts: it is chosen, and both have all that was confirmed', () => {
    const frozen = { [A]: idle, [B]: further };
    const known = newestHistory(announced, HEARD, frozen, PODS.length);
    expect(known).toMatchObject({ replid: LINEAGE.replid, offset: 300, ancestors: [] });
    const choice = chooseMaster(frozen, known, { reachable: PODS, holder: A, replicas: PODS.length, failedDonors: [] });
    expect(choice).toMatchObject({ winner: B, bytesMissing: 0, known });
    expect(choice.verdicts.map(({ worth }) => worth)).toEqual(['full', 'full']);
  });

  test.each<[string, Frozen]>([
    ['nobody has more than it', { [A]: idle, [B]: positionOf({ offset: asOffset(100) }) }],
    ['it has written a byte', { [A]: { ...idle, offset: asOffset(101) }, [B]: further }],
    ['it is out of reach, and may have written', { [B]: further, [C]: { ...idle, runId: REPLICA } }],
    ['it was given its data anew since', { [A]: { ...idle, replid2: null, secondReplOffset: null }, [B]: further }],
    ['who has more was made a master by hand', { [A]: idle, [B]: { ...further, astray: true } }],
  ])('but not when %s', (_title, frozen) => {
    expect(newestHistory(announced, HEARD, frozen, PODS.length)?.replid).toBe(FIRST);
  });
});

describe('S3: promotions that nobody in the election has heard of', () => {
  test.each([
    ['the announced master', A, MASTER],
    ['one that was linked to it', C, REPLICA],
  ])('the process of %s has gone on from what it had, and is chosen', (_title, pod, runId) => {
    const frozen = { [B]: DEAF, [pod]: goneOn({ runId }) };
    const known = newestHistory(ANNOUNCED, HEARD, frozen, PODS.length);
    expect(known).toEqual({
      replid: SECOND,
      replid2: FIRST,
      secondReplOffset: asOffset(201),
      offset: asOffset(300),
      ancestors: [{ replid: LINEAGE.replid, endOffset: asOffset(200) }],
    });
    const choice = chooseMaster(frozen, known, { reachable: PODS, holder: B, replicas: PODS.length, failedDonors: [] });
    expect(choice).toMatchObject({ winner: pod, bytesMissing: 0 });
    // Both have kept what they had, so any confirmed write is on one of them.
    expect(choice.verdicts.map(({ worth }) => worth)).toEqual(['full', 'full']);
  });

  test.each<[string, Partial<Position>]>([
    ['is another process than the one that had the history', { runId: asRunId('9'.repeat(40)) }],
    ['was given everything anew by a full sync: that leaves no second id', { replid2: null, secondReplOffset: null }],
    ['branched off before what another one shows of the known history', { secondReplOffset: asOffset(100) }],
    ['was made a master by hand', { astray: true }],
    ['was met as a master by a sidecar that remembers another one', { unannounced: true }],
    ['is in the middle of a full sync', { intact: false }],
    ['is known by one of its ids: it has parted', { replid2: LINEAGE.replid, secondReplOffset: asOffset(50) }],
  ])('one that %s proves nothing', (_title, change) => {
    expect(newest({ [A]: goneOn(change), [B]: DEAF })).toBe(LINEAGE.replid);
  });

  test('half of the pods have remained: nothing that was written since can be confirmed', () => {
    expect(newest({ [A]: goneOn(), [B]: DEAF, [C]: DEAF })).toBe(LINEAGE.replid);
  });

  test('one that was not linked any more when the announced master told of it proves nothing', () => {
    const parted = HEARD.map((member) => ({ ...member, linkUp: false }));
    expect(newest({ [B]: DEAF, [C]: goneOn({ runId: REPLICA }) }, parted)).toBe(LINEAGE.replid);
  });

  test('of two that have gone on, the one that branched off last counts', () => {
    const later = { runId: REPLICA, replid: THIRD!, replid2: SECOND!, secondReplOffset: asOffset(251) } as const;
    expect(newest({ [A]: goneOn(), [C]: goneOn({ ...later, offset: asOffset(260) }) })).toBe(THIRD);
  });

  test('at a cold start nothing is known', () => {
    expect(newestHistory(null, HEARD, { [A]: goneOn() }, PODS.length)).toBeNull();
  });
});

describe('L1: all choose by the same announcement, in whatever order they hear of two', () => {
  const renamed = lineageRenamed({ ...positionOf({ replid: FIRST! }), replid2: null, secondReplOffset: null }, LINEAGE);
  /** The master took a new replication id when its first replica attached. */
  const gone = { ...ANNOUNCED, history: renamed };
  const later = { ...announcementOf(1, 8), history: LINEAGE };

  test.each([
    ['of one term: the one whose history has gone on', ANNOUNCED, gone, gone],
    ['of two terms: the newer one', gone, later, later],
    ['one and none', gone, null, gone],
  ])('%s', (_title, a, b, expected) => {
    expect(newerAnnouncement(a, b)).toBe(expected);
    expect(newerAnnouncement(b, a)).toBe(expected);
  });

  test('what is no newer changes nothing', () => {
    const same = { ...ANNOUNCED, term: asTerm(7) };
    expect(newerAnnouncement(ANNOUNCED, same)).toBe(ANNOUNCED);
  });
});

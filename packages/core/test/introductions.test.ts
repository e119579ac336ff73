// Whom a sidecar is to meet because the holder tells of them, whatever DNS says.
import { describe, expect, test } from '@jest/globals';
import { asPodName, introductions, type MemberView } from '../src/index.ts';
import { announcementOf, follower, identity, leader, positionOf, requestOf, TIMINGS } from './support.ts';

function told(index: number, change: Partial<MemberView> = {}): MemberView {
  const { pod, ip, redisPort: port } = identity(index);
  const { runId } = positionOf();
  const seen = { offset: 100, priority: 100, linkUp: true, lastIoSecondsAgo: 0, isReachable: true };
  return { pod, ip, port, runId, ...seen, ...change };
}

/** redis-1 follows redis-0, which tells of these. */
function after(...members: MemberView[]): readonly string[] {
  const story = follower();
  const announcement = announcementOf(0, 1);
  story.asked(requestOf(0, 1, { type: 'RENEW', announcement, ranking: [], members }));
  return introductions(story.state);
}

describe('a sidecar is to meet', () => {
  test('nobody whom it has not been told of', () => {
    expect(introductions(follower().state)).toEqual([]);
  });

  test('the others of whom the holder tells, and not itself', () => {
    expect(after(told(1), told(2))).toEqual([identity(2).ip]);
  });

  test('also one whose Redis has no link: that is when its data matters', () => {
    expect(after(told(2, { linkUp: false }))).toEqual([identity(2).ip]);
  });

  test('nobody whom the holder does not reach: the address may be anybody by now', () => {
    expect(after(told(2, { isReachable: false }))).toEqual([]);
  });

  test('S5: nobody who is none of the configured pods', () => {
    expect(after(told(2, { pod: asPodName('redis-9') }))).toEqual([]);
  });
});

test('the holder looks for a pod that it has heard within a lease, for it alone may know where that is; then not any more', () => {
  const story = leader();
  story.granted(story.after(TIMINGS.heartbeatMs).tick(), 'RENEW');
  const wanted: string[][] = [];
  for (let forMs = 0; forMs <= TIMINGS.leaseMs; forMs += TIMINGS.heartbeatMs) {
    const asking = story.after(TIMINGS.heartbeatMs).tick();
    wanted.push([...introductions(story.state)].sort());
    story.granted(
      asking.filter((action) => action.type === 'ask' && action.to === identity(0).pod),
      'RENEW',
    );
  }
  expect(wanted[0]).toEqual([identity(0).ip, identity(2).ip]);
  expect(wanted.at(-1)).toEqual([identity(0).ip]);
});

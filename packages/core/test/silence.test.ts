// A replica without a link follows whoever has the address now, so it follows only a master whose sidecar is heard.
import { expect, test } from '@jest/globals';
import { asTerm } from '../src/index.ts';
import { configOf, identity, LIMBO, orders, renewal, Story, TIMINGS } from './support.ts';

const { heartbeatMs } = TIMINGS;
/** It was pointed at its master long ago, and has lost the link since. */
const LINK_LOST = { masterHost: '10.0.0.1', linkUp: false, linkDownSinceSeconds: 1 } as const;

function followerOf(master: 0): Story {
  const story = new Story(configOf(1));
  story.redis({ masterHost: '10.0.0.1' });
  story.asked(renewal(master, 1));
  // Longer than a link may take to be made.
  for (let beat = 0; beat < 40; beat += 1) story.after(heartbeatMs).asked(renewal(master, 1));
  return story;
}

/** The own Redis is asked, and what is due is done. */
const orderedIn = (story: Story): string[] => orders([...story.redis(LINK_LOST), ...story.tick()]);

// Fails when a renewal may not be late: in a network that delays by up to half a heartbeat, a replica was detached each few seconds, and
// a master that begins to copy after five never fed it.
test('one renewal that is late by a heartbeat costs no replica its place in the queue of its master', () => {
  const story = followerOf(0);
  expect(orderedIn(story.after(heartbeatMs * 2))).not.toContain('limbo');
});

test('when no renewal has come for three heartbeats it is detached', () => {
  const story = followerOf(0);
  expect(orderedIn(story.after(heartbeatMs * 3))).toContain('limbo');
});

/** The Redis of a follower that has lost link and connection to its master was detached, and what the master had sent still comes in. */
function afterLoss(): Story {
  const story = followerOf(0);
  story.redis(LINK_LOST);
  const lost = story.feed({ type: 'peer-lost', identity: identity(0) });
  story.done(lost, 'limbo', LIMBO);
  story.after(heartbeatMs).asked(renewal(0, 1));
  return story;
}

test('S5: a renewal that comes in after the connection to its sender has ended leads nobody back to that address', () => {
  const story = afterLoss();
  expect(orders([...(story.last?.actions ?? []), ...story.redis(LIMBO), ...story.tick()])).not.toContain('follow');
});

test('when the sidecar of the master is reached again, its renewals count again', () => {
  const story = afterLoss();
  const met = story.feed({ type: 'peer-met', identity: identity(0), announcement: null, term: asTerm(1) });
  expect(orders([...met, ...story.tick()])).toContain('follow');
});

test.each([
  ['an earlier pod of the same name', { ...identity(0), uid: 'uid-of-earlier' }],
  ['another pod', identity(2)],
])('the loss of %s is not that of the master', (_title, lost) => {
  const story = followerOf(0);
  story.redis(LINK_LOST);
  expect(orders([...story.feed({ type: 'peer-lost', identity: lost }), ...story.tick()])).not.toContain('limbo');
});

test('S5: when a new pod of its name is reached, the master itself is as lost as before', () => {
  const story = afterLoss();
  const successor = { ...identity(0), uid: 'uid-of-later', incarnation: 'f'.repeat(40), ip: '10.0.1.1' };
  const met = story.feed({ type: 'peer-met', identity: successor, announcement: null, term: asTerm(1) });
  story.asked(renewal(0, 1));
  expect(orders([...met, ...(story.last?.actions ?? []), ...story.tick()])).not.toContain('follow');
});

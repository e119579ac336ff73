// A replica without a link follows whoever has the address now, so it follows only a master whose sidecar is heard.
import { expect, test } from '@jest/globals';
import { configOf, orders, renewal, Story, TIMINGS } from './support.ts';

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

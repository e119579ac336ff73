// A replica without a link follows whoever has the address now, so it follows only a master whose sidecar is heard.
import { describe, expect, test } from '@jest/globals';
import { asTerm, currentMaster, type Action, type ReplicationInfo } from '../src/index.ts';
import {
  announcementOf,
  configOf,
  identity,
  infoOf,
  LIMBO,
  orders,
  questions,
  renewal,
  requestOf,
  Story,
  TIMINGS,
} from './support.ts';

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

const remotes = (actions: readonly Action[]) => actions.filter((action) => action.type === 'remote');
const probes = (actions: readonly Action[]): string[] => remotes(actions).map(({ action }) => action.kind);

describe('while the lease of a silent master runs out', () => {
  const { grantMs, electionStepMs, probeTimeoutMs } = TIMINGS;
  /** Until redis-1 campaigns: its place in an order of succession that nobody has told is the second. */
  const untilCampaignMs = grantMs + electionStepMs;

  /** It has heard the master's last renewal, and that the link is down. */
  const silenced = (change: Partial<ReplicationInfo> = {}): Story => {
    const story = followerOf(0);
    story.after(untilCampaignMs - probeTimeoutMs - 1).redis({ ...LINK_LOST, ...change });
    return story;
  };

  test('its Redis is asked, so that a campaign need not wait until it is certain that none answers', () => {
    const story = silenced();
    expect(probes(story.tick())).toEqual([]);
    const [probe, ...more] = remotes(story.after(1).tick());
    if (probe === undefined) throw new Error('nobody was asked');
    expect([probe.action.kind, probe.pod, more]).toEqual(['probe', 'redis-0', []]);
    expect(probes(story.after(probeTimeoutMs / 2).tick())).toEqual([]);
    const outcome = { ok: false, error: 'time-out', late: false } as const;
    const asking = story.after(probeTimeoutMs / 2).feed({ type: 'remote-done', id: probe.id, pod: probe.pod, outcome });
    expect(probes(asking)).toEqual([]);
    const winning = story.granted(story.granted(asking, 'PREVOTE'), 'ACQUIRE');
    expect(questions(winning, 'FREEZE')).toHaveLength(2);
  });

  test('an answer that is still due is waited for from when it was asked, not from when the lease was won', () => {
    const story = silenced();
    // It woke up too late to ask in time.
    story.after(probeTimeoutMs - 10).tick();
    const winning = story.granted(story.granted(story.after(11).tick(), 'PREVOTE'), 'ACQUIRE');
    expect(questions(winning, 'FREEZE')).toEqual([]);
    expect(questions(story.after(probeTimeoutMs - 11 - 2).tick(), 'FREEZE')).toHaveLength(2);
  });

  test('a pod that can not be promoted asks nobody', () => {
    expect(probes(silenced({ priority: 0 }).after(1).tick())).toEqual([]);
  });

  test('a renewal that comes in after all is heeded: the answer changes nothing', () => {
    const story = silenced();
    const [probe] = remotes(story.after(1).tick());
    story.asked(renewal(0, 1));
    if (probe === undefined) throw new Error('nobody was asked');
    const info = infoOf({ role: 'master', masterHost: null });
    const told = story.feed({ type: 'remote-done', id: probe.id, pod: probe.pod, outcome: { ok: true, info } });
    expect([...orders(told), ...remotes(told), ...questions(story.after(probeTimeoutMs).tick(), 'PREVOTE')]).toEqual(
      [],
    );
  });
});

// Fails when the last renewal of the master before counts for the one that is learned of: that one was long gone, and a stranger had its
// address (seed 100002315).
test('S5: a master that somebody else tells of is not followed before it has spoken itself', () => {
  const story = followerOf(0);
  const announcement = announcementOf(2, 4);
  const met = story.feed({ type: 'peer-met', identity: identity(0), announcement, term: asTerm(4) });
  expect(story.state.announcement).toEqual(announcement);
  expect(orders([...met, ...story.redis({ masterHost: '10.0.0.1' }), ...story.tick()])).not.toContain('follow');
  expect(currentMaster(story.state, story.nowMs)).toBeNull();
  story.after(TIMINGS.grantMs).asked(renewal(2, 4));
  expect(currentMaster(story.state, story.nowMs)?.pod).toBe('redis-2');
});

test('the end of the master before is not that of the one that somebody else tells of', () => {
  const story = followerOf(0);
  story.asked(requestOf(0, 1, { type: 'RELEASE', to: null, cause: 'redis-dead' }));
  expect(story.state.masterGone).toBe(true);
  story.feed({ type: 'peer-met', identity: identity(0), announcement: announcementOf(2, 4), term: asTerm(4) });
  expect(story.state.masterGone).toBe(false);
});

// A running set gets its sidecars one by one: the first of them knows of nobody who leads, and its new Redis waits for its first copy.
import { expect, test } from '@jest/globals';
import { asTerm, type ReplicationInfo } from '../src/index.ts';
import { configOf, identity, orders, renewal, Story, TIMINGS } from './support.ts';

const SAMPLE_MS = 100;
/** Who is there has been met by then. */
const FIRST_CONTACT_MS = TIMINGS.requestTimeoutMs * 2;
/** repl-diskless-sync-delay is 5 s by default; Redis counts whole seconds, and looks once in each. */
const COPY_MS = 6000;
const WAITING: Partial<ReplicationInfo> = { linkUp: false, linkDownSinceSeconds: null, lastIoSecondsAgo: null };

/** After how many milliseconds the own Redis is detached; null when it has not been in that time. */
function detachedAfterMs(story: Story, withinMs: number, change: Partial<ReplicationInfo>): number | null {
  const startMs = story.nowMs;
  while (story.nowMs - startMs < withinMs) {
    const actions = [...story.redis(change), ...story.tick()];
    if (orders(actions).includes('limbo')) return story.nowMs - startMs;
    story.after(SAMPLE_MS);
  }
  return null;
}

// Fails when it is detached before the master has begun to copy: an empty pod never had the data, and the rolling update stopped there.
test('a Redis that has never been linked is left where it is until its master can have begun to copy', () => {
  const story = new Story(configOf(1));
  expect(detachedAfterMs(story, COPY_MS, WAITING)).toBeNull();
  expect(detachedAfterMs(story, COPY_MS, { ...WAITING, syncInProgress: true })).toBeNull();
  expect(detachedAfterMs(story, COPY_MS, { linkUp: true })).toBeNull();
});

test('and no longer', () => {
  const afterMs = detachedAfterMs(new Story(configOf(1)), COPY_MS * 2, WAITING);
  expect(afterMs).toBeGreaterThan(COPY_MS);
});

// A native sidecar is there long before its Redis.
test('counted from when that Redis was met, and not from when the sidecar was started', () => {
  const story = new Story(configOf(1));
  for (let ms = 0; ms < COPY_MS * 2; ms += 1000) story.after(1000).tick();
  expect(detachedAfterMs(story, COPY_MS, WAITING)).toBeNull();
});

// Fails when every replica without a link is left alone: the address may be a stranger's by the time that it answers again.
test.each([
  ['its link was lost', new Story(configOf(1)), { ...WAITING, linkDownSinceSeconds: 0 }],
  ['somebody has led before', new Story(configOf(1), 0, { term: asTerm(4), announcement: null }), WAITING],
])('but not when %s', (_title, story, change) => {
  expect(detachedAfterMs(story, FIRST_CONTACT_MS + SAMPLE_MS, change)).not.toBeNull();
});

test('and not when somebody has led meanwhile, and is gone', () => {
  const story = new Story(configOf(1));
  story.redis(WAITING);
  story.after(100).asked(renewal(0, 1));
  story.after(TIMINGS.grantMs + TIMINGS.detachGraceMs);
  expect(detachedAfterMs(story, FIRST_CONTACT_MS, { ...WAITING, masterHost: '10.0.0.1' })).not.toBeNull();
});

/** redis-1, whose DNS names these. */
function named(...ips: string[]): Story {
  const story = new Story(configOf(1));
  story.feed({ type: 'addresses', ips });
  return story;
}

// Fails when DNS is not heard: all sidecars had restarted without a memory, the master's pod was gone, and a stranger's Redis that got its
// address fed the replica (seed 100000812).
test('S5: and not when DNS names others of the set, but not the one that it waits for', () => {
  const story = named('10.0.0.2', '10.0.0.3');
  expect(detachedAfterMs(story, FIRST_CONTACT_MS + SAMPLE_MS, { ...WAITING, masterHost: '10.0.0.1' })).not.toBeNull();
});

test('S5: and not when a sidecar beside it was there, and is gone', () => {
  const story = new Story(configOf(1));
  story.feed({ type: 'peer-met', identity: identity(0), announcement: null, term: asTerm(0) });
  expect(detachedAfterMs(story, COPY_MS / 2, { ...WAITING, masterHost: '10.0.0.1' })).toBeNull();
  expect(orders(story.feed({ type: 'peer-lost', identity: identity(0) }))).toContain('limbo');
});

// Fails when only a link that was up counts as lost: the master's pod was deleted in the middle of the copy, DNS named nobody else, and a
// stranger's Redis that got its address fed the replica (seed 130001485).
test('S5: and not when its copy has broken off, and DNS does not name the one that it waits for', () => {
  const story = named('10.0.0.2');
  const copying = { ...WAITING, masterHost: '10.0.0.1', syncInProgress: true };
  expect(detachedAfterMs(story, FIRST_CONTACT_MS, copying)).toBeNull();
  expect(detachedAfterMs(story, SAMPLE_MS, { ...copying, syncInProgress: false })).toBe(0);
});

test('a copy that has broken off is begun again by a master that DNS names', () => {
  const story = named('10.0.0.1', '10.0.0.2');
  const copying = { ...WAITING, masterHost: '10.0.0.1', syncInProgress: true };
  expect(detachedAfterMs(story, FIRST_CONTACT_MS, copying)).toBeNull();
  expect(detachedAfterMs(story, COPY_MS, { ...copying, syncInProgress: false })).toBeNull();
});

test.each([
  ['DNS names it', named('10.0.0.1', '10.0.0.2', '10.0.0.3'), '10.0.0.1'],
  ['DNS names nobody else', named('10.0.0.2'), '10.0.0.1'],
  ['it is known by its name', named('10.0.0.2', '10.0.0.3'), 'redis-0.redis.ns.svc'],
])('it is waited for when %s', (_title, story, masterHost) => {
  expect(detachedAfterMs(story, COPY_MS, { ...WAITING, masterHost })).toBeNull();
});

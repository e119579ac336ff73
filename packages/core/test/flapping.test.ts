import { describe, expect, test } from '@jest/globals';
import type { Action } from '../src/index.ts';
import { announcementOf, configOf, follower, LIMBO, questions, renewal, requestOf, Story, TIMINGS } from './support.ts';

/** The master moves to and fro between redis-0 and redis-2, as redis-1 sees it. */
function flapping(changes: number, leave: (story: Story, index: number, term: number) => void): Story {
  const story = follower();
  for (let term = 2; term <= changes + 1; term += 1) {
    const from = term % 2 === 0 ? 2 : 0;
    leave(story, 2 - from, term - 1);
    story.after(TIMINGS.grantMs).redis(LIMBO);
    story.asked(renewal(from, term));
  }
  return story;
}

/** How long after the lease ran out redis-1 starts to ask for it. */
function asksAfterMs(story: Story): number {
  const startMs = story.nowMs + TIMINGS.grantMs;
  let actions: readonly Action[] = [];
  while (questions(actions, 'PREVOTE').length === 0 && story.nowMs < startMs + 60_000) {
    actions = story.after(20).redis(LIMBO);
  }
  return story.nowMs - startMs;
}

const SOON_MS = TIMINGS.heartbeatMs * 3;
const silently = (): void => undefined;

describe('a master that falls silent', () => {
  test.each([
    [0, 0],
    [3, 0],
    [4, 1],
    [5, 2],
    [6, 4],
    [7, 8],
    [12, 8],
  ])('after %i changes for silence is waited for during %i more leases', (changes, leases) => {
    const waitedMs = asksAfterMs(flapping(changes, silently));
    expect(waitedMs).toBeGreaterThanOrEqual(leases * TIMINGS.leaseMs);
    expect(waitedMs).toBeLessThan(leases * TIMINGS.leaseMs + SOON_MS);
  });

  test('is not waited for any more when the changes are long past', () => {
    const story = flapping(6, silently);
    for (let beat = 0; beat < 310; beat += 1) story.after(1000).asked(renewal(0, 7));
    expect(asksAfterMs(story)).toBeLessThan(SOON_MS);
  });
});

describe('is never held up:', () => {
  test.each(['redis-dead', 'fenced'] as const)('moving on from a master that has left (%s)', (cause) => {
    const story = flapping(6, silently);
    const to = cause === 'fenced' ? story.state.config.self.pod : null;
    const actions = story.asked(requestOf(0, 7, { type: 'RELEASE', to, cause })) && story.last?.actions;
    if (to !== null) expect(questions(actions ?? [], 'ACQUIRE')).toHaveLength(2);
    else expect(asksAfterMs(story)).toBeLessThan(SOON_MS);
  });

  test('a set whose masters die one after the other', () => {
    const story = flapping(12, (before, index, term) => {
      before.asked(requestOf(index, term, { type: 'RELEASE', to: null, cause: 'redis-dead' }));
    });
    expect(asksAfterMs(story)).toBeLessThan(SOON_MS);
  });

  test('the master itself, asking for its lease again', () => {
    const story = new Story(configOf(1));
    story.redis();
    story.after(TIMINGS.grantMs).asked(renewal(0, 1));
    for (let term = 2; term < 9; term += 1) {
      story.after(TIMINGS.grantMs).asked(renewal(term % 2 === 0 ? 2 : 0, term));
    }
    story
      .after(TIMINGS.grantMs)
      .asked(requestOf(0, 9, { type: 'RENEW', announcement: announcementOf(1, 9), ranking: [], members: [] }));
    expect(asksAfterMs(story)).toBeLessThan(SOON_MS);
  });
});

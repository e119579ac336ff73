import { describe, expect, test } from '@jest/globals';
import { asOffset, asReplicationId, asRunId, type Action, type Announcement, type Position } from '../src/index.ts';
import type { renewal } from './support.ts';
import {
  announcementOf,
  configOf,
  HISTORY,
  LIMBO,
  orders,
  positionOf,
  questions,
  requestOf,
  Story,
  TIMINGS,
} from './support.ts';

const EMPTY = { replid: asReplicationId('e'.repeat(40)), keys: 0, synced: false, offset: asOffset(1) } as const;
const MASTER = { role: 'master', masterHost: null, masterPort: null, linkUp: false } as const;
/** A history of the set's earlier life, which nobody remembers. */
const DATA = { replid: asReplicationId('d'.repeat(40)), offset: asOffset(571), keys: 571 } as const;

/** All sidecars are new, and redis-1, whose Redis is empty, has been promoted; `shown` is what the others have shown. */
function founder(shown: (index: number) => Position | null): { story: Story; announced: Announcement } {
  const story = new Story(configOf(1));
  story.redis({ ...LIMBO, ...EMPTY });
  let actions: readonly Action[] = [];
  while (questions(actions, 'PREVOTE').length === 0) actions = story.after(50).redis({ ...LIMBO, ...EMPTY });
  const freezing = story.granted(story.granted(actions, 'PREVOTE'), 'ACQUIRE');
  let promoting = story.frozen(freezing, shown);
  while (!orders(promoting).includes('promote')) {
    const waiting = story.after(TIMINGS.heartbeatMs).redis({ ...LIMBO, ...EMPTY });
    promoting = [...waiting, ...story.granted(waiting, 'RENEW')];
  }
  story.done(promoting, 'promote', { ...MASTER, ...EMPTY });
  const { announcement } = story.state;
  if (announcement === null) throw new Error('nobody was announced');
  return { story, announced: announcement };
}

const empty = (): Position => positionOf({ ...LIMBO, ...EMPTY });

describe('an empty Redis that is promoted when nobody remembers a master', () => {
  test('founds a set for sure when all have shown that they are empty', () => {
    expect(founder(empty).announced.isFounded).toBe(false);
  });

  test('says so when somebody has not been seen', () => {
    expect(founder((index) => (index === 2 ? empty() : null)).announced.isFounded).toBe(true);
  });

  test('S4: gives way to a pod that turns up with data, as long as it has none itself', () => {
    const { story } = founder((index) => (index === 2 ? empty() : null));
    const renewing = story.after(TIMINGS.heartbeatMs).redis({ ...MASTER, ...EMPTY, runId: asRunId('1'.repeat(40)) });
    const [toA] = questions(renewing, 'RENEW');
    if (toA === undefined) throw new Error('no renewal');
    const position = positionOf({ ...LIMBO, ...DATA, synced: false });
    const head = { v: 1, cluster: toA.request.cluster, from: requestOf(0, 1, { type: 'FREEZE' }).from } as const;
    const answer = {
      ...head,
      ...({ term: toA.request.term, type: 'granted', announcement: null, promises: [], members: [] } as const),
      position,
    };
    const { to: from, request, sentAtMs } = toA;
    const freezing = story.feed({ type: 'answer', from, request, sentAtMs, answer });
    story.done(freezing, 'limbo', { ...LIMBO, ...EMPTY });
    let giving: readonly Action[] = story.frozen(freezing, (index) => (index === 0 ? position : empty()));
    while (questions(giving, 'RELEASE').length === 0 && story.nowMs < 60_000) {
      const waiting = story.after(TIMINGS.heartbeatMs).redis({ ...LIMBO, ...EMPTY });
      giving = [...waiting, ...story.granted(waiting, 'RENEW')];
    }
    expect(questions(giving, 'RELEASE')[0]?.request).toMatchObject({ to: 'redis-0' });
  });
});

describe('a pod with data of its own', () => {
  const founded = { ...announcementOf(0, 1), isFounded: true };
  const announce = (announcement: Announcement): ReturnType<typeof renewal> =>
    requestOf(0, 1, { type: 'RENEW', announcement, ranking: [], members: [] });

  test.each<[string, Announcement, Partial<typeof DATA> | object, string[]]>([
    ['S4: does not follow a founder that did not see it', founded, DATA, []],
    ['follows a master that was chosen among all', announcementOf(0, 1), DATA, ['follow']],
    ['follows a founder when it is empty itself', founded, { ...DATA, keys: 0 }, ['follow']],
    ['follows a founder of its own history', founded, { ...HISTORY, keys: 571 }, ['follow']],
  ])('%s', (_title, announcement, change, expected) => {
    const story = new Story(configOf(1));
    story.redis({ ...LIMBO, ...change });
    story.after(TIMINGS.grantMs).asked(announce(announcement));
    expect(orders(story.last?.actions ?? [])).toEqual(expected);
  });

  test('is detached when it is still a master, and that is told once', () => {
    const story = new Story(configOf(1));
    story.redis({ ...MASTER, ...DATA });
    story.after(TIMINGS.grantMs).asked(announce(founded));
    expect(orders(story.last?.actions ?? [])).toEqual(['limbo']);
    expect(story.last?.notes.filter(({ event }) => event === 'data-kept')).toHaveLength(1);
    story.done(story.last?.actions ?? [], 'limbo', { ...LIMBO, ...DATA });
    story.after(TIMINGS.heartbeatMs).asked(announce(founded));
    expect(story.last?.notes).toEqual([]);
    expect(orders(story.last?.actions ?? [])).toEqual([]);
  });
});

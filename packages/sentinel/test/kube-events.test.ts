// What becomes an Event, and how many of them are written.
import { describe, expect, test } from '@jest/globals';
import type { Decision } from '@sentinel-micro/core';
import fc from 'fast-check';
import { LIMBO, positionOf, requestOf, type Story } from '../../core/test/support.ts';
import {
  noteHappenings,
  planEvents,
  startBook,
  takeEventReply,
  type EventBook,
  type EventCall,
  type EventReply,
} from '../src/kube/event-book.ts';
import { happeningsOf, type Happening } from '../src/kube/happenings.ts';
import { TIMINGS } from '../../core/test/support.ts';
import { follower, leader } from './commands-support.ts';

/** Everything that the story has to tell of what happens to it in `steps`. */
function toldOf(story: Story, steps: () => void): Happening[] {
  const told: Happening[] = [];
  const feed = story.feed.bind(story);
  story.feed = (input) => {
    const before = story.state;
    const actions = feed(input);
    told.push(...happeningsOf(before, story.last as Decision));
    return actions;
  };
  steps();
  return told;
}

describe('what is told', () => {
  test('a promotion, with its cause and what it took', () => {
    const story = follower();
    const told = toldOf(story, () => {
      story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'redis-dead' }));
      const freezing = story.granted(story.last?.actions ?? [], 'ACQUIRE');
      const limbo = story.done(freezing, 'limbo', LIMBO);
      const frozen = story.frozen(freezing, (index) => (index === 0 ? null : positionOf()));
      const change = { role: 'master', masterHost: null, masterPort: null, linkUp: false } as const;
      story.done([...limbo, ...frozen], 'promote', change);
    });
    expect(told).toEqual([
      {
        reason: 'Promoted',
        type: 'Normal',
        message: expect.stringMatching(
          /^master of term 2 after redis-0 \(redis-dead\): lease \d+ ms, .*promote \d+ ms$/,
        ),
      },
    ]);
  });

  test('a lease that is lost: fenced, and not demoted as well', () => {
    const story = leader();
    const told = toldOf(story, () => story.after(TIMINGS.leaseMs + 1).tick());
    expect(told.map(({ reason, type }) => [reason, type])).toEqual([['Fenced', 'Warning']]);
  });

  test('a dead Redis: demoted', () => {
    const story = leader();
    const told = toldOf(story, () => {
      story.feed({ type: 'redis', sample: { outcome: 'refused' }, minReplicas: null });
    });
    expect(told).toEqual([
      {
        reason: 'Demoted',
        type: 'Warning',
        message: expect.stringMatching(
          /^not master any more: its Redis is dead; the lease is given back, in favour of redis-/,
        ),
      },
    ]);
  });

  test('a switchover, and an order that is refused', () => {
    const story = leader();
    const told = toldOf(story, () => {
      story.feed({ type: 'command', ref: 1, command: { kind: 'switchover', to: null } });
      story.feed({ type: 'command', ref: 2, command: { kind: 'switchover', to: null } });
    });
    expect(told.map(({ reason, type }) => [reason, type])).toEqual([
      ['Switchover', 'Normal'],
      ['Refused', 'Warning'],
    ]);
  });

  test('a message of another set', () => {
    const story = follower();
    const told = toldOf(story, () => void story.asked(requestOf(0, 9, { type: 'FREEZE' }, 'other.ns/mymaster')));
    expect(told.map(({ reason }) => reason)).toEqual(['Refused']);
  });

  test('a set that is well tells nothing', () => {
    const story = leader();
    const told = toldOf(story, () => {
      for (let beat = 0; beat < 20; beat++) story.granted(story.after(TIMINGS.heartbeatMs).tick(), 'RENEW');
    });
    expect(told).toEqual([]);
  });
});

const POD = { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'redis-1', uid: 'uid-1' };
const SET = { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace: 'shop', name: 'redis', uid: 'uid-s' };
const HOUR_MS = 3_600_000;

const happening = (message: string, reason: Happening['reason'] = 'Promoted'): Happening => ({
  ...{ reason, type: 'Normal', message },
});

/** A book and an API that takes what it is given. */
class BookStory {
  book: EventBook = startBook({ podName: 'redis-1', incarnation: 'f'.repeat(40), namespace: 'shop' }, 0);
  nowMs = 0;
  readonly written: EventCall['write'][] = [];
  set: typeof SET | null = SET;

  happens(...happenings: Happening[]): void {
    this.book = noteHappenings(this.book, happenings, this.nowMs, 1_700_000_000_000 + this.nowMs);
  }

  /** Writes what is due. @returns when to come back */
  write(reply: EventReply = { ok: true }): number {
    for (;;) {
      const { book, call, wakeAtMs } = planEvents(this.book, { pod: POD, set: this.set }, this.nowMs);
      this.book = book;
      if (call === null) return wakeAtMs;
      this.written.push(call.write);
      this.book = takeEventReply(this.book, call, reply, { nowMs: this.nowMs, random: 1 });
    }
  }

  /** The events as somebody reads them. */
  get stored(): Map<string, { count: number; message: string }> {
    const stored = new Map<string, { count: number; message: string }>();
    for (const write of this.written) {
      const name = write.kind === 'create' ? write.event.metadata.name : write.name;
      const { count = 0, message = '' } = write.event;
      stored.set(name, { count, message });
    }
    return stored;
  }
}

describe('what is written', () => {
  test('one Event on the pod and one on the StatefulSet, complete', () => {
    const story = new BookStory();
    story.happens(happening('master of term 2'));
    story.write();
    expect(story.written).toHaveLength(2);
    const at = '2023-11-14T22:13:20Z';
    expect(story.written[0]).toEqual({
      kind: 'create',
      event: {
        metadata: { name: 'redis-1.ffffffff0001', namespace: 'shop' },
        involvedObject: POD,
        ...{ reason: 'Promoted', type: 'Normal', message: 'master of term 2', count: 1 },
        ...{ firstTimestamp: at, lastTimestamp: at },
        source: { component: 'sentinel-micro', host: 'redis-1' },
        reportingComponent: 'sentinel-micro',
        reportingInstance: 'redis-1',
      },
    });
    expect(story.written[1]).toMatchObject({
      event: { metadata: { name: 'redis-1.ffffffff0002' }, involvedObject: SET },
    });
  });

  test('the same again is counted in the Event that is there; after ten minutes of quiet it is a new one', () => {
    const story = new BookStory();
    story.set = null;
    story.happens(happening('master of term 2'));
    story.write();
    story.nowMs = 60_000;
    story.happens(happening('master of term 4'));
    story.write();
    expect([...story.stored.values()]).toEqual([{ count: 2, message: 'master of term 4' }]);
    story.nowMs += 600_000;
    story.happens(happening('master of term 6'));
    story.write();
    expect([...story.stored.values()]).toEqual([
      { count: 2, message: 'master of term 4' },
      { count: 1, message: 'master of term 6' },
    ]);
  });

  test('the API has forgotten the Event: a new one, with all that happened', () => {
    const story = new BookStory();
    story.set = null;
    story.happens(happening('one'));
    story.write();
    story.happens(happening('two'));
    const { book, call } = planEvents(story.book, { pod: POD, set: null }, 0);
    expect(call?.write.kind).toBe('patch');
    const gone = { ok: false, status: 404, retryAfterMs: null } as const;
    story.book = takeEventReply(book, call!, gone, { nowMs: 0, random: 1 });
    story.write();
    expect(story.written.at(-1)).toMatchObject({ kind: 'create', event: { count: 2, message: 'two' } });
    expect(new Set(story.stored.keys()).size).toBe(2);
  });

  test('an answer was lost: that the Event is there already is no reason to write it twice', () => {
    const story = new BookStory();
    story.set = null;
    story.happens(happening('one'));
    story.write({ ok: false, status: 409, retryAfterMs: null });
    expect(story.written).toHaveLength(1);
  });

  test('the API is away: nothing is lost but the time in between, and it is asked more and more seldom', () => {
    const story = new BookStory();
    story.happens(happening('one'));
    let tries = 0;
    while (story.nowMs < 60_000) {
      const wakeAtMs = story.write({ ok: false, status: null, retryAfterMs: null });
      tries += 1;
      story.happens(happening('again'));
      story.nowMs = Math.max(story.nowMs + 1, wakeAtMs);
    }
    expect(tries).toBeLessThan(20);
    story.nowMs += HOUR_MS / 60;
    story.write();
    expect([...story.stored.values()].map(({ count }) => count)).toEqual([tries + 1, tries + 1]);
  });

  test('a message that is too long is cut', () => {
    const story = new BookStory();
    story.happens(happening('x'.repeat(5000)));
    story.write();
    expect(story.written[0]?.event.message).toHaveLength(1000);
  });

  // Fails when the budget is per kind, or when a patch costs nothing.
  test('whatever happens, ten writes in a row and six a minute; and the last count is written in the end', () => {
    const reasons: readonly Happening['reason'][] = ['Promoted', 'Demoted', 'Fenced', 'Switchover', 'Refused'];
    const storm = fc.array(fc.tuple(fc.constantFrom(...reasons), fc.nat(3000)), { minLength: 100, maxLength: 400 });
    const property = fc.property(storm, (happenings) => {
      const story = new BookStory();
      for (const [reason, pauseMs] of happenings) {
        story.happens(happening(String(story.nowMs), reason));
        story.write();
        story.nowMs += pauseMs;
      }
      expect(story.written.length).toBeLessThanOrEqual(10 + story.nowMs / 10_000);
      for (let wakeAtMs = 0; wakeAtMs !== Infinity;) {
        wakeAtMs = story.write();
        if (wakeAtMs !== Infinity) story.nowMs = wakeAtMs;
      }
      const total = [...story.stored.values()].reduce((sum, { count }) => sum + count, 0);
      expect(total).toBe(2 * happenings.length);
    });
    fc.assert(property, { numRuns: 50 });
  });
});

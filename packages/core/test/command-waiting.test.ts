import { describe, expect, test } from '@jest/globals';
import { asTerm, type Action } from '../src/index.ts';
import { MASTER, order, results } from './command-support.ts';
import { identity, leader, LIMBO, orders, positionOf, requestOf, TIMINGS, type Story } from './support.ts';

describe('a move for which nobody is ready yet', () => {
  const SILENT = { type: 'redis', sample: { outcome: 'silent' }, minReplicas: null } as const;

  /** redis-1 leads, has not heard yet how the others are, and has not been answered by its Redis for a while. */
  function waiting(kind: 'failover' | 'switchover'): Story {
    const story = leader();
    story.redis(MASTER);
    story.after(TIMINGS.downAfterMs - 10).feed(SILENT);
    const command = kind === 'failover' ? { kind } : { kind, to: null };
    expect(results(order(story, command))).toEqual([]);
    return story;
  }

  const hung = (story: Story): readonly Action[] => story.after(10).feed(SILENT);

  test.each(['failover', 'switchover'] as const)(
    'is not begun by the next lease: by then the time is over in which a %s is answered',
    (kind) => {
      const story = waiting(kind);
      const { startedAtMs = NaN, untilMs = NaN } = story.state.command ?? {};
      const fencing = hung(story);
      expect(story.state.role.kind).toBe('follower');
      expect(results(fencing)).toEqual([]);
      // It goes on, and nobody else could be elected meanwhile.
      story.nowMs = untilMs - 100;
      story.done(fencing, 'limbo', LIMBO);
      story.redis(LIMBO);
      story.asked(requestOf(0, 2, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'fenced' }));
      const freezing = story.granted(story.last?.actions ?? [], 'ACQUIRE');
      const promoting = story.frozen(freezing, () => positionOf());
      expect(orders(promoting)).toContain('promote');
      const leading = story.done(promoting, 'promote', MASTER);
      expect(story.nowMs).toBeGreaterThan(startedAtMs + TIMINGS.requestTimeoutMs * 2);
      expect(story.state.role).toMatchObject({ kind: 'holder', phase: { name: 'lead' } });
      expect(orders(leading)).not.toContain('pause-writes');
      expect(results(leading)).toMatchObject([
        {
          ok: false,
          code: 'ERR',
          text: expect.stringMatching(/^redis-1 is master of term 3, .*, and not another pod$/),
        },
      ]);
    },
  );

  test('goes on waiting when a higher term is heard of, under which this pod leads on', () => {
    const story = waiting('failover');
    story.feed({ type: 'peer-met', identity: identity(0), announcement: null, term: asTerm(7) });
    expect(story.state.announcement?.term).toBeGreaterThan(7);
    expect(results(story.last?.actions ?? [])).toEqual([]);
    const late = story.after(TIMINGS.requestTimeoutMs * 2).tick();
    expect(orders(late)).toEqual(['pause-writes']);
  });
});

import { describe, expect, test } from '@jest/globals';
import { asPodName, type Action } from '../src/index.ts';
import { configOf, identity, LIMBO, PODS, positionOf, questions, requestOf, Story } from './support.ts';

describe('pods that do not agree on --replicas', () => {
  /** A set of five, of which redis-0 and redis-1 still run as a set of three: `redis-2` may not hear of their lease. */
  const five = [...PODS, asPodName('redis-3'), asPodName('redis-4')];
  const config = { ...configOf(2), members: five, quorum: 3, self: { ...identity(2), replicas: 5 } };

  function answered(
    to: string,
    replicas: number,
    body: 'granted' | 'refused',
  ): { acquiring: readonly Action[]; reason: string } {
    const story = new Story(config);
    let asking: readonly Action[] = [];
    while (questions(asking, 'PREVOTE').length === 0) asking = story.after(50).redis(LIMBO);
    const answers = questions(asking, 'PREVOTE').flatMap(({ to: from, request, sentAtMs }) => {
      const index = five.indexOf(from);
      const isThis = from === to;
      const head = { v: 1, cluster: request.cluster, term: request.term } as const;
      const sender = { ...identity(index), replicas: isThis ? replicas : 5 };
      const grant = { type: 'granted', position: positionOf(), announcement: null, promises: [], members: [] } as const;
      const refusal = { type: 'refused', reason: 'held', retryAfterMs: 500, announcement: null } as const;
      const answer = { ...head, from: sender, ...(isThis && body === 'refused' ? refusal : grant) };
      return [...story.feed({ type: 'answer', from, request, sentAtMs, answer })];
    });
    return { acquiring: questions(answers, 'ACQUIRE'), reason: story.state.reason };
  }

  test('a vote by another quorum is a veto, for the two quorums need not overlap', () => {
    const { acquiring, reason } = answered('redis-0', 3, 'refused');
    expect(acquiring).toEqual([]);
    expect(reason).toContain('--replicas 5, redis-0 with 3');
  });

  test('a pod of the same size that refuses is outvoted', () => {
    expect(answered('redis-0', 5, 'refused').acquiring).not.toEqual([]);
  });

  test('a pod of another size that grants is counted: its promise holds whatever it counts', () => {
    expect(answered('redis-0', 3, 'granted').acquiring).not.toEqual([]);
  });

  test('it is told once of each that was met', () => {
    const story = new Story(configOf(1));
    story.redis();
    const asking = { ...requestOf(0, 1, { type: 'PREVOTE' }), from: { ...identity(0), replicas: 5 } };
    story.asked(asking);
    expect(story.last?.notes.map(({ event }) => event)).toEqual(['replicas-differ']);
    story.asked(asking);
    expect(story.last?.notes).toEqual([]);
  });
});

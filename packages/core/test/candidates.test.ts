import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  asOffset,
  asRunId,
  compareContenders,
  DEFAULT_PRIORITY,
  isNeverPromoted,
  priorityOf,
  type Contender,
} from '../src/index.ts';

function contender(
  overrides: Partial<{
    priority: number | null;
    offset: number;
    io: number | null;
    runId: string | null;
    canSave: boolean;
  }>,
): Contender {
  const { priority = 100, offset = 1000, io = 1, runId = 'm', canSave = true } = overrides;
  return {
    canSave,
    priority,
    offset: asOffset(offset),
    lastIoSecondsAgo: io,
    runId: runId === null ? null : asRunId(runId),
  };
}

describe('the order of succession', () => {
  test.each([
    ['the lower priority number, whatever the offset', { priority: 10, offset: 1 }, { priority: 100, offset: 9999 }],
    [
      'the greater offset at the same priority, whatever the last I/O',
      { offset: 1001, io: null },
      { offset: 1000, io: 0 },
    ],
    ['the one that heard from the master last, whatever the run id', { io: 1, runId: 'z' }, { io: 2, runId: 'a' }],
    ['a known last I/O before an unknown one (-1 in INFO)', { io: 100_000, runId: 'z' }, { io: null, runId: 'a' }],
    ['the lower run id when all else is equal', { runId: 'a' }, { runId: 'b' }],
    [
      'an unknown priority counts as the default',
      { priority: null, runId: 'a' },
      { priority: DEFAULT_PRIORITY, runId: 'b' },
    ],
    ['99 before 100: numbers, not texts', { priority: 99 }, { priority: 100 }],
    ['one that can save, whatever the priority', { priority: 100 }, { priority: 1, canSave: false }],
  ])('%s', (_, first, second) => {
    expect(compareContenders(contender(first), contender(second))).toBeLessThan(0);
    expect(compareContenders(contender(second), contender(first))).toBeGreaterThan(0);
  });

  test('priority 0 means never, and is not the same as unknown', () => {
    expect(isNeverPromoted({ priority: 0 })).toBe(true);
    expect(isNeverPromoted({ priority: 1 })).toBe(false);
    expect(isNeverPromoted({ priority: null })).toBe(false);
    expect(priorityOf({ priority: 0 })).toBe(0);
    expect(priorityOf({ priority: null })).toBe(DEFAULT_PRIORITY);
  });
});

describe('for any contenders', () => {
  // Few values, so that ties at every tier are frequent.
  const any = fc.record({
    priority: fc.option(fc.constantFrom(0, 1, 100, 101)),
    offset: fc.constantFrom(0, 1, 2, 2 ** 52).map(asOffset),
    lastIoSecondsAgo: fc.option(fc.constantFrom(0, 1, 2)),
    runId: fc.option(fc.constantFrom('a', 'b', 'c', 'd').map(asRunId)),
  });

  test('it is antisymmetric, and total for distinct run ids', () => {
    fc.assert(
      fc.property(any, any, (a, b) => {
        const order = compareContenders(a, b);
        expect(Math.sign(order)).toBe(-Math.sign(compareContenders(b, a)) + 0);
        if (a.runId !== b.runId) expect(order).not.toBe(0);
        expect(compareContenders(a, a)).toBe(0);
      }),
    );
  });

  test('it is transitive', () => {
    fc.assert(
      fc.property(any, any, any, (a, b, c) => {
        if (compareContenders(a, b) <= 0 && compareContenders(b, c) <= 0) {
          expect(compareContenders(a, c)).toBeLessThanOrEqual(0);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('the first one does not depend on the order in which they were listed', () => {
    const shuffled = fc
      .uniqueArray(any, { minLength: 1, maxLength: 5, selector: (one) => one.runId })
      .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
    fc.assert(
      fc.property(shuffled, ([all, other]) => {
        expect([...all].sort(compareContenders)).toEqual([...other].sort(compareContenders));
      }),
    );
  });
});

import { describe, expect, test } from '@jest/globals';
import type { WriteRecord } from '@sentinel-micro/testkit';
import { NO_WRITES, violationsOf, type Evidence } from '../src/index.ts';

/** A run in which all was well: the master moved once, and what was lost nobody had confirmed. */
const fine: Evidence = {
  ...NO_WRITES,
  confirmed: 1000,
  lost: 20,
  overlapMs: 0,
  promotions: 1,
  moves: 1,
  terms: 2,
  writableAfterMs: 2500,
  disagreements: 0,
  sizes: [1500, 1500, 1500],
  firstLost: [],
};

describe('what must follow always', () => {
  test('a run in which all was well', () => {
    expect(violationsOf(fine, {})).toEqual([]);
  });

  const firstLost: readonly WriteRecord[] = [
    {
      key: 'far-wait:7',
      value: 'v',
      startedAtMs: 0,
      acknowledgedAtMs: 1,
      endedAtMs: 2,
      outcome: 'confirmed',
      reason: undefined,
    },
  ];
  const cases: readonly (readonly [string, Partial<Evidence>, RegExp])[] = [
    ['a confirmed write is lost', { confirmedLost: 1, firstLost }, /1 of 1000 confirmed writes are lost: far-wait:7/],
    ['nothing was confirmed, so that nothing was tried', { confirmed: 0 }, /no write was confirmed/],
    ['a refused write was done', { refusedButPresent: 3 }, /3 refused writes were done/],
    ['a replica has something else', { disagreements: 2 }, /other values than the master for 2 keys/],
    ['a replica has more keys', { sizes: [1500, 1501, 1500] }, /different numbers of keys: 1500, 1501, 1500/],
    ['two took writes', { overlapMs: 12 }, /two masters took writes for 12 ms; 0 ms are allowed/],
  ];
  test.each(cases)('%s', (_, change, message) => {
    expect(violationsOf({ ...fine, ...change }, {})).toEqual([expect.stringMatching(message)]);
  });
});

describe('what a scenario asks for besides', () => {
  test('an overlap up to its bound', () => {
    expect(violationsOf({ ...fine, overlapMs: 50 }, { overlapMs: 50 })).toEqual([]);
    expect(violationsOf({ ...fine, overlapMs: 51 }, { overlapMs: 50 })).toHaveLength(1);
  });

  test('how often the master moves, exactly or from and to', () => {
    expect(violationsOf(fine, { promotions: 1 })).toEqual([]);
    expect(violationsOf(fine, { promotions: 0 })).toEqual(['a replica became master 1 times instead of 0']);
    expect(violationsOf({ ...fine, promotions: 3 }, { promotions: [0, 2] })).toEqual([
      'a replica became master 3 times instead of 0 to 2',
    ]);
    // One that is promoted again is no move.
    expect(violationsOf({ ...fine, promotions: 3 }, { moves: [0, 1] })).toEqual([]);
    expect(violationsOf({ ...fine, moves: 2 }, { moves: [0, 1] })).toEqual([
      'the master moved 2 times instead of 0 to 1',
    ]);
  });

  test('how far the term grows, where there are terms', () => {
    expect(violationsOf(fine, { terms: 0 })).toEqual(['the term grew by 2 instead of 0']);
    expect(violationsOf({ ...fine, terms: null }, { terms: 0 })).toEqual([]);
  });

  test('that nothing at all is lost, and how soon writes go on', () => {
    expect(violationsOf(fine, { isLossless: true })).toEqual(['20 acknowledged writes are lost, none may be']);
    expect(violationsOf(fine, { writableWithinMs: 2499 })).toEqual([
      'writable again after 2500 ms; 2499 ms are allowed',
    ]);
    // It never had to stop.
    expect(violationsOf({ ...fine, writableAfterMs: null }, { writableWithinMs: 100 })).toEqual([]);
  });
});

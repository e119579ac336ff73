import { describe, expect, test } from '@jest/globals';
import { ratioOf, summaryOf } from '../src/figures.ts';

const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);

describe('what many readings come to', () => {
  test('each figure is a reading that was really taken', () => {
    expect(summaryOf([5, 1, 4, 2])).toMatchObject({ n: 4, median: 2, p99: 5, min: 1, max: 5 });
    expect(summaryOf(upTo(100))).toMatchObject({ n: 100, median: 50, p99: 99, min: 1, max: 100 });
    expect(summaryOf(upTo(200))).toMatchObject({ median: 100, p99: 198 });
  });

  test('nothing comes of no readings', () => {
    expect(summaryOf([])).toEqual({ n: 0, median: null, p99: null, min: null, max: null, drift: null });
    expect(ratioOf(summaryOf([]), summaryOf([1]))).toBeNull();
  });

  test('what grows all the time drifts, and what only warms up does not', () => {
    expect(summaryOf(upTo(12)).drift).toBe(11 / 3);
    expect(summaryOf([1, 1, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5]).drift).toBe(1);
    expect(summaryOf(upTo(5)).drift).toBeNull();
  });

  test('the readings stay as they are', () => {
    const values = [3, 1, 2];
    summaryOf(values);
    expect(values).toEqual([3, 1, 2]);
  });

  test('a ratio is that of the medians, and there is none to nothing', () => {
    expect(ratioOf(summaryOf([900, 1000, 5000]), summaryOf([19, 20, 21]))).toBe(50);
    expect(ratioOf(summaryOf([10]), summaryOf([0]))).toBeNull();
  });
});

import { describe, expect, test } from '@jest/globals';
import { CLOCK_RATE_ERROR, DEFAULT_TIMINGS, deriveTimings, FENCE_MS, timingProblems } from '../src/index.ts';

describe('timings', () => {
  test('the defaults fit together', () => {
    expect(timingProblems(DEFAULT_TIMINGS)).toEqual([]);
    const { leaseMs, grantMs } = deriveTimings(DEFAULT_TIMINGS);
    expect(leaseMs / (1 - CLOCK_RATE_ERROR) + FENCE_MS).toBeLessThanOrEqual(grantMs / (1 + CLOCK_RATE_ERROR));
  });

  test.each([
    [
      'a guard that two clocks can eat up',
      { guardMs: 50 },
      /--guard-ms is 50; with --lease-ms 2000 it must be at least 10\d/,
    ],
    ['a guard too small for a long lease', { leaseMs: 600_000, guardMs: 250 }, /--guard-ms/],
    [
      'too few renewals in a lease',
      { heartbeatMs: 700 },
      /--heartbeat-ms is 700; it must be at most a third of --lease-ms \(666\)/,
    ],
    [
      'impatience with Redis',
      { downAfterMs: 100 },
      /--down-after-ms is 100; it must be at least twice --heartbeat-ms \(400\)/,
    ],
    ['no time at all', { leaseMs: 0 }, /--lease-ms is 0/],
    ['half a millisecond', { heartbeatMs: 0.5 }, /--heartbeat-ms is 0.5/],
  ])('%s is refused', (_title, change, message) => {
    expect(timingProblems({ ...DEFAULT_TIMINGS, ...change }).join('\n')).toMatch(message);
  });

  test('the smallest guard that is asked for is accepted', () => {
    const least = /at least (\d+)/.exec(timingProblems({ ...DEFAULT_TIMINGS, guardMs: 1 }).join(''))?.[1];
    expect(timingProblems({ ...DEFAULT_TIMINGS, guardMs: Number(least) })).toEqual([]);
    expect(timingProblems({ ...DEFAULT_TIMINGS, guardMs: Number(least) - 1 })).not.toEqual([]);
  });
});

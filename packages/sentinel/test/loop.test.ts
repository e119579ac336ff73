// The loop around the core, as far as it has a mind of its own: when it looks at the clock.
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { configOf } from '../../core/test/support.ts';
import { Loop } from '../src/loop.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test('time that has gone by while the machine was suspended, and all timers stood still, is noticed within 100 ms', () => {
  let suspendedForMs = 0;
  let decisions = 0;
  const never = (): Promise<never> => new Promise(() => undefined);
  const loop = new Loop(configOf(0), {
    clock: { now: () => performance.now() + suspendedForMs },
    random: () => 0.5,
    logger: { log: () => undefined },
    ask: never,
    executeOwn: never,
    sampleOwn: () => undefined,
    executeRemote: never,
    onDecided: () => {
      decisions += 1;
    },
    onStopped: () => undefined,
    memory: null,
    remember: () => undefined,
  });
  jest.advanceTimersByTime(1050);
  const before = decisions;
  // Nothing is due for a while: looking at the clock is no decision.
  jest.advanceTimersByTime(400);
  expect(decisions).toBe(before);
  suspendedForMs = 60_000;
  jest.advanceTimersByTime(100);
  expect(decisions).toBeGreaterThan(before);
  loop.close();
});

import { expect, test } from '@jest/globals';
import { Backoff } from '../src/backoff.ts';

const options = { firstMs: 500, mostMs: 30_000 };

function waits(random: () => number, count: number): number[] {
  const backoff = new Backoff({ ...options, random });
  return Array.from({ length: count }, () => backoff.next());
}

test('each failure doubles the wait, up to a bound; half of it is by chance', () => {
  expect(waits(() => 0, 9)).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  expect(waits(() => 1, 9)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test('it begins anew when something has worked', () => {
  const backoff = new Backoff({ ...options, random: () => 0 });
  backoff.next();
  backoff.next();
  backoff.reset();
  expect(backoff.next()).toBe(250);
});

test('what the server asks for is the least, spread a little; nobody is sent away for more than a minute', () => {
  const wait = (retryAfterMs: number, chance: number): number =>
    new Backoff({ ...options, random: () => chance }).next(retryAfterMs);
  expect([wait(0, 0), wait(100, 0), wait(3000, 0), wait(3000, 1)]).toEqual([250, 250, 3000, 3250]);
  expect(wait(86_400_000, 0)).toBe(60_000);
});

test('a day of failures does not overflow', () => {
  expect(waits(() => 0.5, 10_000).at(-1)).toBe(22_500);
});

import { expect, test } from '@jest/globals';
import { Hold } from '../src/hold.ts';

const MEMORY_MS = 5000;

/** Whether it is still waiting after everything that was due at once has been done. */
async function isWaiting(promise: Promise<void>): Promise<boolean> {
  let isDone = false;
  void promise.then(() => (isDone = true));
  await new Promise((resolve) => setImmediate(resolve));
  return !isDone;
}

test('a question waits for the next master, and is let go the moment there is one', async () => {
  const hold = new Hold(MEMORY_MS);
  hold.look(true, 1000);
  const question = hold.untilNamed(1100);
  expect(await isWaiting(question)).toBe(true);
  hold.look(false, 1110);
  expect(await isWaiting(question)).toBe(true);
  hold.look(true, 1120);
  expect(await isWaiting(question)).toBe(false);
});

test('it does not wait for ever', async () => {
  const hold = new Hold(MEMORY_MS);
  hold.look(true, 1000);
  const startMs = performance.now();
  await hold.untilNamed(1100);
  expect(performance.now() - startMs).toBeGreaterThan(290);
});

test('a sidecar that has known of no master for long, or never, answers at once', async () => {
  const hold = new Hold(MEMORY_MS);
  expect(await isWaiting(hold.untilNamed(1000))).toBe(false);
  hold.look(true, 1000);
  expect(await isWaiting(hold.untilNamed(1000 + MEMORY_MS + 1))).toBe(false);
});

test('no more than a bounded number are kept waiting', async () => {
  const hold = new Hold(MEMORY_MS);
  hold.look(true, 1000);
  const all = Array.from({ length: 512 }, () => hold.untilNamed(1100));
  expect(await isWaiting(hold.untilNamed(1100))).toBe(false);
  hold.look(true, 1200);
  await Promise.all(all);
});

import { TestkitError, nowMs, sleep, type History, type RemoteWriters } from '@sentinel-micro/testkit';

/**
 * A Redis that is killed, stopped or cut off has acknowledged its last write by then; what is acknowledged later comes from
 * its successor.
 */
const LAST_WORDS_MS = 5;
const POLL_INTERVAL_MS = 5;

/** A fault takes effect at some moment in between. */
export interface Fault {
  readonly beganMs: number;
  readonly doneMs: number;
}

/** Does a fault. @returns when. */
export async function faultOf(act: () => unknown): Promise<Fault> {
  const beganMs = nowMs();
  await act();
  return { beganMs, doneMs: nowMs() };
}

/** When the first write was acknowledged by the new master; undefined when none was yet. */
function writableAt(history: History, { doneMs }: Fault): number | undefined {
  const first = history.records.find(({ acknowledgedAtMs = -Infinity }) => acknowledgedAtMs > doneMs + LAST_WORDS_MS);
  return first?.acknowledgedAtMs;
}

/**
 * Waits for the first write that the new master acknowledges, by what the writer has noted: nobody else is asked, so that nothing
 * is disturbed.
 * @returns how long that was after the fault began, milliseconds
 * @throws TestkitError TIMEOUT
 */
export async function untilWritable(
  writers: RemoteWriters,
  name: string,
  fault: Fault,
  timeoutMs: number,
): Promise<number> {
  while (nowMs() - fault.doneMs < timeoutMs) {
    const atMs = writableAt(writers.history(name), fault);
    if (atMs !== undefined) return atMs - fault.beganMs;
    await sleep(POLL_INTERVAL_MS);
  }
  throw new TestkitError('TIMEOUT', `nobody took a write within ${timeoutMs} ms of the fault`);
}

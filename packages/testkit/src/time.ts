import { TestkitError, messageOf } from './errors.ts';

/** Milliseconds of a monotonic clock: only differences mean anything. */
export function nowMs(): number {
  return performance.now();
}

/** Resolves after `delayMs`. */
export function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

export interface WaitOptions {
  /** What is waited for, as the error message will say it: "redis-0 to answer". */
  readonly what: string;
  readonly timeoutMs: number;
  /** Pause between two probes. Default 10 ms. */
  readonly intervalMs?: number;
}

/**
 * Calls `probe` until it gives something other than undefined, and returns that.
 *
 * A probe that throws counts as "not yet"; what it threw last becomes the cause of the time-out.
 * @throws TestkitError TIMEOUT after `timeoutMs` (the probe that runs at that moment is waited for, so probes need their own bound).
 */
export async function waitUntil<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  options: WaitOptions,
): Promise<T> {
  const deadlineMs = nowMs() + options.timeoutMs;
  let lastError: unknown;
  do {
    try {
      const result = await probe();
      if (result !== undefined) return result;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    await sleep(options.intervalMs ?? 10);
  } while (nowMs() < deadlineMs);
  const detail = lastError === undefined ? '' : ` (last error: ${messageOf(lastError)})`;
  throw new TestkitError('TIMEOUT', `waited ${String(options.timeoutMs)} ms for ${options.what}${detail}`, {
    cause: lastError,
  });
}

/** Waits until this is so. @throws as `waitUntil`; a condition that throws is not met yet. */
export async function waitUntilTrue(condition: () => Promise<boolean> | boolean, options: WaitOptions): Promise<void> {
  await waitUntil(async () => ((await condition()) ? true : undefined), options);
}

/**
 * The promise's result, or a TestkitError TIMEOUT after `timeoutMs`. The promise itself is not cancelled.
 */
export async function withTimeout<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new TestkitError('TIMEOUT', `waited ${String(timeoutMs)} ms for ${what}`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

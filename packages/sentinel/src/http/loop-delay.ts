/** How often it is looked at, in milliseconds. */
const EVERY_MS = 100;

/**
 * Tells again and again how late a timer of this process fires: that is how late a renewal of the lease would be sent.
 * @param onDelay seconds
 */
export function watchLoopDelay(onDelay: (seconds: number) => void, nowMs = () => performance.now()): { stop(): void } {
  let dueAtMs = nowMs() + EVERY_MS;
  const timer = setInterval(() => {
    const now = nowMs();
    onDelay(Math.max(0, now - dueAtMs) / 1000);
    dueAtMs = now + EVERY_MS;
  }, EVERY_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

import { openSync, readSync } from 'node:fs';

/**
 * Monotonic time in milliseconds, with fractions. The origin is arbitrary; steps of the wall clock do not touch it, and the
 * time in which the machine was suspended counts.
 */
export interface Clock {
  now(): number;
}

/** /proc/uptime has hundredths of a second: what differs by less is rounding. */
const NOTICEABLE_MS = 50;
/** Two clocks that were read further apart, in milliseconds, can not be compared. */
const MOST_BETWEEN_MS = 10;
/** How often the uptime is read at most, in milliseconds of the monotonic clock. */
const LOOK_EVERY_MS = 10;

/**
 * A clock that goes on while the machine is suspended. The monotonic clock of Linux does not, and a holder that trusted it would
 * believe in its lease long after the voters have promised it to somebody else; the uptime (CLOCK_BOOTTIME) does.
 * @param monotonicMs a clock that never goes back
 * @param uptimeMs a clock that also counts the time of suspension, in steps of up to 50 ms; null when there is none
 */
export function suspendProof(monotonicMs: () => number, uptimeMs: () => number | null): Clock {
  let skippedMs = 0;
  let lookedAtMs = -Infinity;
  /** The least by which the uptime was ahead: what it is ahead by more than that was suspension. */
  let aheadMs = Infinity;
  const look = (nowMs: number): void => {
    if (nowMs - lookedAtMs < LOOK_EVERY_MS) return;
    lookedAtMs = nowMs;
    const upMs = uptimeMs();
    // Stopped between the two readings, this process would take its own stop for a suspension, and a voter its promise for over.
    if (upMs === null || monotonicMs() - nowMs > MOST_BETWEEN_MS) return;
    const nowAheadMs = upMs - nowMs;
    if (nowAheadMs - aheadMs > NOTICEABLE_MS) {
      skippedMs += nowAheadMs - aheadMs;
      aheadMs = nowAheadMs;
    } else aheadMs = Math.min(aheadMs, nowAheadMs);
  };
  return {
    now() {
      const nowMs = monotonicMs();
      look(nowMs);
      return nowMs + skippedMs;
    },
  };
}

/**
 * Reads the milliseconds since the start of the machine, suspension included, as Linux tells them; null on another system. The file stays
 * open: it is read at each decision, and to open it cost ten times as much as to read it.
 */
function uptimeReader(): () => number | null {
  const buffer = Buffer.alloc(64);
  let file: number | null = null;
  return () => {
    try {
      file ??= openSync('/proc/uptime', 'r');
      const seconds = Number.parseFloat(buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0)));
      return Number.isFinite(seconds) ? seconds * 1000 : null;
    } catch {
      return null;
    }
  };
}

export const systemClock: Clock = suspendProof(() => performance.now(), uptimeReader());

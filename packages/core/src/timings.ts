/** What the user can set, in milliseconds. */
export interface TimingOptions {
  readonly leaseMs: number;
  readonly guardMs: number;
  readonly heartbeatMs: number;
  readonly downAfterMs: number;
  readonly dataWaitMs: number;
}

/** All timings of the protocol, in milliseconds. */
export interface Timings extends TimingOptions {
  /** How long a voter's promise lasts, counted by the voter from receipt: lease plus guard. */
  readonly grantMs: number;
  /** Bound of one question to a peer. */
  readonly requestTimeoutMs: number;
  /** Bound of one question to another pod's Redis. */
  readonly probeTimeoutMs: number;
  /** How much later each next candidate in the order of rank starts. */
  readonly electionStepMs: number;
  /** How long a released lease is kept for the pod that it was released to. */
  readonly reservationMs: number;
  /** How long a replica stays with a master whose lease has run out, so that an election finds it attached. */
  readonly detachGraceMs: number;
  /** The longest time for which writes are held back in a switchover. */
  readonly pauseBudgetMs: number;
}

export const DEFAULT_TIMINGS: TimingOptions = {
  leaseMs: 2000,
  guardMs: 250,
  heartbeatMs: 200,
  downAfterMs: 1000,
  dataWaitMs: 3000,
};

/** Largest error of a clock's rate that is allowed for: 500 ppm (rho). */
export const CLOCK_RATE_ERROR = 500e-6;
/** The worst time from the end of a lease until Redis refuses writes (F): timer lateness plus one command. */
export const FENCE_MS = 100;

/** Adds the derived timings to the user's. */
export function deriveTimings(options: TimingOptions): Timings {
  return {
    ...options,
    grantMs: options.leaseMs + options.guardMs,
    requestTimeoutMs: Math.max(100, Math.min(500, Math.floor(options.leaseMs / 4))),
    probeTimeoutMs: Math.max(50, Math.min(200, Math.floor(options.leaseMs / 4))),
    electionStepMs: Math.max(20, Math.floor(options.heartbeatMs / 2)),
    reservationMs: Math.max(100, options.heartbeatMs * 2),
    detachGraceMs: Math.max(500, Math.floor(options.leaseMs / 2)),
    pauseBudgetMs: Math.max(200, Math.floor(options.leaseMs / 2)),
  };
}

/**
 * Checks that the timings fit together. Safe leases need T_h/(1-rho) + F <= T_g/(1+rho): the holder must be done
 * before the first voter may promise the lease to somebody else (Gray and Cheriton 1989).
 * @returns one sentence for each thing that is wrong; empty when all is well.
 */
export function timingProblems(options: TimingOptions): string[] {
  const problems: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (!Number.isInteger(value) || value <= 0) {
      problems.push(`${flagOf(name)} is ${String(value)}; it must be a whole number of milliseconds above 0`);
    }
  }
  if (problems.length > 0) return problems;
  const { leaseMs, guardMs, heartbeatMs, downAfterMs } = options;
  const holderMs = leaseMs / (1 - CLOCK_RATE_ERROR) + FENCE_MS;
  const voterMs = (leaseMs + guardMs) / (1 + CLOCK_RATE_ERROR);
  if (holderMs > voterMs) {
    const leastMs = Math.ceil(holderMs * (1 + CLOCK_RATE_ERROR) - leaseMs);
    problems.push(
      `--guard-ms is ${String(guardMs)}; with --lease-ms ${String(leaseMs)} it must be at least ${String(leastMs)}`,
    );
  }
  if (heartbeatMs * 3 > leaseMs) {
    problems.push(
      `--heartbeat-ms is ${String(heartbeatMs)}; it must be at most a third of --lease-ms (${String(Math.floor(leaseMs / 3))}), so that one lost renewal does not cost the lease`,
    );
  }
  if (downAfterMs < heartbeatMs * 2) {
    problems.push(
      `--down-after-ms is ${String(downAfterMs)}; it must be at least twice --heartbeat-ms (${String(heartbeatMs * 2)})`,
    );
  }
  return problems;
}

/** `leaseMs` -> `--lease-ms`. */
function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

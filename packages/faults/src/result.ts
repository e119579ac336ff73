/**
 * How a run ended:
 *
 * - passed: all that must follow did follow
 * - violated: something did not; `reason` says what
 * - measured: the system is here for comparison, and is not judged
 * - failed: the run itself did not work, so nothing is known
 * - skipped: it cannot be done here
 */
export type VerdictWord = 'passed' | 'violated' | 'measured' | 'failed' | 'skipped';

/** Which of the two that a fault can do to the master's fences, for the table of S2. */
export interface FenceCase {
  readonly sidecar: 'live' | 'frozen';
  readonly network: 'reachable' | 'silent';
}

/** The writes of one kind. */
export interface Tally {
  /** Answered with OK, confirmed or not. */
  readonly acknowledged: number;
  readonly confirmed: number;
  readonly unknown: number;
  /** Acknowledged, confirmed or not, and not there at the end. */
  readonly lost: number;
  readonly confirmedLost: number;
  /** Refused, and there all the same. */
  readonly refusedButPresent: number;
}

/** What one run of one scenario has shown. Times in milliseconds. */
export interface RunResult extends Tally {
  readonly scenario: string;
  readonly system: string;
  /** As `--server` names it; `default` for whatever redis-server the machine has. */
  readonly server: string;
  /** What the server says of itself. */
  readonly serverVersion: string;
  readonly pods: number;
  /** The longest time in which two masters took writes, as an observer saw it that no cut touches. */
  readonly overlapMs: number;
  /** What the scenario allows; null when it says nothing. */
  readonly boundMs: number | null;
  /** Questions of the observer that had waited in a stopped master and were accepted when another one was master. */
  readonly queuedAcceptances: number;
  /** From the first fault until a client on the greater side could write again; null when it never failed to. */
  readonly writableAfterMs: number | null;
  /** How often a pod that had been a replica began to take writes. */
  readonly promotions: number;
  /** How many of these were of another pod than the one that took writes before. */
  readonly moves: number;
  /** By how much the term grew; null where there are no terms. */
  readonly terms: number | null;
  /** From the end of the faults until one master had everybody behind it. */
  readonly healedAfterMs: number | null;
  readonly fences: FenceCase | null;
  readonly verdict: VerdictWord;
  readonly reason: string;
  /** The same counts by writer: `near-plain`, `far-sticky-wait`, ... */
  readonly writers: Readonly<Record<string, Tally>>;
  readonly tookMs: number;
}

/** A file of results. */
export interface ResultFile {
  readonly version: 1;
  readonly runs: readonly RunResult[];
}

export const NO_WRITES: Tally = {
  acknowledged: 0,
  confirmed: 0,
  unknown: 0,
  lost: 0,
  confirmedLost: 0,
  refusedButPresent: 0,
};

export function sumOf(tallies: Iterable<Tally>): Tally {
  let sum = NO_WRITES;
  for (const tally of tallies) {
    sum = {
      acknowledged: sum.acknowledged + tally.acknowledged,
      confirmed: sum.confirmed + tally.confirmed,
      unknown: sum.unknown + tally.unknown,
      lost: sum.lost + tally.lost,
      confirmedLost: sum.confirmedLost + tally.confirmedLost,
      refusedButPresent: sum.refusedButPresent + tally.refusedButPresent,
    };
  }
  return sum;
}

/**
 * How a run ended:
 *
 * - passed: all that must follow did follow
 * - violated: something did not; `reason` says what
 * - measured: this client is here for comparison, and is not judged
 * - failed: the run itself did not work, so nothing is known
 * - skipped: it cannot be done here
 */
export type VerdictWord = 'passed' | 'violated' | 'measured' | 'failed' | 'skipped';

/** What one writer of a client has seen from the fault on. */
export interface Seen {
  /** Writes of which the application was told that they failed. */
  readonly errors: number;
  /** The longest time without an acknowledged write. */
  readonly gapMs: number;
  /** In the whole run. */
  readonly acknowledged: number;
  /** Acknowledged, and not there at the end. */
  readonly lost: number;
  readonly confirmed: number;
  /** Confirmed by WAIT, and not there at the end. */
  readonly confirmedLost: number;
}

/** What one client has seen of one fault. */
export interface RunResult {
  readonly client: string;
  /** The client's name and version. */
  readonly library: string;
  readonly fault: string;
  /** Whether it found the master and both replicas before the fault. */
  readonly isAllFound: boolean;
  /** Sidecars to which it had a connection when the fault came. */
  readonly sidecarConnections: number;
  readonly plain: Seen;
  readonly wait: Seen;
  /** Whether both writers wrote again at the end, without anybody's help. */
  readonly goesOn: boolean;
  /** The first errors, with how often each came. */
  readonly errors: readonly string[];
  readonly verdict: VerdictWord;
  readonly reason: string;
  readonly tookMs: number;
}

/** A file of results. */
export interface ResultFile {
  readonly version: 1;
  readonly runs: readonly RunResult[];
}

const NOTHING_SEEN: Seen = { errors: 0, gapMs: 0, acknowledged: 0, lost: 0, confirmed: 0, confirmedLost: 0 };

/** A result of which nothing is known but why. */
export function emptyResult(client: string, fault: string, verdict: 'failed' | 'skipped', reason: string): RunResult {
  return {
    ...{ client, library: '', fault, isAllFound: false, sidecarConnections: 0 },
    ...{ plain: NOTHING_SEEN, wait: NOTHING_SEEN, goesOn: false, errors: [], verdict, reason, tookMs: 0 },
  };
}

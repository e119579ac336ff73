import { linePerItem } from '@sentinel-micro/testkit';
import type { RunResult } from '../result.ts';

/** What is kept of a run: all but the counts of the single writers. */
export type KeptRun = Omit<RunResult, 'writers'>;

/** What the simulator has found out about one of its stories. */
export interface Simulated {
  readonly name: string;
  readonly runs: number;
  readonly broken: number;
}

/** All that the page is made from, as it is committed. */
export interface FaultRecord {
  readonly version: 1;
  readonly simulated: readonly Simulated[];
  readonly runs: readonly KeptRun[];
}

export const EMPTY_RECORD: FaultRecord = { version: 1, simulated: [], runs: [] };

/** What one file holds. */
export type Found = Pick<FaultRecord, 'simulated' | 'runs'>;

/** Reads a file: results of this suite, or a report of the simulator. @throws TypeError when it is neither. */
export function readContent(content: unknown): Found {
  if (isResultFile(content)) {
    const done = content.runs.filter(({ verdict }) => verdict !== 'skipped');
    return { simulated: [], runs: done.map(withoutWriters) };
  }
  if (isSimulatorReport(content)) {
    const stories = content.parts.map(({ name, tally }) => ({ name, runs: tally.runs, broken: tally.broken }));
    return { simulated: stories, runs: [] };
  }
  throw new TypeError('it is neither a result of this suite nor a report of the simulator');
}

/**
 * Adds what some files hold. Taken together, their runs replace those that showed the same thing before, and their stories
 * those of the same name: files that are given at once do not replace each other.
 */
export function addAll(record: FaultRecord, found: readonly Found[]): FaultRecord {
  const runs = found.flatMap((one) => one.runs);
  const simulated = found.flatMap((one) => one.simulated);
  const anew = new Set(runs.map(groupOf));
  const told = new Set(simulated.map(({ name }) => name));
  return {
    ...record,
    simulated: [...record.simulated.filter(({ name }) => !told.has(name)), ...simulated],
    runs: [...record.runs.filter((run) => !anew.has(groupOf(run))), ...runs],
  };
}

/** Forgets all runs that this product did: they were of another build. Those of other systems stay. */
export function withoutRunsOf(record: FaultRecord, system: string): FaultRecord {
  return { ...record, runs: record.runs.filter((run) => run.system !== system) };
}

/** The file as it is committed. */
export function formatRecord({ version, simulated, runs }: FaultRecord): string {
  return linePerItem({ version }, { simulated, runs });
}

/** Runs with the same of this show the same thing. */
function groupOf({ scenario, system, server, pods }: KeptRun): string {
  return [scenario, system, server, pods].join('|');
}

function withoutWriters(run: RunResult): KeptRun {
  const { overlapMs, tookMs, writableAfterMs, healedAfterMs } = run;
  const round = (ms: number | null): number | null => (ms === null ? null : Math.round(ms));
  const kept = Object.fromEntries(Object.entries(run).filter(([field]) => field !== 'writers')) as unknown as KeptRun;
  return {
    ...kept,
    overlapMs: Math.round(overlapMs),
    tookMs: Math.round(tookMs),
    writableAfterMs: round(writableAfterMs),
    healedAfterMs: round(healedAfterMs),
  };
}

interface SimulatorReport {
  readonly parts: readonly {
    readonly name: string;
    readonly tally: { readonly runs: number; readonly broken: number };
  }[];
}

function isResultFile(content: unknown): content is { readonly runs: readonly RunResult[] } {
  return typeof content === 'object' && content !== null && 'version' in content && 'runs' in content;
}

function isSimulatorReport(content: unknown): content is SimulatorReport {
  return typeof content === 'object' && content !== null && 'parts' in content && 'total' in content;
}

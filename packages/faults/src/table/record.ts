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

/** Adds what a file holds: results of this suite, or a report of the simulator. What it has anew replaces what there was. @throws TypeError when it is neither. */
export function addFile(record: FaultRecord, content: unknown): FaultRecord {
  if (isResultFile(content)) return addRuns(record, content.runs);
  if (isSimulatorReport(content)) return addSimulated(record, content.parts);
  throw new TypeError('it is neither a result of this suite nor a report of the simulator');
}

/** One run, one line: so that a change of the file can be read. */
export function formatRecord({ simulated, runs }: FaultRecord): string {
  const lines = (items: readonly unknown[]): string => items.map((item) => `    ${JSON.stringify(item)}`).join(',\n');
  return `{
  "version": 1,
  "simulated": [
${lines(simulated)}
  ],
  "runs": [
${lines(runs)}
  ]
}
`;
}

function addRuns(record: FaultRecord, runs: readonly RunResult[]): FaultRecord {
  const done = runs.filter(({ verdict }) => verdict !== 'skipped');
  const anew = new Set(done.map(groupOf));
  const kept = record.runs.filter((run) => !anew.has(groupOf(run)));
  return { ...record, runs: [...kept, ...done.map(withoutWriters)] };
}

/** Runs that show the same thing: new ones take the place of all old ones. */
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

function addSimulated(record: FaultRecord, parts: SimulatorReport['parts']): FaultRecord {
  const anew = parts.map(({ name, tally }) => ({ name, runs: tally.runs, broken: tally.broken }));
  const kept = record.simulated.filter(({ name }) => anew.every((part) => part.name !== name));
  return { ...record, simulated: [...kept, ...anew] };
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

import { linePerItem } from '@sentinel-micro/testkit';
import type { RunResult } from '../result.ts';
import { grouped } from '../summary.ts';

/** What is kept of a run: all but the words of its errors. */
export type KeptRun = Omit<RunResult, 'errors'>;

/** All that the figures of the page are made from, as it is committed. */
export interface ClientRecord {
  readonly version: 1;
  readonly runs: readonly KeptRun[];
}

export const EMPTY_RECORD: ClientRecord = { version: 1, runs: [] };

/** Adds a file of results. What it has of a client and a fault takes the place of all that there was. @throws TypeError when it is none. */
export function addFile(record: ClientRecord, content: unknown): ClientRecord {
  if (!isResultFile(content)) throw new TypeError('it is no result of this suite');
  const done = content.runs.filter(({ verdict }) => verdict !== 'skipped' && verdict !== 'failed');
  const kept = record.runs.filter((run) => !done.some((its) => its.client === run.client && its.fault === run.fault));
  return { ...record, runs: grouped([...kept, ...done.map(withoutErrors)]).flat() };
}

/** The file as it is committed. */
export function formatRecord({ version, runs }: ClientRecord): string {
  return linePerItem({ version }, { runs });
}

function withoutErrors(run: RunResult): KeptRun {
  return Object.fromEntries(Object.entries(run).filter(([field]) => field !== 'errors')) as unknown as KeptRun;
}

function isResultFile(content: unknown): content is { readonly runs: readonly RunResult[] } {
  return typeof content === 'object' && content !== null && 'version' in content && 'runs' in content;
}

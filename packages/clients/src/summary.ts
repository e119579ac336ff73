import { alignedTable, medianOf, mostOf } from '@sentinel-micro/testkit';
import type { RunResult } from './result.ts';

/** One line for one run. */
export function lineOf(result: RunResult): string {
  const { client, fault, verdict, reason, plain, wait, goesOn, tookMs } = result;
  const where = `${client}, ${fault}`;
  if (verdict === 'skipped' || verdict === 'failed') return `${where}: ${verdict.toUpperCase()}, ${reason}`;
  const figures = [
    `errors ${plain.errors}/${wait.errors}`,
    `longest without ${plain.gapMs}/${wait.gapMs} ms`,
    `lost ${plain.lost} of ${plain.acknowledged}`,
    `confirmed lost ${wait.confirmedLost} of ${wait.confirmed}`,
    goesOn ? 'goes on' : 'DOES NOT GO ON',
  ].join(', ');
  const outcome = verdict === 'violated' ? `VIOLATED: ${reason}; ` : '';
  return `${where}: ${outcome}${figures} [${(tookMs / 1000).toFixed(0)} s]`;
}

/** Results by client and fault, in the order in which they came first. */
export function grouped<T extends Pick<RunResult, 'client' | 'fault'>>(results: readonly T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const result of results) {
    const key = `${result.client}|${result.fault}`;
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()];
}

/** The table at the end: one row for each client and fault. Plain writer / confirmed writer. */
export function summaryTable(results: readonly RunResult[]): string {
  const known = results.filter(({ verdict }) => verdict !== 'skipped' && verdict !== 'failed');
  const head = ['CLIENT', 'FAULT', 'RUNS', 'GO ON', 'ERRORS', 'WITHOUT WRITES', 'LONGEST', 'LOST', 'CONFIRMED LOST'];
  return alignedTable([head, ...grouped(known).map(rowOf)]);
}

/** The last line. */
export function countLine(results: readonly RunResult[]): string {
  const count = (word: RunResult['verdict']): number => results.filter(({ verdict }) => verdict === word).length;
  const words = ['passed', 'violated', 'failed', 'skipped', 'measured'] as const;
  return `${results.length} runs: ${words.map((word) => `${count(word)} ${word}`).join(', ')}`;
}

function rowOf(runs: readonly RunResult[]): string[] {
  const [first] = runs;
  if (first === undefined) return [];
  const both = (figure: (seen: RunResult['plain']) => number, of: typeof medianOf): string =>
    `${of(runs.map(({ plain }) => figure(plain))) ?? '-'}/${of(runs.map(({ wait }) => figure(wait))) ?? '-'}`;
  const sum = (figure: (run: RunResult) => number): string =>
    String(runs.reduce((total, run) => total + figure(run), 0));
  return [
    ...[first.client, first.fault, String(runs.length), String(runs.filter(({ goesOn }) => goesOn).length)],
    ...[
      both(({ errors }) => errors, medianOf),
      both(({ gapMs }) => gapMs, medianOf),
      both(({ gapMs }) => gapMs, mostOf),
    ],
    ...[sum(({ plain, wait }) => plain.lost + wait.lost), sum(({ wait }) => wait.confirmedLost)],
  ];
}

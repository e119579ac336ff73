import { alignedTable, mostOf } from '@sentinel-micro/testkit';
import type { RunResult } from './result.ts';

/** One line for one run. */
export function lineOf(result: RunResult): string {
  const { scenario, system, pods, verdict, reason, tookMs } = result;
  const where = `${scenario}, ${system}, ${pods} pods`;
  if (verdict === 'skipped' || verdict === 'failed') return `${where}: ${verdict.toUpperCase()}, ${reason}`;
  const figures = [
    `confirmed ${result.confirmed} (${result.confirmedLost} lost)`,
    `acknowledged ${result.acknowledged} (${result.lost} lost)`,
    `overlap ${ms(result.overlapMs)}`,
    `writable after ${ms(result.writableAfterMs)}`,
  ].join(', ');
  const outcome = verdict === 'violated' ? `VIOLATED: ${reason}; ` : '';
  return `${where}: ${outcome}${figures} [${(tookMs / 1000).toFixed(0)} s]`;
}

/** The table at the end: one row for each scenario, system and number of pods. */
export function summaryTable(results: readonly RunResult[]): string {
  const groups = new Map<string, RunResult[]>();
  for (const result of results) {
    const key = `${result.scenario}|${result.system}|${result.pods}`;
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  const rows = [...groups.values()].map(rowOf);
  const head = [
    'SCENARIO',
    'SYSTEM',
    'PODS',
    'RUNS',
    'OK',
    'CONFIRMED',
    'LOST',
    'ACKED',
    'LOST',
    'OVERLAP',
    'WRITABLE',
  ];
  return alignedTable([head, ...rows]);
}

/** The last line. */
export function countLine(results: readonly RunResult[]): string {
  const count = (word: RunResult['verdict']): number => results.filter(({ verdict }) => verdict === word).length;
  const parts = (['passed', 'violated', 'failed', 'skipped', 'measured'] as const).map(
    (word) => `${count(word)} ${word}`,
  );
  return `${results.length} runs: ${parts.join(', ')}`;
}

function rowOf(results: readonly RunResult[]): string[] {
  const [first] = results;
  if (first === undefined) return [];
  const sum = (field: 'confirmed' | 'confirmedLost' | 'acknowledged' | 'lost'): string =>
    String(results.reduce((total, result) => total + result[field], 0));
  const isWell = ({ verdict }: RunResult): boolean => verdict === 'passed' || verdict === 'measured';
  return [
    ...[
      first.scenario,
      first.system,
      String(first.pods),
      String(results.length),
      String(results.filter(isWell).length),
    ],
    ...[sum('confirmed'), sum('confirmedLost'), sum('acknowledged'), sum('lost')],
    ms(mostOf(results.map(({ overlapMs }) => overlapMs))),
    ms(mostOf(results.map(({ writableAfterMs }) => writableAfterMs))),
  ];
}

function ms(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(0)} ms`;
}

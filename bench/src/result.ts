import type { Figure } from './measure.ts';
import type { Asked } from './measure.ts';
import { ratioOf, summaryOf, type Summary } from './figures.ts';
import { OURS } from './contestants.ts';

/** All readings of one figure of one contestant, in the order in which they were taken. */
export interface Series {
  readonly measure: string;
  readonly figure: string;
  readonly contestant: string;
  readonly values: readonly number[];
}

/** What was measured on, so that figures of other machines are not compared with these. */
export interface Ground {
  readonly node: string;
  readonly redis: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
}

/** What one run of the bench has read: written after each round. */
export interface ResultFile {
  readonly version: 1;
  readonly date: string;
  readonly ground: Ground;
  readonly isQuick: boolean;
  readonly series: readonly Series[];
  /** Rounds that ended in an error, with the first line of it. */
  readonly failures: readonly { readonly measure: string; readonly contestant: string; readonly why: string }[];
}

/** The readings of a run that has not begun. */
export const NOTHING: Pick<ResultFile, 'series' | 'failures'> = { series: [], failures: [] };

/** What another run has read, but of these measures: they are taken again. */
export function withoutMeasures(
  { series, failures }: Pick<ResultFile, 'series' | 'failures'>,
  measures: readonly { readonly name: string }[],
): Pick<ResultFile, 'series' | 'failures'> {
  const isOther = ({ measure }: { readonly measure: string }): boolean =>
    measures.every(({ name }) => name !== measure);
  return { series: series.filter(isOther), failures: failures.filter(isOther) };
}

/** Adds one reading. */
export function withReading(all: readonly Series[], key: Omit<Series, 'values'>, value: number): readonly Series[] {
  const isSame = (one: Series): boolean =>
    one.measure === key.measure && one.figure === key.figure && one.contestant === key.contestant;
  if (!all.some(isSame)) return [...all, { ...key, values: [value] }];
  return all.map((one) => (isSame(one) ? { ...one, values: [...one.values, value] } : one));
}

/** The summaries of one figure by contestant; sentinel-micro first, as the measures name them. */
export function summariesOf(all: readonly Series[], measure: string, figure: string): ReadonlyMap<string, Summary> {
  const its = all.filter((one) => one.measure === measure && one.figure === figure);
  return new Map(its.map(({ contestant, values }) => [contestant, summaryOf(values)]));
}

/** Whether what is asked of a figure is so, and in words. Null while there is nothing to judge by. */
export function judge(
  asked: Asked,
  { unit }: Figure,
  summaries: ReadonlyMap<string, Summary>,
): { readonly isMet: boolean; readonly text: string } | null {
  const own = summaries.get(OURS);
  if (own?.median == null) return null;
  if ('statistic' in asked) {
    const value = own[asked.statistic];
    if (value === null) return null;
    if ('atMost' in asked)
      return { isMet: value <= asked.atMost, text: `${asked.statistic} <= ${asked.atMost} ${unit}` };
    return { isMet: value >= asked.atLeast, text: `${asked.statistic} >= ${asked.atLeast} ${unit}` };
  }
  if ('flatWithin' in asked) {
    const { flatWithin } = asked;
    const text = `last sixth <= ${flatWithin} times the second`;
    return own.drift === null ? null : { isMet: own.drift <= flatWithin, text };
  }
  const peer = summaries.get(asked.peer);
  if (peer?.median == null) return null;
  if ('timesAtLeast' in asked) {
    // Nothing against something is better than any ratio.
    const isMet = own.median === 0 || (ratioOf(peer, own) ?? 0) >= asked.timesAtLeast;
    return { isMet, text: `>= ${asked.timesAtLeast} times better than ${asked.peer}` };
  }
  const isMet = own.median <= peer.median + asked.aboveByAtMost;
  return { isMet, text: `<= ${asked.peer} + ${asked.aboveByAtMost} ${unit}` };
}

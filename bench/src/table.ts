import type { Measure } from './measure.ts';
import { OURS } from './contestants.ts';
import { ratioOf, type Summary } from './figures.ts';
import { judge, summariesOf, type Series } from './result.ts';

export const HEAD: readonly string[] = ['figure', 'contestant', 'n', 'median', 'p99', 'min', 'max', 'ratio', 'asked'];

/** One row for each figure and contestant of a measure; the ratio is the contestant's median to that of sentinel-micro. */
export function rowsOf(measure: Measure, all: readonly Series[]): string[][] {
  return measure.figures.flatMap((figure) => {
    const summaries = summariesOf(all, measure.name, figure.name);
    const own = summaries.get(OURS);
    return [...summaries].map(([contestant, summary]) => [
      ...[`${figure.title}, ${figure.unit}`, contestant, String(summary.n)],
      ...numbersOf(summary),
      contestant === OURS || own === undefined ? '' : ratioText(ratioOf(summary, own)),
      contestant === OURS ? verdictOf(measure, figure.name, all) : '',
    ]);
  });
}

/** What was asked of a figure, each with yes or no. */
function verdictOf(measure: Measure, name: string, all: readonly Series[]): string {
  const figure = measure.figures.find((one) => one.name === name);
  const summaries = summariesOf(all, measure.name, name);
  const verdicts = (figure?.asked ?? []).map((asked) => figure && judge(asked, figure, summaries));
  return verdicts
    .flatMap((verdict) => (verdict == null ? [] : `${verdict.text}: ${verdict.isMet ? 'yes' : 'NO'}`))
    .join('; ');
}

function numbersOf({ median, p99, min, max }: Summary): string[] {
  return [median, p99, min, max].map((value) => (value === null ? '-' : numberText(value)));
}

/** Three digits that mean something, and no more. */
export function numberText(value: number): string {
  if (value === 0) return '0';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d)(?<!\.\d*))/g, ',');
}

function ratioText(ratio: number | null): string {
  return ratio === null ? '-' : `${numberText(ratio)} x`;
}

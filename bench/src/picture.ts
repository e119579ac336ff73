import { medianOf } from '@sentinel-micro/testkit';
import type { Measure } from './measure.ts';
import type { Series } from './result.ts';
import { OURS } from './contestants.ts';
import { documentOf, text } from './svg.ts';
import { numberText } from './table.ts';

const WIDTH = 860;
const LEFT = 290;
const RIGHT = 90;
const ROW = 22;
const HEAD_ROW = 34;
const TOP = 24;
const TICK_ROW = 30;
/** Readings are as many as can be told apart; of more, evenly spread ones are drawn. */
const MOST_DOTS = 200;

/**
 * A picture of all readings in milliseconds on one logarithmic scale: a dot for each reading, a line at the median.
 * @returns an SVG document, the same for the same readings.
 */
export function pictureOf(measures: readonly Measure[], all: readonly Series[]): string {
  const groups = measures.flatMap((measure) => {
    const figure = measure.figures.find(({ unit }) => unit === 'ms');
    if (figure === undefined) return [];
    const series = all.filter((one) => one.measure === measure.name && one.figure === figure.name);
    return series.length === 0 ? [] : [{ title: `${measure.name}: ${figure.title}`, series }];
  });
  const values = groups.flatMap(({ series }) => series.flatMap((one) => one.values)).filter((value) => value > 0);
  const fromMs = 10 ** Math.floor(Math.log10(Math.min(...values, 1)));
  const toMs = 10 ** Math.ceil(Math.log10(Math.max(...values, 10)));
  const x = scale(fromMs, toMs);
  const rows: string[] = [];
  let y = TOP + TICK_ROW;
  for (const { title, series } of groups) {
    rows.push(text(8, y + 14, title, 'head'));
    y += HEAD_ROW - 12;
    for (const one of series) {
      rows.push(row(one, y, x));
      y += ROW;
    }
    y += 12;
  }
  const heightPx = y + 10;
  const title = 'Milliseconds until writes go on, each reading a dot';
  return documentOf({ title, widthPx: WIDTH, heightPx }, [...ticks(fromMs, toMs, x, heightPx), ...rows]);
}

function scale(fromMs: number, toMs: number): (value: number) => number {
  const perDecade = (WIDTH - LEFT - RIGHT) / Math.log10(toMs / fromMs);
  return (value) => LEFT + perDecade * Math.log10(Math.max(value, fromMs) / fromMs);
}

function row({ contestant, values }: Series, y: number, x: (value: number) => number): string {
  const kind = contestant.startsWith(OURS) ? 'own' : 'peer';
  const every = Math.max(1, Math.ceil(values.length / MOST_DOTS));
  const dots = values
    .filter((_, index) => index % every === 0)
    .map((value) => `<circle class="${kind}" cx="${x(value).toFixed(1)}" cy="${y + 8}" r="3" fill-opacity="0.35"/>`);
  const median = medianOf(values);
  const line =
    median === null
      ? []
      : [
          `<line class="median" x1="${x(median).toFixed(1)}" x2="${x(median).toFixed(1)}" y1="${y}" y2="${y + 16}"/>`,
          text(WIDTH - 8, y + 12, `${numberText(median)} ms`, 'end'),
        ];
  return [text(LEFT - 12, y + 12, contestant, 'end'), ...dots, ...line].join('');
}

function ticks(fromMs: number, toMs: number, x: (value: number) => number, heightPx: number): string[] {
  const decades = Math.round(Math.log10(toMs / fromMs));
  return Array.from({ length: decades + 1 }, (_, index) => {
    const value = fromMs * 10 ** index;
    const at = x(value).toFixed(1);
    const line = `<line class="grid" x1="${at}" x2="${at}" y1="${TOP + 6}" y2="${heightPx - 6}"/>`;
    return `${line}${text(Number(at), TOP, value >= 1000 ? `${value / 1000} s` : `${value} ms`, 'mid')}`;
  });
}

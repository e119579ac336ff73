import { OURS } from './contestants.ts';
import { LAST_PHASE, PHASES } from './phases.ts';
import { summariesOf, type Series } from './result.ts';
import { documentOf, text } from './svg.ts';
import { numberText } from './table.ts';

const WIDTH = 860;
const LEFT = 12;
const BAR_Y = 30;
const BAR = 34;
const LEGEND_ROW = 18;
const COLOURS = ['#0a6e4f', '#2a7fa8', '#6a4fa3', '#b3541e', '#8a8a2a'];

/**
 * The steps of a failover after a SIGKILL as one bar, each as long as its median.
 * @returns an SVG document, or null where the steps were not measured.
 */
export function phasePictureOf(all: readonly Series[]): string | null {
  const phases = [...PHASES, LAST_PHASE].flatMap(({ name, title }) => {
    const median = summariesOf(all, 'kill', name).get(OURS)?.median;
    return median == null ? [] : [{ title, median }];
  });
  if (phases.length === 0) return null;
  const totalMs = phases.reduce((sum, { median }) => sum + median, 0);
  const perMs = (WIDTH - 2 * LEFT) / totalMs;
  const parts: string[] = [
    text(LEFT, 18, 'From SIGKILL of the master to the first write, medians of each step', 'head'),
  ];
  let x = LEFT;
  phases.forEach(({ title, median }, index) => {
    const width = median * perMs;
    const colour = COLOURS[index % COLOURS.length] ?? '';
    const y = BAR_Y + BAR + 22 + index * LEGEND_ROW;
    parts.push(
      `<rect x="${x.toFixed(1)}" y="${BAR_Y}" width="${width.toFixed(1)}" height="${BAR}" fill="${colour}"/>`,
      text(Math.round(x + width / 2), BAR_Y + BAR / 2 + 4, numberText(median), 'light'),
      `<rect x="${LEFT}" y="${y - 10}" width="12" height="12" fill="${colour}"/>`,
      text(LEFT + 20, y, `${title}: ${numberText(median)} ms`, ''),
    );
    x += width;
  });
  const heightPx = BAR_Y + BAR + 22 + phases.length * LEGEND_ROW;
  return documentOf({ title: 'The steps of a failover', widthPx: WIDTH, heightPx }, parts);
}

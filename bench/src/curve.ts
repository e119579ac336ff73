import { OURS } from './contestants.ts';
import type { Series } from './result.ts';
import { documentOf, text } from './svg.ts';

const WIDTH = 860;
const HEIGHT = 240;
const LEFT = 60;
const RIGHT = 20;
const TOP = 34;
const BOTTOM = 34;

/**
 * Memory over the failovers of the hour, from nothing upwards.
 * @returns an SVG document, or null where it was not measured.
 */
export function curveOf(all: readonly Series[]): string | null {
  const isIt = ({ measure, figure, contestant }: Series): boolean =>
    measure === 'hour' && figure === 'rss' && contestant === OURS;
  const values = all.find(isIt)?.values ?? [];
  if (values.length < 2) return null;
  const topMb = Math.ceil(Math.max(...values) / 20) * 20;
  const x = (index: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * index) / (values.length - 1);
  const y = (mb: number): number => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * mb) / topMb;
  const points = values.map((mb, index) => `${x(index).toFixed(1)},${y(mb).toFixed(1)}`).join(' ');
  const grid = Array.from({ length: topMb / 20 + 1 }, (_, step) => {
    const at = y(step * 20).toFixed(1);
    const line = `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/>`;
    return `${line}${text(LEFT - 8, Number(at) + 4, `${step * 20} MB`, 'end')}`;
  });
  return documentOf(
    { title: 'Memory of the largest sidecar over an hour of failovers', widthPx: WIDTH, heightPx: HEIGHT },
    [
      text(LEFT, 18, `Memory of the largest sidecar (RSS) over ${values.length} failovers`, 'head'),
      ...grid,
      `<polyline class="line" points="${points}"/>`,
      text(LEFT, HEIGHT - 10, 'first', 'mid'),
      text(WIDTH - RIGHT - 14, HEIGHT - 10, 'last', 'mid'),
    ],
  );
}

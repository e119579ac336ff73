import { markdownTable } from '@sentinel-micro/testkit';
import type { Measure } from './measure.ts';
import type { ResultFile } from './result.ts';
import { curveOf } from './curve.ts';
import { phasePictureOf } from './phase-picture.ts';
import { pictureOf } from './picture.ts';
import { HEAD, rowsOf } from './table.ts';

/** The pictures of the page by the names of their files; null where what they show was not measured. */
export function picturesOf(
  measures: readonly Measure[],
  series: ResultFile['series'],
): Readonly<Record<string, string | null>> {
  return {
    'numbers.svg': pictureOf(measures, series),
    'numbers-phases.svg': phasePictureOf(series),
    'numbers-hour.svg': curveOf(series),
  };
}

/** What is shown beside a table. */
const PICTURES: Readonly<Record<string, readonly string[]>> = {
  kill: ['![The steps of a failover](numbers-phases.svg)', ''],
  hour: ['![Memory over an hour of failovers](numbers-hour.svg)', ''],
};

/** The page of the docs: every measure with its table, from the readings alone. */
export function pageOf(measures: readonly Measure[], { date, ground, series, failures, isQuick }: ResultFile): string {
  const { node, redis, cores, memoryGib, kernel } = ground;
  const known = measures.filter(({ name }) => series.some(({ measure }) => measure === name));
  return [
    '# Numbers',
    '',
    'Made by `npm run bench -- --page` from [numbers.json](numbers.json); do not edit. Everybody in a table was measured in the same run, on',
    'the same machine, in turns. Times are those of that machine; what can be compared are the ratios.',
    '',
    `${date}, Redis ${redis}, Node ${node}, ${cores} cores, ${memoryGib} GiB, Linux ${kernel}${isQuick ? ', a quick run' : ''}.`,
    '',
    '`n` readings each. Median and p99 are readings themselves (nearest rank). Ratio: the median beside it to that of sentinel-micro.',
    '',
    '![Readings in milliseconds](numbers.svg)',
    '',
    ...known.flatMap((measure) => [
      `## ${measure.name}`,
      '',
      measure.what,
      '',
      ...(PICTURES[measure.name] ?? []),
      ...markdownTable(HEAD, rowsOf(measure, series)),
    ]),
    ...failuresOf(failures),
  ].join('\n');
}

function failuresOf(failures: ResultFile['failures']): string[] {
  if (failures.length === 0) return [];
  const rows = failures.map(({ measure, contestant, why }) => [measure, contestant, why.replaceAll('|', '\\|')]);
  return ['## Rounds without a reading', '', ...markdownTable(['measure', 'contestant', 'why'], rows)];
}

import { describe, expect, test } from '@jest/globals';
import { OURS } from '../src/contestants.ts';
import { curveOf } from '../src/curve.ts';
import { summaryOf } from '../src/figures.ts';
import type { Asked, Figure, PlainMeasure } from '../src/measure.ts';
import { phasePictureOf } from '../src/phase-picture.ts';
import { pictureOf } from '../src/picture.ts';
import { judge, summariesOf, withReading, withoutMeasures, type Series } from '../src/result.ts';
import { numberText, rowsOf } from '../src/table.ts';

const PEER = 'redis-sentinel 1000';
const figure: Figure = { name: 'writable', title: 'writable again', unit: 'ms' };

function verdict(asked: Asked, own: readonly number[], peer: readonly number[] = []): boolean | undefined {
  const summaries = new Map([
    [OURS, summaryOf(own)],
    [PEER, summaryOf(peer)],
  ]);
  return judge(asked, figure, summaries)?.isMet;
}

describe('what is asked of a figure', () => {
  test.each<[string, Asked, boolean, boolean]>([
    // What is asked, and whether 20 against 1000 and 21 against 1000 fulfil it.
    ['a median', { statistic: 'median', atMost: 20 }, true, false],
    ['the worst', { statistic: 'max', atMost: 20 }, true, false],
    ['so many times', { peer: PEER, timesAtLeast: 50 }, true, false],
    ['no more above the peer', { peer: PEER, aboveByAtMost: -980 }, true, false],
  ])('%s', (_, asked, at20, at21) => {
    expect(verdict(asked, [20], [1000])).toBe(at20);
    expect(verdict(asked, [21], [1000])).toBe(at21);
  });

  test('a share of something, where more is better', () => {
    expect(verdict({ statistic: 'median', atLeast: 99 }, [99], [])).toBe(true);
    expect(verdict({ statistic: 'median', atLeast: 99 }, [98.9], [])).toBe(false);
  });

  test('memory that stays as it is', () => {
    expect(verdict({ flatWithin: 1.1 }, [50, 50, 60, 60, 60, 60, 60, 60, 60, 60, 66, 66])).toBe(true);
    expect(verdict({ flatWithin: 1.1 }, [50, 50, 60, 60, 60, 60, 60, 60, 60, 60, 67, 67])).toBe(false);
  });

  test('nothing lost is better than any number of times less', () => {
    expect(verdict({ peer: PEER, timesAtLeast: 5 }, [0], [70_000])).toBe(true);
  });

  test('without a reading nothing is said', () => {
    expect(verdict({ statistic: 'median', atMost: 20 }, [])).toBeUndefined();
    expect(verdict({ peer: PEER, timesAtLeast: 50 }, [20])).toBeUndefined();
  });
});

describe('readings', () => {
  const key = { measure: 'kill', figure: 'writable' };
  const series: readonly Series[] = [
    [OURS, 20],
    [PEER, 1000],
    [OURS, 30],
  ].reduce<readonly Series[]>(
    (all, [contestant, value]) => withReading(all, { ...key, contestant: String(contestant) }, Number(value)),
    [],
  );
  const measure: PlainMeasure = {
    ...{ kind: 'plain', name: 'kill', what: '', rounds: { full: 1, quick: 1 } },
    figures: [{ ...figure, asked: [{ statistic: 'median', atMost: 19 }] }],
    round: () => Promise.resolve({}),
  };

  test('are kept by measure, figure and contestant, in the order in which they came', () => {
    expect(series).toEqual([
      { ...key, contestant: OURS, values: [20, 30] },
      { ...key, contestant: PEER, values: [1000] },
    ]);
    expect(summariesOf(series, 'kill', 'writable').get(PEER)?.n).toBe(1);
  });

  test('of another run are kept, but for what is measured again', () => {
    const failures = [
      { measure: 'kill', contestant: OURS, why: 'x' },
      { measure: 'hang', contestant: OURS, why: 'y' },
    ];
    const other: Series = { measure: 'hang', figure: 'writable', contestant: OURS, values: [1] };
    const file = { series: [...series, other], failures };
    expect(withoutMeasures(file, [{ name: 'kill' }])).toEqual({ series: [other], failures: failures.slice(1) });
    expect(withoutMeasures(file, [])).toEqual(file);
  });

  test('make rows with the ratio to sentinel-micro, and a loud NO where something is missed', () => {
    expect(rowsOf(measure, series)).toEqual([
      ['writable again, ms', OURS, '2', '20.0', '30.0', '20.0', '30.0', '', 'median <= 19 ms: NO'],
      ['writable again, ms', PEER, '1', '1,000', '1,000', '1,000', '1,000', '50.0 x', ''],
    ]);
  });

  test('make a picture with a dot for each', () => {
    const picture = pictureOf([measure], series);
    expect(picture.match(/<circle/g)).toHaveLength(3);
    expect(picture).toContain('1,000 ms');
    expect(pictureOf([measure], series)).toBe(picture);
  });

  test('make a bar of the steps of a failover, and a curve of an hour, where those were measured', () => {
    expect([phasePictureOf(series), curveOf(series)]).toEqual([null, null]);
    const steps = ['detect', 'lease', 'freeze', 'promote', 'reconnect'].map((figure, index) => {
      return { measure: 'kill', figure, contestant: OURS, values: [index + 1] };
    });
    expect(phasePictureOf(steps)?.match(/<rect [^>]*height="34"/g)).toHaveLength(5);
    const memory: Series = { measure: 'hour', figure: 'rss', contestant: OURS, values: [50, 55, 60] };
    expect(curveOf([memory])).toContain('over 3 failovers');
  });

  test.each([
    [0, '0'],
    [1.234, '1.23'],
    [12.34, '12.3'],
    [1234.5, '1,235'],
    [1_234_567, '1,234,567'],
  ])('%d is written as %s', (value, text) => {
    expect(numberText(value)).toBe(text);
  });
});

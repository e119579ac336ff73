import { pickNamed, readFlags, wholeNumber } from '@sentinel-micro/testkit';
import { MEASURES } from './catalogue.ts';
import type { Measure } from './measure.ts';

export const USAGE = `npm run bench -- [OPTIONS]
  --only NAME,..   these measures only
  --quick          a few rounds of each, for a taste
  --rounds N       so many rounds of each instead of its own number
  --json FILE      write the readings there (default .cache/bench.json)
  --keep           keep what that file holds of other measures: so that they need not all be taken in one go
  --page           write docs/numbers.md and docs/numbers.svg from the readings as well
  --from FILE      measure nothing: print (and with --page write) what this file holds
  --list           name the measures and end`;

export interface Order {
  readonly measures: readonly Measure[];
  readonly isQuick: boolean;
  readonly rounds: number | undefined;
  readonly jsonFile: string | undefined;
  readonly fromFile: string | undefined;
  readonly isKept: boolean;
  readonly isPage: boolean;
  readonly isList: boolean;
}

const OPTIONS = {
  only: { type: 'string' },
  quick: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  json: { type: 'string' },
  keep: { type: 'boolean', default: false },
  page: { type: 'boolean', default: false },
  from: { type: 'string' },
  list: { type: 'boolean', default: false },
} as const;

/** Reads the flags. @throws TestkitError BAD_USAGE */
export function parseOrder(args: readonly string[]): Order {
  const values = readFlags(args, OPTIONS);
  return {
    measures:
      values.only === undefined
        ? MEASURES.filter(({ isLong }) => isLong !== true)
        : pickNamed('measure', MEASURES, values.only),
    isQuick: values.quick,
    rounds: values.rounds === undefined ? undefined : wholeNumber('rounds', values.rounds, 1, 100_000),
    jsonFile: values.json,
    fromFile: values.from,
    isKept: values.keep,
    isPage: values.page,
    isList: values.list,
  };
}

/** How many rounds of a measure this order wants. */
export function roundsOf({ rounds, isQuick }: Order, measure: Measure): number {
  return rounds ?? (isQuick ? measure.rounds.quick : measure.rounds.full);
}

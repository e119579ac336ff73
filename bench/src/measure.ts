import type { Statistic } from './figures.ts';
import type { Contestant } from './contestants.ts';
import type { Stage } from './stage.ts';

/** One kind of reading that a measure takes. */
export interface Figure {
  readonly name: string;
  /** For the table. */
  readonly title: string;
  readonly unit:
    'ms' | 'ns' | 'MB' | 'KB' | '%' | 'writes' | 'bytes' | 'files' | 'bytes/s' | 'packets/s' | 'requests/s' | 'runs/s';
  readonly asked?: readonly Asked[];
}

/** What sentinel-micro is asked to reach. */
export type Asked =
  | { readonly statistic: Statistic; readonly atMost: number }
  | { readonly statistic: Statistic; readonly atLeast: number }
  /** The peer's median is so many times that of sentinel-micro. */
  | { readonly peer: string; readonly timesAtLeast: number }
  /** The median of the last sixth of its readings is at most so many times that of the second sixth. */
  | { readonly flatWithin: number }
  /** The median is above the peer's by so much. */
  | { readonly peer: string; readonly aboveByAtMost: number };

/** Readings of one round, by the name of the figure. */
export type Readings = Readonly<Record<string, number>>;

/** How many rounds are done. */
export interface Rounds {
  readonly full: number;
  readonly quick: number;
}

interface MeasureBase {
  readonly name: string;
  /** One or two sentences: what is done, and what is read. */
  readonly what: string;
  readonly figures: readonly Figure[];
  readonly rounds: Rounds;
  /** Takes an hour or so: done only when it is named. */
  readonly isLong?: boolean;
}

/** Measured on living sets: one for each contestant, all at the same time, and the rounds go from one to the next. */
export interface SetMeasure extends MeasureBase {
  readonly kind: 'sets';
  readonly contestants: readonly Contestant[];
  /** After so many rounds all sets are made anew. Left out: one set for all rounds. */
  readonly newSetsAfter?: number;
  /** Needs a host for each pod, i.e. network namespaces. */
  readonly needsHosts?: boolean;
  /** Done once, when the set is settled. */
  readonly prepare?: (stage: Stage) => Promise<void>;
  /** One round, from a settled set to one that will be settled again. */
  readonly round: (stage: Stage, round: number) => Promise<Readings>;
}

/** Measured without a set of its own. */
export interface PlainMeasure extends MeasureBase {
  readonly kind: 'plain';
  /** One round: readings for each contestant by name. */
  readonly round: (context: PlainContext, round: number) => Promise<Readonly<Record<string, Readings>>>;
}

export interface PlainContext {
  /** A folder that is empty. */
  readonly dir: string;
}

export type Measure = SetMeasure | PlainMeasure;

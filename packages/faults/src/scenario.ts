import type { FurtherTool } from '@sentinel-micro/testkit';
import type { Bed } from './bed.ts';
import type { FenceCase } from './result.ts';
import type { Setup } from './setup.ts';

/** What must follow, besides what must follow always (see `judge.ts`). What is left out is not asked for. */
export interface Expectations {
  /** How often a pod that was a replica may begin to take writes: exactly so often, or from and to. */
  readonly promotions?: number | readonly [number, number];
  /** How often another pod than the one before may begin to take writes; counted as `promotions`. */
  readonly moves?: number | readonly [number, number];
  /** By how much the term may grow; counted as `promotions`. */
  readonly terms?: number | readonly [number, number];
  /** How long two masters may take writes at once. Default 0. */
  readonly overlapMs?: number;
  /** No acknowledged write may be lost, confirmed or not. */
  readonly isLossless?: boolean;
  /** A client on the greater side can write again within this time after the first fault. */
  readonly writableWithinMs?: number;
}

/** Nothing may come of it: no new master, no new term, and no write is lost. */
export const UNDISTURBED: Expectations = { promotions: 0, terms: 0, isLossless: true };

export type Family = 'partition' | 'pause' | 'kill' | 'data' | 'dns' | 'identity' | 'change';

/** One way in which things go wrong, on real processes. */
export interface Scenario {
  /** The name in FAULTS.md, if it is there. */
  readonly name: string;
  /** Partitions and pauses are also run on five pods, and on redis-sentinel. */
  readonly family: Family;
  /** What happens, in one sentence. */
  readonly what: string;
  readonly expect: Expectations;
  /** For the table of the S2 bounds, when this scenario measures one of its cases. */
  readonly fences?: FenceCase;
  /** Not a name of FAULTS.md. */
  readonly isExtra?: true;
  /** Without this tool it cannot be done, and counts as skipped. */
  readonly needs?: FurtherTool;
  /** What the set is started with, where it is not the usual. */
  readonly setup?: Setup;
  /**
   * Does the faults. Before it the set is settled and all writers write; after it the bed undoes what is left of cuts,
   * pauses and deaths, waits until the set is whole, and reads everything back.
   */
  run(bed: Bed): Promise<void>;
}

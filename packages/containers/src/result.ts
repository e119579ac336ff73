import type { Size, Times } from './images/index.ts';
import type { StoryResult } from './stories/index.ts';

/** One thing that was looked at, and what is wrong with it. */
export interface CheckResult {
  readonly name: string;
  readonly verdict: 'passed' | 'violated' | 'skipped';
  readonly reason: string;
}

/** A file of results. */
export interface ResultFile {
  readonly version: 1;
  /** What the engine says of itself, and what the base images are. */
  readonly engine: string;
  readonly bases: string;
  readonly node: string;
  readonly checks: readonly CheckResult[];
  readonly sizes: readonly Size[];
  readonly startUps: readonly Times[];
  readonly stories: readonly StoryResult[];
}

export const NO_RESULTS: ResultFile = {
  version: 1,
  ...{ engine: '', bases: '', node: '', checks: [], sizes: [], startUps: [], stories: [] },
};

export const isWell = ({ checks, stories }: ResultFile): boolean =>
  [...checks, ...stories].every(({ verdict }) => verdict !== 'violated');

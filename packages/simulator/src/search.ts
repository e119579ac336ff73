import type { FaultKind } from './plan.ts';
import { run, type RunResult } from './run.ts';
import type { Scenario } from './scenarios/scenario.ts';
import type { RunSettings } from './settings.ts';

/** Which runs a search makes. */
export interface SearchOrder {
  readonly from: number;
  readonly seeds: number;
  /** Every so many seeds, beginning with `from`: so several processes share one search. */
  readonly stride: number;
  readonly steps: number;
  readonly pods: number | null;
  readonly only: readonly FaultKind[] | null;
  /** What decides who has the lease. */
  readonly leaseStore: RunSettings['leaseStore'];
  readonly scenario: Scenario | null;
}

/** What came of the runs of a search so far. */
export interface Tally {
  readonly runs: number;
  /** Faults that struck: seeds times steps. */
  readonly steps: number;
  readonly broken: number;
  readonly simulatedMs: number;
  readonly events: number;
  readonly acknowledged: number;
  readonly confirmed: number;
  readonly confirmedLost: number;
  readonly longestOverlapMs: number;
  readonly longestFencedOverlapMs: number;
}

export const NOTHING_YET: Tally = {
  runs: 0,
  steps: 0,
  broken: 0,
  simulatedMs: 0,
  events: 0,
  acknowledged: 0,
  confirmed: 0,
  confirmedLost: 0,
  longestOverlapMs: 0,
  longestFencedOverlapMs: 0,
};

/** Both together. */
export function addTally(a: Tally, b: Tally): Tally {
  return {
    runs: a.runs + b.runs,
    steps: a.steps + b.steps,
    broken: a.broken + b.broken,
    simulatedMs: a.simulatedMs + b.simulatedMs,
    events: a.events + b.events,
    acknowledged: a.acknowledged + b.acknowledged,
    confirmed: a.confirmed + b.confirmed,
    confirmedLost: a.confirmedLost + b.confirmedLost,
    longestOverlapMs: Math.max(a.longestOverlapMs, b.longestOverlapMs),
    longestFencedOverlapMs: Math.max(a.longestFencedOverlapMs, b.longestFencedOverlapMs),
  };
}

function tallyOf(result: RunResult): Tally {
  return {
    ...result,
    runs: 1,
    steps: result.plan.length,
    broken: result.violations.length > 0 ? 1 : 0,
    events: result.eventCount,
    // Lost with an excuse: too few pods had kept their data. Without one it is a violation.
    confirmedLost: result.confirmedLost,
  };
}

/** One line that says what is broken in a run, and how to see it again. */
export function describeRun(result: RunResult, scenario: Scenario | null): string {
  const [violation] = result.violations;
  const what = violation === undefined ? 'nothing broken' : `${violation.invariant}: ${violation.text}`;
  const story = scenario === null ? `${result.plan.length} faults` : scenario.name;
  return `seed ${result.seed}, ${result.settings.pods} pods, ${story}: ${what}`;
}

/** Runs one seed after the other; tells of each when it has ended. */
export function search(order: SearchOrder, onRun: (line: string | null, tally: Tally) => void): Tally {
  const { from, seeds, stride, steps, pods, only, leaseStore, scenario } = order;
  let total = NOTHING_YET;
  for (let seed = from; seed < from + seeds; seed += stride) {
    const story = scenario === null ? {} : { scenario };
    const result = run({ seed, steps, pods, only, leaseStore, ...story });
    const tally = tallyOf(result);
    total = addTally(total, tally);
    onRun(result.violations.length > 0 ? describeRun(result, scenario) : null, tally);
  }
  return total;
}

import { run, type RunOptions, type RunResult } from './run.ts';

/** More runs than this are not worth a shorter plan. */
const MOST_RUNS = 400;

/**
 * Makes the plan of a failing seed smaller: drops faults, first many at a time and then one by one, as long as the same
 * invariant stays broken.
 * @returns the smallest run that was found; the one that was given when nothing could be dropped
 */
export function minimise(options: RunOptions, failing: RunResult): RunResult {
  const broken = failing.violations[0]?.invariant;
  let best = failing;
  let runs = 0;
  for (let size = Math.ceil(best.plan.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    let start = 0;
    while (start < best.plan.length && runs < MOST_RUNS) {
      const plan = best.plan.filter((_, index) => index < start || index >= start + size);
      runs += 1;
      const result = run({ ...options, pods: failing.settings.pods, plan });
      if (result.violations[0]?.invariant === broken) best = result;
      else start += size;
    }
  }
  return best;
}

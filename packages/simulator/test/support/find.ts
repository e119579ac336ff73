import { expect, test } from '@jest/globals';
import { run, SCENARIOS, type RunOptions } from '../../src/index.ts';
import { coreWith, type PlantedFault } from './planted.ts';

const MOST_SEEDS = 600;
const STEPS = 15;

function optionsOf(fault: PlantedFault, seed: number): RunOptions {
  const { pods = null, only = null, leaseStore = 'peers' } = fault;
  const scenario = SCENARIOS.find(({ name }) => name === fault.scenario);
  if (fault.scenario !== undefined && scenario === undefined) throw new Error(`there is no scenario ${fault.scenario}`);
  return { seed, steps: STEPS, pods, only, leaseStore, ...(scenario === undefined ? {} : { scenario }) };
}

/** Plants each fault, and searches until it shows; the core as it is must pass where the planted one failed. */
export function findEach(faults: readonly PlantedFault[]): void {
  test.each(faults.map((fault) => [fault.name, fault] as const))(
    '%s',
    async (_name, fault) => {
      const core = await coreWith(fault);
      const { from = 1 } = fault;
      let found: RunOptions | null = null;
      for (let seed = from; seed < from + MOST_SEEDS && found === null; seed += 1) {
        const options = optionsOf(fault, seed);
        if (run({ ...options, core }).violations.length > 0) found = options;
      }
      if (found === null) throw new Error(`not found in ${MOST_SEEDS} seeds`);
      expect(run(found).violations).toEqual([]);
    },
    120_000,
  );
}

import { describe, expect, test } from '@jest/globals';
import { run } from '../src/index.ts';
import { PLANTED_FAULTS } from './support/faults.ts';
import { coreWith } from './support/planted.ts';

const MOST_SEEDS = 600;
const STEPS = 15;

// A check that never fails may be one that can not fail: each of these mistakes has to be found.
describe('the simulator finds', () => {
  test.each(PLANTED_FAULTS.map((fault) => [fault.name, fault] as const))(
    '%s',
    async (_name, fault) => {
      const core = await coreWith(fault);
      const { from = 1, pods = null, only = null } = fault;
      let found: string | null = null;
      for (let seed = from; seed < from + MOST_SEEDS && found === null; seed += 1) {
        found = run({ seed, steps: STEPS, pods, only, core }).violations[0]?.invariant ?? null;
      }
      expect(found).not.toBeNull();
    },
    120_000,
  );
});

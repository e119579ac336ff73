import { describe, expect, test } from '@jest/globals';
import { run, SCENARIOS } from '../src/index.ts';
import { COMMAND_FAULTS } from './support/faults-of-commands.ts';
import { DATA_FAULTS } from './support/faults-of-data.ts';
import { ELECTION_FAULTS } from './support/faults-of-elections.ts';
import { IDENTITY_FAULTS } from './support/faults-of-identity.ts';
import { SCALING_FAULTS } from './support/faults-of-scaling.ts';
import { findEach } from './support/find.ts';
import { REGRESSIONS } from './support/regressions.ts';

describe('the simulator finds, among mistakes about data,', () => findEach(DATA_FAULTS));
describe('the simulator finds, among mistakes about identity,', () => findEach(IDENTITY_FAULTS));
describe('the simulator finds, among mistakes about elections,', () => findEach(ELECTION_FAULTS));

describe('the simulator finds, among mistakes about commands,', () => findEach(COMMAND_FAULTS));

describe('the simulator finds, among mistakes about a change of N,', () => findEach(SCALING_FAULTS));

describe('the simulator finds again what it once found:', () => findEach(REGRESSIONS));

describe('a clock that stands still while its machine is suspended', () => {
  test('makes two leases, and is found', () => {
    const scenario = SCENARIOS.find(({ name }) => name === 'suspended-machine')!;
    const broken = (clockCountsSuspension: boolean): string[] =>
      [1, 2, 3, 4, 5].flatMap((seed) =>
        run({ seed, steps: 0, pods: 3, scenario, clockCountsSuspension }).violations.map(({ invariant }) => invariant),
      );
    expect(broken(true)).toEqual([]);
    expect(broken(false)).toContain('S1');
  });
});

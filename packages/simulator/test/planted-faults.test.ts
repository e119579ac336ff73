import { describe } from '@jest/globals';
import { PLANTED_FAULTS } from './support/faults.ts';
import { findEach } from './support/find.ts';

// A check that never fails may be one that can not fail: each of these mistakes has to be found.
describe('the simulator finds', () => findEach(PLANTED_FAULTS));

import { describe } from '@jest/globals';
import { STORE_FAULTS } from './support/faults-of-store.ts';
import { findEach } from './support/find.ts';

describe('the simulator finds, among mistakes about a lease that is kept in a store,', () => findEach(STORE_FAULTS));

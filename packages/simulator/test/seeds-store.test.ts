import { test } from '@jest/globals';
import { searchSeeds } from './support/seeds.ts';

test('some hundreds of seeds break nothing where a store keeps the lease', () => {
  searchSeeds(1, 200, { leaseStore: 'kubernetes' });
}, 300_000);

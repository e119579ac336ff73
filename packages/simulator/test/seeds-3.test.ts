import { test } from '@jest/globals';
import { searchShard } from './support/seeds.ts';

test('some hundreds of seeds break nothing (part 3 of 4)', () => searchShard(2), 300_000);

import { test } from '@jest/globals';
import { searchShard } from './support/seeds.ts';

test('some hundreds of seeds break nothing (part 1 of 4)', () => searchShard(0), 300_000);

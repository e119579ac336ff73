import { test } from '@jest/globals';
import { searchShard } from './support/seeds.ts';

test('some hundreds of seeds break nothing (part 2 of 4)', () => searchShard(1), 300_000);

import { test } from '@jest/globals';
import { searchShard } from './support/seeds.ts';

test('some hundreds of seeds break nothing (part 4 of 4)', () => searchShard(3), 300_000);

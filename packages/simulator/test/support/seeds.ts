import { expect } from '@jest/globals';
import { run } from '../../src/index.ts';

/** So many seeds are searched by one test file; Jest's workers share the files. */
const SEEDS_PER_SHARD = 520;
const STEPS = 10;

/** Runs the seeds of one shard: none may break anything. */
export function searchShard(shard: number): void {
  const broken: string[] = [];
  let confirmed = 0;
  const from = 1 + shard * SEEDS_PER_SHARD;
  for (let seed = from; seed < from + SEEDS_PER_SHARD; seed += 1) {
    const result = run({ seed, steps: STEPS, pods: null });
    for (const { invariant, text } of result.violations) broken.push(`seed ${seed}: ${invariant}: ${text}`);
    confirmed += result.confirmed;
  }
  expect(broken).toEqual([]);
  // A simulation in which nothing can be lost proves nothing.
  expect(confirmed).toBeGreaterThan(SEEDS_PER_SHARD * 300);
}

import { expect } from '@jest/globals';
import { run, type RunOptions } from '../../src/index.ts';

/** So many seeds are searched by one test file; Jest's workers share the files. */
const SEEDS_PER_SHARD = 400;
const STEPS = 10;

/** Runs the seeds of one shard: none may break anything. */
export function searchShard(shard: number): void {
  searchSeeds(1 + shard * SEEDS_PER_SHARD, SEEDS_PER_SHARD, {});
}

/** The same for some other runs. */
export function searchSeeds(from: number, seeds: number, options: Pick<RunOptions, 'leaseStore'>): void {
  const broken: string[] = [];
  let confirmed = 0;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const result = run({ seed, steps: STEPS, pods: null, ...options });
    for (const { invariant, text } of result.violations) broken.push(`seed ${seed}: ${invariant}: ${text}`);
    confirmed += result.confirmed;
  }
  expect(broken).toEqual([]);
  // A simulation in which nothing can be lost proves nothing.
  expect(confirmed).toBeGreaterThan(seeds * 300);
}

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Bench, serverUnderTest } from './conformance/bench.ts';
import { STORIES } from './conformance/stories/index.ts';

const AT_ONCE = 12;
const SEED = 1;

let bench: Bench;
const outcomes = new Map<string, Promise<string | null>>();

// Most of the time they wait for something, so all are played at once, and each test looks at its own.
beforeAll(async () => {
  bench = await Bench.start(AT_ONCE);
  for (const { name, steps } of STORIES) {
    const outcome = bench.play(steps, SEED);
    outcome.catch(() => undefined);
    outcomes.set(name, outcome);
  }
});

afterAll(async () => {
  await Promise.allSettled(outcomes.values());
  await bench.stop();
});

describe(`the model of Redis does as ${serverUnderTest().name} does`, () => {
  test.each(STORIES.map(({ name }) => name))(
    '%s',
    async (name) => {
      expect(await outcomes.get(name)).toBeNull();
    },
    120_000,
  );
});

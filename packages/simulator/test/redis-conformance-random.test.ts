import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Bench, serverUnderTest } from './conformance/bench.ts';
import { randomStories, shorten } from './conformance/random-story.ts';

// More, or others: CONFORMANCE_RUNS=200 CONFORMANCE_SEED=7 npm run jest -- redis-conformance-random
const RUNS = Number(process.env['CONFORMANCE_RUNS'] ?? 16);
const SEED = Number(process.env['CONFORMANCE_SEED'] ?? 1);
const AT_ONCE = 8;
const MS_PER_RUN = 15_000;

let bench: Bench;

beforeAll(async () => {
  bench = await Bench.start(AT_ONCE);
});

afterAll(() => bench.stop());

test(
  `${RUNS} stories from seed ${SEED} go the same way on the model and on ${serverUnderTest().name}`,
  async () => {
    const outcomes = await Promise.all(
      randomStories(SEED, RUNS).map(async (steps, index) => ({
        steps,
        index,
        failure: await bench.play(steps, index),
      })),
    );
    const [first] = outcomes.filter(({ failure }) => failure !== null);
    const why =
      first === undefined
        ? null
        : await shorten(first.steps, first.failure ?? '', (fewer) => bench.play(fewer, first.index));
    expect(why).toBeNull();
  },
  120_000 + RUNS * MS_PER_RUN,
);

import { describe, expect, test } from '@jest/globals';
import { NOT_SIMULATED, run, SCENARIOS } from '../src/index.ts';

const SEEDS = 12;
/** Each of its seeds is another step at which the coordinator dies. */
const SEEDS_OF_STEPS = 60;

describe('every story, over some tens of seeds', () => {
  test.each(SCENARIOS.map((scenario) => [scenario.name, scenario.follows, scenario] as const))(
    '%s: %s',
    (name, _follows, scenario) => {
      const broken: string[] = [];
      const seeds = name === 'crash-after-each-step' ? SEEDS_OF_STEPS : SEEDS;
      for (let seed = 1; seed <= seeds; seed += 1) {
        const result = run({ seed, steps: 0, pods: null, scenario });
        for (const { invariant, text } of result.violations) broken.push(`seed ${seed}: ${invariant}: ${text}`);
      }
      expect(broken).toEqual([]);
    },
    120_000,
  );
});

describe('a story', () => {
  const names = SCENARIOS.map(({ name }) => name);

  test('has a name of its own, and is not among those that can not be simulated', () => {
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => name in NOT_SIMULATED)).toEqual([]);
  });

  test('goes the same way each time, and another way with another seed', () => {
    const [scenario] = SCENARIOS;
    const fingerprints = [1, 1, 2].map((seed) => run({ seed, steps: 0, pods: 3, scenario: scenario! }).fingerprint);
    expect(fingerprints[1]).toBe(fingerprints[0]);
    expect(fingerprints[2]).not.toBe(fingerprints[0]);
  });

  test('that does not come true is a violation', () => {
    const impossible = {
      name: 'impossible',
      follows: 'a promotion that nobody has a reason for',
      pods: [3],
      *play(story: Parameters<(typeof SCENARIOS)[number]['play']>[0]) {
        yield story.until('somebody else is promoted', 2000, () => story.promotionsSince(0) > 1);
      },
    };
    const [violation] = run({ seed: 1, steps: 0, pods: 3, scenario: impossible }).violations;
    expect(violation?.invariant).toBe('story');
    expect(violation?.text).toContain('somebody else is promoted: not within 2000 ms');
  });
});

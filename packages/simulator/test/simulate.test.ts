import { describe, expect, test } from '@jest/globals';
import type { Action } from '@sentinel-micro/core';
import { minimise, realCore, run, type Core, type RunOptions, type RunResult } from '../src/index.ts';
import { parseOrder } from '../src/order.ts';

const STEPS = 12;

function broken(result: RunResult): string[] {
  return result.violations.map(({ invariant, text }) => `seed ${result.seed}: ${invariant}: ${text}`);
}

test('one run and a search at once are refused', () => {
  expect(() => parseOrder(['--seed', '1', '--seeds', '2'], 1)).toThrow('--seed is one run and --seeds is a search');
  expect(parseOrder(['--seeds', '2'], 1)).toMatchObject({ does: 'search', seeds: 2 });
});

describe('the core as it is', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9])('%i pods without faults settle at once and stay as they are', (pods) => {
    const result = run({ seed: pods, steps: 0, pods });
    expect(broken(result)).toEqual([]);
    expect(result.settledAfterMs).toBeLessThan(100);
    expect(result.lost).toBe(0);
  });
});

describe('a run', () => {
  test('goes the same way each time', () => {
    const [first, second] = [1, 2].map(() => run({ seed: 11, steps: STEPS, pods: 3, isRecording: true }));
    expect(second?.fingerprint).toBe(first?.fingerprint);
    expect(second?.lines).toEqual(first?.lines);
    expect(second?.eventCount).toBe(first?.eventCount);
  });

  test('goes another way with another seed', () => {
    const fingerprints = [1, 2, 3, 4].map((seed) => run({ seed, steps: STEPS, pods: 3 }).fingerprint);
    expect(new Set(fingerprints).size).toBe(4);
  });

  test('tells the same whether it is recorded or not', () => {
    const recorded = run({ seed: 12, steps: STEPS, pods: 5, isRecording: true });
    expect(run({ seed: 12, steps: STEPS, pods: 5 }).fingerprint).toBe(recorded.fingerprint);
  });

  test('takes an exception of the core for a violation', () => {
    const throwing: Core = {
      ...realCore,
      decide() {
        throw new TypeError('planted');
      },
    };
    expect(run({ seed: 1, steps: 0, pods: 3, core: throwing }).violations[0]?.invariant).toBe('crash');
  });

  test('that fails is made smaller, and still fails', () => {
    // Never fences: breaks as soon as a master loses its lease, whatever else happens.
    const unfenced: Core = {
      ...realCore,
      decide(state, input, moment) {
        const decision = realCore.decide(state, input, moment);
        const isFence = (action: Action): boolean => action.type === 'own' && action.action.kind === 'limbo';
        return { ...decision, actions: decision.actions.filter((action) => !isFence(action)) };
      },
    };
    const options: RunOptions = { seed: 1, steps: STEPS, pods: 3, only: ['isolate', 'dns-fails'], core: unfenced };
    const failing = run(options);
    expect(failing.violations).not.toEqual([]);
    const smaller = minimise(options, failing);
    expect(smaller.violations[0]?.invariant).toBe(failing.violations[0]?.invariant);
    expect(smaller.plan.length).toBeLessThan(failing.plan.length);
  });
});

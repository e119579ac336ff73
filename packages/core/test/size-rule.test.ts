import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { leaderStep, quorumOf, startingSize, stuckStep, type SizeReport } from '../src/index.ts';

/** The others of a set of which all count by `replicas`. */
function others(self: number, ordinals: readonly number[], replicas: number): SizeReport[] {
  return ordinals.filter((ordinal) => ordinal !== self).map((ordinal) => ({ ordinal, replicas }));
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, ordinal) => ordinal);
const leader = { ordinal: 0, replicas: 3 };

describe('the leader', () => {
  test.each([
    ['three of three, three wanted', 3, 3, upTo(3), 'none'],
    ['three of three, five wanted, none of the new ones is there', 5, 3, upTo(3), 'pod 3 does not vote yet'],
    ['the first new one votes', 5, 4, upTo(4), 4],
    ['both new ones vote, and still it is one step', 5, 5, upTo(5), 4],
    ['a pod that exists is not heard', 5, 5, upTo(4), '5 pods exist, and 4 of them are heard'],
    ['a pod that will be made anew is missing', 5, 3, [0, 2, 3], 'pod 1 does not renew the lease'],
    ['the controller has not begun', 5, null, upTo(4), 'has not acted on its spec'],
    ['two wanted, the third is still there', 2, 3, upTo(3), 2],
    ['two wanted, the third is gone', 2, 2, upTo(2), 2],
    ['one wanted, the second is still there: one step', 1, 3, upTo(3), 2],
  ])('%s', (_title, wanted, existing, heard, expected) => {
    const step = leaderStep(leader, { wanted, existing }, others(0, heard, 3));
    if (typeof expected === 'number') expect(step).toEqual({ kind: 'step', to: expected });
    else if (expected === 'none') expect(step).toEqual({ kind: 'none' });
    else expect(step).toEqual({ kind: 'wait', why: expect.stringContaining(expected) });
  });

  test('waits for one that counts by another number', () => {
    const heard = [...others(0, [1, 2], 3), { ordinal: 3, replicas: 4 }];
    expect(leaderStep(leader, { wanted: 5, existing: 4 }, heard)).toEqual({ kind: 'wait', why: 'pod 3 counts by 4' });
  });

  test('that would not be counted any more hands over first', () => {
    const heard = others(2, upTo(3), 3);
    expect(leaderStep({ ordinal: 2, replicas: 3 }, { wanted: 2, existing: 3 }, heard)).toEqual({ kind: 'leave' });
  });
});

describe('nobody leads, and those that are left can not be a quorum', () => {
  const stuck = { ordinal: 0, replicas: 5 };

  test('pod 0 comes down by one, when all that exist are heard', () => {
    expect(stuckStep(stuck, { wanted: 2, existing: 2 }, others(0, [1], 5))).toEqual({ kind: 'step', to: 4 });
    expect(stuckStep(stuck, { wanted: 1, existing: 1 }, [])).toEqual({ kind: 'step', to: 4 });
    expect(stuckStep(stuck, { wanted: 2, existing: 2 }, [])).toMatchObject({ kind: 'wait' });
  });

  test('the others come after pod 0', () => {
    const second = { ordinal: 1, replicas: 5 };
    expect(stuckStep(second, { wanted: 2, existing: 2 }, others(1, [0], 5))).toEqual({ kind: 'none' });
    expect(stuckStep(second, { wanted: 2, existing: 2 }, others(1, [0], 4))).toEqual({ kind: 'step', to: 4 });
  });

  test('not when a quorum may be had, nor when more pods are wanted', () => {
    expect(stuckStep(stuck, { wanted: 3, existing: 3 }, others(0, [1, 2], 5))).toEqual({ kind: 'none' });
    expect(stuckStep(stuck, { wanted: 5, existing: 2 }, others(0, [1], 5))).toEqual({ kind: 'none' });
    expect(stuckStep(stuck, { wanted: 2, existing: null }, others(0, [1], 5))).toEqual({ kind: 'none' });
  });
});

describe('nobody knows by how many pods to count', () => {
  const view = { wanted: 3, existing: 2 };

  test('pod 0 takes what the StatefulSet says, when all that exist are heard and none knows', () => {
    expect(startingSize(0, view, others(0, [1], 0))).toEqual({ kind: 'step', to: 3 });
    expect(startingSize(1, view, others(1, [0], 0))).toMatchObject({ kind: 'wait' });
    expect(startingSize(0, view, [])).toMatchObject({ kind: 'wait' });
    expect(startingSize(0, view, others(0, [1], 5))).toMatchObject({ kind: 'wait' });
    expect(startingSize(0, { wanted: 3, existing: null }, others(0, [1], 0))).toMatchObject({ kind: 'wait' });
  });
});

/** Pods that exist, by ordinal: what each counts by; 0 for one that knows nothing. */
interface World {
  readonly sizes: Map<number, number>;
  wanted: number;
  leader: number | null;
}

type Move =
  | { readonly kind: 'scale'; readonly to: number }
  | {
      readonly kind: 'make' | 'remove' | 'forget' | 'learn' | 'lead' | 'tell' | 'start' | 'stuck';
      readonly who: number;
    }
  | { readonly kind: 'step'; readonly hears: readonly number[] };

const MOST = 7;
const who = fc.nat(MOST - 1);
const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({ kind: fc.constant('scale' as const), to: fc.integer({ min: 1, max: MOST }) }),
  fc.record({ kind: fc.constantFrom('make', 'remove', 'forget', 'learn', 'lead', 'start', 'stuck'), who }),
  fc.record({ kind: fc.constant('tell' as const), who }),
  fc.record({ kind: fc.constant('step' as const), hears: fc.subarray(upTo(MOST)) }),
  fc.record({ kind: fc.constant('step' as const), hears: fc.constant(upTo(MOST)) }),
);

function stepOfLeader(world: World, hears: readonly number[]): void {
  const { sizes, leader: by } = world;
  const replicas = by === null ? 0 : (sizes.get(by) ?? 0);
  if (by === null || replicas === 0) return;
  const heard = hears.filter((one) => one !== by && sizes.has(one));
  const reports = heard.map((ordinal) => ({ ordinal, replicas: sizes.get(ordinal) ?? 0 }));
  const step = leaderStep({ ordinal: by, replicas }, { wanted: world.wanted, existing: sizes.size }, reports);
  if (step.kind === 'step') sizes.set(by, step.to);
}

function change(world: World, one: Move): void {
  const { sizes } = world;
  if (one.kind === 'scale') world.wanted = one.to;
  else if (one.kind === 'step') stepOfLeader(world, one.hears);
  else {
    const own = sizes.get(one.who);
    const view = { wanted: world.wanted, existing: sizes.size };
    const reports = [...sizes].filter(([pod]) => pod !== one.who).map(([ordinal, replicas]) => ({ ordinal, replicas }));
    const known = reports.find(({ replicas }) => replicas > 0);
    const led = world.leader === null ? 0 : (sizes.get(world.leader) ?? 0);
    if (one.kind === 'make' && own === undefined && one.who < world.wanted) sizes.set(one.who, 0);
    if (own === undefined) return;
    if (one.kind === 'remove') sizes.delete(one.who);
    if (one.kind === 'forget') sizes.set(one.who, 0);
    if (one.kind === 'learn' && own === 0 && known !== undefined) sizes.set(one.who, known.replicas);
    if (one.kind === 'tell' && own > 0 && led > 0) sizes.set(one.who, led);
    if (one.kind === 'lead' && own > one.who) world.leader = one.who;
    if (one.kind === 'start' && own === 0) {
      const step = startingSize(one.who, view, reports);
      if (step.kind === 'step') sizes.set(one.who, step.to);
    }
    if (one.kind === 'stuck' && own > 0) {
      const step = stuckStep({ ordinal: one.who, replicas: own }, view, reports);
      if (step.kind === 'step') sizes.set(one.who, step.to);
    }
    if (world.leader === one.who && !sizes.has(one.who)) world.leader = null;
  }
}

describe('whatever happens in whatever order', () => {
  const sizesOf = ({ sizes }: World): number[] => [...new Set(sizes.values())].filter((size) => size > 0).sort();

  test('pods count by one number or by two neighbours', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MOST }), fc.array(move, { maxLength: 200 }), (first, moves) => {
        const world: World = { sizes: new Map(upTo(first).map((pod) => [pod, first])), wanted: first, leader: 0 };
        for (const one of moves) {
          change(world, one);
          const sizes = sizesOf(world);
          expect((sizes.at(-1) ?? 0) - (sizes[0] ?? 0)).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('any two quorums of such numbers have a pod in common, and those of numbers two apart need not', () => {
    const overlap = (a: number, b: number): number => quorumOf(a) + quorumOf(b) - Math.max(a, b);
    for (const size of upTo(20).slice(1)) {
      expect(overlap(size, size)).toBeGreaterThan(0);
      expect(overlap(size, size + 1)).toBeGreaterThan(0);
    }
    expect(overlap(3, 5)).toBe(0);
  });
});

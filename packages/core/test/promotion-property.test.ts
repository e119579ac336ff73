import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  lossOf,
  planPromotion,
  sourceOf,
  type Instance,
  type PromotionPlan,
  type ReachableInstance,
} from '../src/index.ts';
import { brief, gone, locked, master, orphan } from './promotion-support.ts';

describe('for any set', () => {
  const names = ['a:1', 'b:1', 'c:1', 'd:1'];
  const facts = fc.record({
    history: fc.constantFrom('x', 'y'),
    offset: fc.constantFrom(0, 10, 20),
    from: fc.constantFrom('', 'x<10', 'y<10'),
    priority: fc.constantFrom(0, 1, 100),
    keys: fc.constantFrom(0, 1, null),
    io: fc.constantFrom(null, 0, 60),
    linkUp: fc.boolean(),
    syncing: fc.boolean(),
    loading: fc.boolean(),
    feeds: fc.subarray(names, { maxLength: 1 }),
  });
  const instance = (name: string): fc.Arbitrary<Instance> =>
    fc.oneof(
      { weight: 6, arbitrary: fc.tuple(fc.constantFrom(...names, 'e:1'), facts).map(([of, f]) => orphan(name, of, f)) },
      { weight: 2, arbitrary: facts.map((f) => master(name, f)) },
      { weight: 1, arbitrary: fc.constantFrom(gone(name), locked(name)) },
    );
  const anySet = fc.tuple(...names.map(instance));
  const isMaster = (one: Instance): one is ReachableInstance => one.state === 'reachable' && one.info.role === 'master';

  test('the safety rules hold', () => {
    fc.assert(
      fc.property(anySet, fc.boolean(), (set, force) => {
        const result = planPromotion(set, { force });
        const masters = set.filter(isMaster);
        if (result.kind === 'refuse') return;
        if (!force) expect(masters.length).toBeLessThanOrEqual(1);
        const keeper = result.kind === 'promote' ? result.winner : result.master;
        const kept = set.find((one) => one.endpoint === keeper) as ReachableInstance;
        const orders = 'orders' in result ? result.orders : [];
        const moved = orders.filter(({ kind }) => kind === 'follow').map(({ endpoint }) => endpoint);
        expect(moved).not.toContain(keeper);
        // Everybody who can be asked follows in the end, and nobody who can not be asked is told anything.
        for (const one of set) {
          if (one.endpoint === keeper) continue;
          const isOrdered = orders.some(({ endpoint }) => endpoint === one.endpoint);
          if (one.state === 'unreachable') expect(isOrdered).toBe(false);
          else expect(isOrdered || (sourceOf(one, set) === kept && one.info.linkUp)).toBe(true);
        }
        if (result.kind !== 'promote') {
          expect(isMaster(kept)).toBe(true);
          return;
        }
        expect(kept.info).toMatchObject({ role: 'replica', syncInProgress: false, loading: false });
        expect(kept.info.priority).not.toBe(0);
        // A living master is only replaced when nobody follows it, and it is empty or (by force) still loading.
        for (const old of masters) {
          expect(old.feeds).toEqual([]);
          expect(old.info.keys === 0 || (force && old.info.loading)).toBe(true);
          expect(set.some((one) => one.state === 'reachable' && one.info.linkUp && sourceOf(one, set) === old)).toBe(
            false,
          );
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('without force, an empty master is given nobody who has data of another history', () => {
    fc.assert(
      fc.property(anySet, (set) => {
        const result = planPromotion(set, { force: false });
        if (result.kind !== 'repair') return;
        const kept = set.find((one) => one.endpoint === result.master) as ReachableInstance;
        for (const { endpoint, kind } of result.orders) {
          const one = set.find((other) => other.endpoint === endpoint) as ReachableInstance;
          if (kept.info.keys === 0 && kind === 'follow') expect(lossOf(one.info, kept.info)).toEqual({ kind: 'none' });
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('the plan does not depend on the order of the endpoints', () => {
    const shuffled = anySet.chain((set) =>
      fc.tuple(fc.constant(set), fc.shuffledSubarray(set, { minLength: set.length })),
    );
    const target = (result: PromotionPlan): string => brief(result).split(' <-')[0]!;
    fc.assert(
      fc.property(shuffled, fc.boolean(), ([set, other], force) => {
        expect(target(planPromotion(other, { force }))).toBe(target(planPromotion(set, { force })));
      }),
      { numRuns: 3000 },
    );
  });
});

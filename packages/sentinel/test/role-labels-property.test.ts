// At no instant two pods carry `master`, whatever happens to the requests, the sidecars and the lease.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LabelWorld, type WorldOptions } from './label-model.ts';

const RUNS = 3000;

type Step = (world: LabelWorld) => void;

const nth = <T>(items: readonly T[], index: number): T => {
  const item = items[index % items.length];
  if (item === undefined) throw new Error('there is none');
  return item;
};

const step = (name: string, weight: number, make: (number: number, flag: boolean) => Step) => ({
  weight,
  arbitrary: fc
    .tuple(fc.nat(8), fc.boolean())
    .map(([number, flag]) =>
      Object.assign(make(number, flag), { toString: () => `${name} ${number} ${String(flag)}` }),
    ),
});

/** What it takes for a request to overtake a whole change of the lease. */
const OVERTAKING = [
  step('rounds', 8, () => (world) => {
    for (let round = 0; round < 5; round++) world.round();
  }),
  step('elect', 4, (n) => (world) => world.elect(nth(world.present, n))),
  step('hang and elect', 4, (n) => (world) => {
    if (world.lease !== null) world.lease.holder.isPaused = true;
    world.elect(nth(world.present, n));
  }),
  step('slow', 3, (n) => (world) => void (nth(world.sidecars, n).isSlow = true)),
  step('quick', 1, (n) => (world) => void (nth(world.sidecars, n).isSlow = false)),
  step('pause', 3, (n) => (world) => void (nth(world.sidecars, n).isPaused = true)),
  step('resume', 1, (n) => (world) => void (nth(world.sidecars, n).isPaused = false)),
  step('let go', 3, () => (world) => {
    while (world.requests.length > 0) world.deliver(0);
  }),
  step('deliver', 3, (n, isAnswerLost) => (world) => world.deliver(n, { isAnswerLost })),
  step('time out', 3, (n) => (world) => world.timeOut(nth(world.sidecars, n))),
];

/** Everything else that can happen. */
const TROUBLE = [
  step('round', 4, () => (world) => world.round()),
  step('think', 3, (n) => (world) => world.think(nth(world.sidecars, n))),
  step('deliver twice', 2, (n, isAnswerLost) => (world) => world.deliver(n, { isAnswerLost, isTwice: true })),
  step('lose', 1, (n) => (world) => world.lose(n)),
  step('promote', 1, (n) => (world) => world.elect(nth(world.present, n), 'promote')),
  step('lead', 1, () => (world) => world.renew('lead')),
  step('hand over', 1, () => (world) => world.renew('handover')),
  step('release', 1, () => (world) => world.release()),
  step('wait', 2, (n) => (world) => void (world.nowMs += n * 100)),
  step('touch', 2, (n) => (world) => world.api.touch(nth(world.names, n))),
  step('restart', 1, (n) => (world) => void world.restart(nth(world.present, n))),
  step('recreate', 1, (n, isOldDead) => (world) => void world.recreate(nth(world.present, n), isOldDead)),
];

const FORGET_TERMS = step('forget terms', 1, () => (world) => world.forgetTerms());

const storyOf = (
  steps: readonly (typeof TROUBLE)[number][],
): fc.Arbitrary<{ readonly pods: number; readonly steps: Step[] }> =>
  fc.record({
    pods: fc.integer({ min: 2, max: 3 }),
    steps: fc.array(fc.oneof(...steps), { maxLength: 60, size: 'max' }),
  });

const anyStory = fc.oneof(storyOf(OVERTAKING), storyOf([...OVERTAKING, ...TROUBLE, FORGET_TERMS]));

function play(world: LabelWorld, steps: readonly Step[]): void {
  for (const one of steps) {
    one(world);
    const masters = world.api.masters();
    if (masters.length > 1) throw new Error(`two masters: ${masters.join(', ')}`);
  }
}

const neverTwo = (story: typeof anyStory, options?: WorldOptions): fc.IProperty<[{ readonly steps: Step[] }]> =>
  fc.property(story, ({ pods, steps }) => play(new LabelWorld(pods, options), steps));

describe('whatever is late, lost or sent twice', () => {
  test('never two pods are labelled master', () => {
    fc.assert(neverTwo(anyStory), { numRuns: RUNS });
  }, 120_000);

  // The second line of defence: whoever is fenced by a newer term does not label itself on the strength of an old lease.
  test('nor when everybody believes in a lease for ever, as long as terms are not forgotten', () => {
    fc.assert(neverTwo(storyOf([...OVERTAKING, ...TROUBLE]), { isGullible: true }), { numRuns: RUNS });
  }, 120_000);

  test('afterwards the pod that leads carries the label, and the others are replicas', () => {
    const property = fc.property(anyStory, fc.nat(2), ({ pods, steps }, next) => {
      const world = new LabelWorld(pods);
      play(world, steps);
      // Sidecars of pods that are gone end some time.
      world.sidecars.splice(pods);
      const leader = nth(world.sidecars, next);
      world.elect(leader);
      world.settle(90_000);
      expect(world.names.map((pod) => world.api.role(pod))).toEqual(
        world.names.map((pod) => (pod === leader.pod ? 'master' : 'replica')),
      );
    });
    fc.assert(property, { numRuns: 300 });
  }, 120_000);
});

describe('the property has teeth', () => {
  // A PATCH that was sent before the fence, and arrives after it, has to be refused.
  test('an API that takes a patch of what was read before breaks it', () => {
    const options = { numRuns: 20_000, endOnFailure: true };
    expect(fc.check(neverTwo(anyStory, { ignoresVersions: true }), options).failed).toBe(true);
  }, 120_000);
});

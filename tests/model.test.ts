// The formal model of the lease and of the freeze (docs/model): spin looks at every state, so what it does not find is not there,
// within the bounds of the model. And since a check that never fails may be one that cannot, every planted mistake has to be found.
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { findSpin, verify } from './support/spin.ts';

const searchTimeoutMs = 240_000;
const testTimeoutMs = searchTimeoutMs + 90_000;
const fileOf = (model: string): string => path.join(path.dirname(import.meta.dirname), 'docs/model', `${model}.pml`);

const found = findSpin();
const why = typeof found === 'string' ? found : null;
if (why !== null) console.warn(`the formal model is not checked: ${why}`);
const describeModel = why === null ? describe : describe.skip;

/** The bounds of one search: how often what may go wrong. */
const bounds = {
  lateAnswers: ['T_H=2', 'LATE_ANSWERS', 'RESTARTS=0', 'PAUSES=1'],
  leaseRestart: ['T_H=1', 'RESTARTS=1', 'PAUSES=0'],
  leasePause: ['T_H=1', 'RESTARTS=0', 'PAUSES=1'],
  calm: ['PAUSES=0', 'RESTARTS=0', 'CRASHES=0'],
  pause: ['PAUSES=1', 'RESTARTS=0', 'CRASHES=0'],
  twoPauses: ['PAUSES=2', 'RESTARTS=0', 'CRASHES=0'],
  restart: ['PAUSES=0', 'RESTARTS=1', 'CRASHES=0'],
  crash: ['PAUSES=0', 'RESTARTS=0', 'CRASHES=1'],
  pauseAndRestart: ['PAUSES=1', 'RESTARTS=1', 'CRASHES=0'],
  pauseAndCrash: ['PAUSES=1', 'RESTARTS=0', 'CRASHES=1'],
} as const;
type Bounds = keyof typeof bounds;

describeModel('the protocol as it is has no error', () => {
  const searches: [string, string, Bounds][] = [
    ['lease', 'answers that come late, a sidecar that is paused', 'lateAnswers'],
    ['lease', 'a sidecar that restarts', 'leaseRestart'],
    ['freeze', 'a sidecar that is paused', 'pause'],
    ['freeze', 'a sidecar that restarts', 'restart'],
    ['freeze', 'a Redis that restarts empty', 'crash'],
  ];
  test.each(searches)(
    '%s: %s',
    async (model, _what, name) => {
      const verdict = await verify(fileOf(model), bounds[name], searchTimeoutMs);
      expect(verdict).toMatchObject({ errors: 0, assertion: null, isExhaustive: true });
      expect(verdict.states).toBeGreaterThan(1_000_000);
    },
    testTimeoutMs,
  );

  test.each<[string, Bounds]>([
    ['lease', 'leaseRestart'],
    ['freeze', 'calm'],
  ])(
    '%s: what it is about does happen in it',
    async (model, name) => {
      const verdict = await verify(fileOf(model), [...bounds[name], 'WITNESS'], searchTimeoutMs);
      expect(verdict.assertion).not.toBeNull();
    },
    testTimeoutMs,
  );
});

describeModel('spin finds', () => {
  const planted: [string, string, string, Bounds][] = [
    ['a voter that grants while its grant stands for another', 'lease', 'GRANT_TWICE', 'leasePause'],
    ['a restarted voter that votes at once', 'lease', 'NO_MUTE_START', 'leaseRestart'],
    ['a promise no longer than the lease', 'lease', 'NO_GUARD', 'leasePause'],
    ['a voter that takes terms of the past', 'lease', 'TRUST_STALE_TERM', 'lateAnswers'],
    ['a lease counted from the receipt of the answer', 'lease', 'HOLDER_COUNTS_FROM_RECEIPT', 'lateAnswers'],
    ['an answer counted for a later request', 'lease', 'MATCH_ANSWER_TO_NEWEST', 'lateAnswers'],
    ['a holder that does not look at its lease after a pause', 'lease', 'NO_CHECK_ON_RESUME', 'leasePause'],
    ['a clock that stands still in a pause', 'lease', 'CLOCK_STOPS_IN_PAUSE', 'leasePause'],
    ['a lease given back before the fence', 'lease', 'RELEASE_BEFORE_FENCE', 'leasePause'],
    ['a release of a former life that ends a lease of this one', 'lease', 'RELEASE_OF_FORMER_LIFE', 'leaseRestart'],
    ['a promotion without a quorum of data', 'freeze', 'PROMOTE_BEFORE_FREEZE', 'calm'],
    ['a voter that answers but stays attached', 'freeze', 'ANSWER_BEFORE_DETACHED', 'pause'],
    ['an empty voter counted', 'freeze', 'COUNT_EMPTY_VOTER', 'crash'],
    ['offsets compared across histories', 'freeze', 'IGNORE_LINEAGE', 'calm'],
    ['offsets compared after the histories have parted', 'freeze', 'COMPARE_SIBLINGS', 'restart'],
    ['a promotion of another process than the one that was chosen', 'freeze', 'PROMOTE_ANY_PROCESS', 'crash'],
    ['a promotion that outlives the fence', 'freeze', 'PROMOTION_OUTLIVES_FENCE', 'calm'],
    ['a lease that is lost without a fence', 'freeze', 'RELEASE_BEFORE_FENCE', 'calm'],
    ['a repair that is carried out after the lease', 'freeze', 'ORDERS_WITHOUT_DEADLINE', 'twoPauses'],
    ['a Redis that boots as a replica of a former master', 'freeze', 'BOOT_FOLLOWS_RENDERED', 'pauseAndCrash'],
    ['a message that reaches the next life of a sidecar', 'freeze', 'DELIVER_TO_NEXT_LIFE', 'pauseAndRestart'],
    ['terms that fall back when a sidecar restarts', 'freeze', 'TERMS_REGRESS', 'restart'],
  ];
  test.each(planted)(
    '%s',
    async (_what, model, mistake, name) => {
      const verdict = await verify(fileOf(model), [...bounds[name], mistake], searchTimeoutMs);
      expect(verdict.errors).toBeGreaterThan(0);
      expect(verdict.assertion).not.toBeNull();
    },
    testTimeoutMs,
  );
});

import type { PlantedFault } from './planted.ts';

/** Mistakes in when to elect, and in what has to be done before somebody is promoted. */
export const ELECTION_FAULTS: readonly PlantedFault[] = [
  {
    name: 'a campaign begins without a pre-vote',
    file: 'election.ts',
    find: '  else prevote(turn);',
    replace: '  else acquire(turn, probeOldMaster(turn), 0);',
    scenario: 'isolate-replica',
  },
  {
    name: '-BUSY is taken for death',
    file: 'health.ts',
    find: "return enter(before, { state: 'up', reason: `answers ${sample.code}`, aliveAtMs: nowMs, hung: false }, nowMs);",
    replace:
      "return enter(before, { state: 'down', reason: `answers ${sample.code}`, aliveAtMs: nowMs, hung: true }, nowMs);",
    scenario: 'slow-script',
  },
  {
    name: 'a link that comes and goes costs a failover each time',
    file: 'flapping.ts',
    find: 'const FREE_CHANGES = 3;',
    replace: 'const FREE_CHANGES = 1000;',
    scenario: 'flapping-link',
  },
  {
    name: "orders to another pod's Redis have no deadline",
    file: 'turn.ts',
    find: "const deadlineMs = action.kind === 'probe' ? Infinity : heldUntilMs(turn.state);",
    replace: 'const deadlineMs = Infinity;',
    scenario: 'order-outlives-its-lease',
  },
  {
    name: 'a pod that can not be promoted and has more is no reason to wait for others',
    file: 'failover.ts',
    find: "const losesNothing = source?.worth === 'full' && choice.bytesMissing === 0;",
    replace: "const losesNothing = source?.worth === 'full';",
    scenario: 'answer-yet-to-come',
  },
  {
    name: "a leader takes a peer's announcement for newer than its own",
    file: 'learn.ts',
    find: 'if (isLeading(turn.state, turn.nowMs)) return;',
    replace: '',
    scenario: 'higher-term-of-old',
  },
];

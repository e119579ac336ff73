import type { PlantedFault } from './planted.ts';

/** Mistakes in what is done because somebody orders it. */
export const COMMAND_FAULTS: readonly PlantedFault[] = [
  {
    name: 'the lease is given to a successor that has not caught up',
    file: 'handover.ts',
    find: 'const caughtUp = outcome.ok && outcome.info !== null && outcome.info.offset >= phase.targetOffset;',
    replace: 'const caughtUp = outcome.ok;',
    scenario: 'switchover-lagging',
    from: 70,
  },
  {
    name: 'the lease is given back before the old master is fenced',
    file: 'step-down.ts',
    find: "if (cause !== 'redis-dead' && cause !== 'redis-hung' && !isFenced(turn)) {",
    replace: "if (cause === 'fenced' && !isFenced(turn)) {",
    scenario: 'switchover-hung',
  },
  {
    name: 'the lease is given back by one that is still fed by somebody else',
    file: 'handover.ts',
    find: '  holdInLimbo(turn, why);\n',
    replace: '',
    scenario: 'handover-made-replica',
  },
  {
    name: 'an election is held while automatic failover is paused',
    file: 'election.ts',
    find: 'const hindrance = whyNotElectable(turn) ?? (role.handedTries > 0 ? null : whyNotNow(turn.state));',
    replace: 'const hindrance = whyNotElectable(turn);',
    scenario: 'paused-failover',
  },
  {
    name: 'a switchover that is given up does not let the writes through again',
    file: 'handover.ts',
    find: "  orderOwn(turn, { kind: 'unpause' });\n",
    replace: '',
    scenario: 'switchover-target-dies',
  },
  {
    name: 'a command that comes to nothing is not answered',
    file: 'command.ts',
    find: 'if (turn.nowMs >= command.untilMs)',
    replace: 'if (turn.nowMs >= command.untilMs * 10)',
    scenario: 'switchover-cut',
  },
];

import type { PlantedFault } from './planted.ts';

/**
 * Mistakes that the core once had, each with its mend taken out again. The seeds that found them belonged to another drawing of
 * plans; the stories and kinds of faults named here show the same.
 */
export const REGRESSIONS: readonly PlantedFault[] = [
  {
    name: 'seeds 4844, 4915: one that has promoted itself in secret goes on beside the one that is elected next',
    file: 'failover.ts',
    find: 'suspects: detachSuspects(turn, role, frozen),',
    replace: 'suspects: [],',
    scenario: 'secret-promotion',
  },
  {
    name: 'seed 101591: all sidecars have restarted, and the Redis that a replica follows is not detached',
    file: 'failover.ts',
    find: 'return [...targets, role.old === null ? unknownMaster(turn) : null].flatMap((target) => {',
    replace: 'return targets.flatMap((target) => {',
    scenario: 'forgotten-master',
  },
  {
    name: 'seeds 958, 1045, 1374: a master that was made a replica is promoted again without an election',
    file: 'lead.ts',
    find: 'patch(turn, { term, role: { ...role, term, old, suspects: [], phase, renewAtMs: turn.nowMs } });',
    replace:
      "const ownId = orderOwn(turn, { kind: 'promote', deadlineMs: heldUntilMs(turn.state), minReplicas: 0 }); patch(turn, { term, role: { ...role, term, old, suspects: [], phase: { name: 'promote', ownId, runId: turn.state.own.runId, isFounded: false } } });",
    only: ['replicaof-by-hand', 'isolate'],
    pods: 3,
    from: 40,
  },
  {
    name: 'seeds 1160, 1143: nobody vouches for a replica whose sidecar has restarted',
    file: 'position.ts',
    find: 'return { ...position, synced: inStep };',
    replace: 'return { ...position, synced: inStep && false };',
    scenario: 'sidecar-restarts-as-master-dies',
    from: 2,
  },
];

import type { PlantedFault } from './planted.ts';

/** Mistakes in what a pod's data is worth, and in what must not be lost when the master changes on purpose. */
export const DATA_FAULTS: readonly PlantedFault[] = [
  {
    name: 'a reachable old master is not drained',
    file: 'failover.ts',
    find: "if (!outcome.ok || outcome.info?.role !== 'master' || old?.runId == null) {",
    replace: 'if (outcome.ok || old?.runId == null) {',
    scenario: 'kill-sidecar-on-master',
  },
  {
    name: 'what only a pod with priority 0 has is thrown away',
    file: 'choose.ts',
    find: 'mayBorrow = true,',
    replace: '_mayBorrow = true, mayBorrow = false,',
    scenario: 'priority-zero-has-most',
  },
  {
    name: 'after two promotions that nobody heard of, all data is of another history',
    file: 'lineage.ts',
    find: 'const MOST_ANCESTORS = 8;',
    replace: 'const MOST_ANCESTORS = 0;',
    scenario: 'lossy-network',
  },
];

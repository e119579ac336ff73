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
    find: 'const donors = donorsAmong(keepers, reachable).filter(({ pod }) => !failedDonors.includes(pod));',
    replace: 'const donors: readonly Entry[] = [];',
    scenario: 'priority-zero-has-most',
  },
  {
    name: 'after one pod with priority 0 could not feed the chosen one, no other one is asked',
    file: 'choose.ts',
    find: '.filter(({ pod }) => !failedDonors.includes(pod))',
    replace: '.filter(() => failedDonors.length === 0)',
    scenario: 'priority-zero-donor-lost',
  },
  {
    name: 'after two promotions that nobody heard of, all data is of another history',
    file: 'lineage.ts',
    find: 'const MOST_ANCESTORS = 8;',
    replace: 'const MOST_ANCESTORS = 0;',
    scenario: 'two-switchovers-unheard',
  },
  {
    name: 'a founder that is still empty does not give way to data',
    file: 'lead.ts',
    find: 'if (!isUnknownToFounder(position, announcement) || own.info?.keys !== 0) return;',
    replace: 'if (own.info !== null) return;',
    scenario: 'founder-gives-way',
  },
  {
    name: 'who promotes an empty pod without having seen all does not know that it founds a set',
    file: 'founding.ts',
    find: 'return members.some((pod) => frozen[pod] === undefined) && !shownIn(frozen).some((one) => hasKeys(one));',
    replace: 'return members.length === 0 && shownIn(frozen).length === 0;',
    scenario: 'founder-gives-way',
  },
  {
    name: 'a replica that was promoted by hand counts as one whose promotion nobody has heard of',
    file: 'own.ts',
    find: '(own.astray || isNewlyMaster(turn, info))',
    replace: '(own.astray && isNewlyMaster(turn, info))',
    // Where enough others have gone on without it, they outvote it; and what it wrote since has no claim.
    also: [
      { file: 'choose.ts', find: 'partedFrom(one) < dataQuorumOf(replicas)', replace: 'partedFrom(one) < Infinity' },
      {
        file: 'choose.ts',
        find: "return isPretender ? { ...entry, worth: 'none' } : entry;",
        replace: 'return entry;',
      },
    ],
    only: ['promote-by-hand', 'kill-redis'],
    pods: 3,
    from: 565,
  },
  {
    name: 'who went on from the known history is not told from who parted from it',
    file: 'choose.ts',
    find: 'const newest = known === null ? null : newestShown(entriesOf(frozen, known), known, replicas, 1);',
    replace:
      'const newest = replicas > 0 ? known : newestShown(entriesOf(frozen, known), known as Lineage, replicas, 1);',
    scenario: 'old-master-has-more',
  },
];

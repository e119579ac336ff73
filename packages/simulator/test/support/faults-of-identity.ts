import type { PlantedFault } from './planted.ts';

/** Mistakes about who is who: other clusters, earlier pods, another number of replicas. */
export const IDENTITY_FAULTS: readonly PlantedFault[] = [
  {
    name: "another cluster's votes count",
    file: 'decide.ts',
    find: 'if (answer !== null && answer.cluster !== turn.state.config.cluster) {',
    replace: 'if (answer !== null && answer.cluster === null) {',
    scenario: 'foreign-sidecar',
  },
  {
    name: "another cluster's requests are obeyed",
    file: 'requests.ts',
    find: "if (request.cluster !== turn.state.config.cluster) return 'other-cluster';",
    replace: '',
    scenario: 'foreign-sidecar',
  },
  {
    name: 'a replica waits at an address that nobody vouches for',
    file: 'own.ts',
    find: 'if (!isSilent || isLinking || (isLinked && own.infoAtMs >= overdueAtMs)) {',
    replace: 'if (!isSilent || isLinking || turn.nowMs > 0) {',
    scenario: 'ip-reuse-foreign-redis',
  },
  {
    name: 'pods that count different quorums elect each other',
    file: 'election.ts',
    find: "} else if (answer?.type === 'refused' && !countsAlike(turn.state, answer.from)) {",
    replace: "} else if (answer?.type === 'refused' && answer.term < 0) {",
    scenario: 'scale-3-5-3',
  },
  {
    name: 'a pod that counts another quorum is not waited for',
    file: 'election.ts',
    find: 'if (isEnough && mayYetObject(turn, role)) {',
    replace: 'if (isEnough && config.quorum < 0 && mayYetObject(turn, role)) {',
    scenario: 'scale-3-5-3',
  },
  {
    name: 'a master that only DNS knows of is left alone',
    file: 'lead.ts',
    find: 'if (unmet.length === 0 || announcement === null) return;',
    replace: 'if (unmet.length >= 0 || announcement === null) return;',
    scenario: 'unmet-orphan',
  },
];

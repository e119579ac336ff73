import type { PlantedFault } from './planted.ts';

const scenario = 'statefulset-scaled-under-faults';

/** Mistakes in how N follows the StatefulSet. */
export const SCALING_FAULTS: readonly PlantedFault[] = [
  {
    name: 'N moves by two at once',
    file: 'size-rule.ts',
    find: 'const to = replicas + Math.sign(wanted - replicas);',
    replace: 'const to = wanted;',
    scenario,
  },
  {
    name: 'a step is taken though a pod that exists is not heard',
    file: 'size-rule.ts',
    find: 'const isAll = heard.length + 1 >= existing;',
    replace: 'const isAll = true;',
    scenario,
  },
  {
    name: 'a pod that has forgotten all believes the StatefulSet',
    file: 'size-rule.ts',
    find: "if (ordinal !== 0) return { kind: 'wait', why: 'no other pod has told by how many it counts' };",
    replace: "if (heard.length >= 0) return { kind: 'step', to: wanted };",
    scenario,
  },
];

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
    name: 'a step is taken though a pod has not taken the one before it',
    file: 'size-rule.ts',
    find: 'const other = heard.find((one) => one.replicas !== replicas);',
    replace: 'const other = heard.find(() => replicas < 0);',
    scenario,
  },
  {
    name: 'a renewal of before the step can not be told from one of after it',
    file: 'resize.ts',
    find: 'const term = asTerm(Math.max(role.term, turn.state.term) + 1);',
    replace: 'const term = asTerm(role.term);',
    scenario,
  },
  {
    name: 'a pod that has forgotten all believes the StatefulSet',
    file: 'size-rule.ts',
    find: "if (ordinal !== 0) return { kind: 'wait', why: 'no other pod has told by how many it counts' };",
    replace: "if (heard.length >= 0) return { kind: 'step', to: wanted };",
    scenario,
  },
  {
    name: 'nobody waits until those that stay have the data',
    file: 'resize.ts',
    find: 'return behind === undefined ? null : `${behind} has not caught up`;',
    replace: 'return behind === "" ? behind : null;',
    scenario,
  },
];

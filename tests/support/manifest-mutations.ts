import { fenceMutations } from './mutations/fence.ts';
import { flagMutations } from './mutations/flags.ts';
import { kubernetesApiMutations } from './mutations/kubernetes-api.ts';
import { lifecycleMutations } from './mutations/lifecycle.ts';
import type { Mutations } from './mutations/mutation.ts';
import { networkMutations } from './mutations/network.ts';
import { podMutations } from './mutations/pod.ts';

/** For each check, the mistakes that it has to notice. */
export const mutations: Mutations = {
  ...flagMutations,
  ...networkMutations,
  ...fenceMutations,
  ...podMutations,
  ...lifecycleMutations,
  ...kubernetesApiMutations,
};

import { type Checks } from './checks/complaints.ts';
import { fenceChecks } from './checks/fence.ts';
import { flagChecks } from './checks/flags.ts';
import { kubernetesApiChecks } from './checks/kubernetes-api.ts';
import { lifecycleChecks } from './checks/lifecycle.ts';
import { networkChecks } from './checks/network.ts';
import { podChecks } from './checks/pod.ts';
import type { Manifest } from './kubernetes-schemas.ts';
import { findRedisSets } from './redis-set.ts';

/** What the schemas cannot tell. */
export const checks: Checks = {
  ...flagChecks,
  ...networkChecks,
  ...fenceChecks,
  ...podChecks,
  ...lifecycleChecks,
  ...kubernetesApiChecks,
};

/** All complaints about these objects, each as `check: complaint`. The objects have to fit their schemas already. */
export function checkManifests(objects: readonly Manifest[]): string[] {
  const { sets, complaints } = findRedisSets(objects);
  return [
    ...complaints.map((complaint) => `parts: ${complaint}`),
    ...sets.flatMap((set) =>
      Object.entries(checks).flatMap(([name, check]) => check(set).map((complaint) => `${name}: ${complaint}`)),
    ),
  ];
}

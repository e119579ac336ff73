import type { Pod } from '@sentinel-micro/testkit';
import type { Bed } from './bed.ts';

/** As long as the manifests give a pod to stop. */
const GRACE_MS = 30_000;

/** What the StatefulSet controller does to one pod when the template has changed. */
export async function replacePod(bed: Bed, pod: Pod): Promise<void> {
  await bed.fault(`${pod.name} is told to stop`, () => pod.stop({ graceMs: GRACE_MS }));
  await bed.fault(`${pod.name} is made anew`, () => pod.recreate());
}

import { nowMs, type Pod } from '@sentinel-micro/testkit';
import type { Bed } from '../bed.ts';
import { replacePod } from '../replace-pod.ts';
import type { Scenario } from '../scenario.ts';
import { GRANT_MS } from '../timings.ts';

/** `minReadySeconds` of the manifests: whatever a pod has become by then, the next one is replaced. */
const MIN_READY_MS = 10_000;
const POLL_MS = 50;
/** Longer than that, and the lease was not handed over: it ran out, or nobody had the votes for it. */
const LONGEST_GAP_MS = GRANT_MS;

/** Its sidecar votes, and its Redis is master or attached to one. */
async function isReady(pod: Pod): Promise<boolean> {
  try {
    const { mutedForMs } = (await pod.peerStatus()).raw as { mutedForMs?: number };
    const { role, linkUp } = await pod.role();
    return mutedForMs === 0 && (role === 'master' || linkUp === true);
  } catch {
    return false;
  }
}

/** Waits until it is ready; the StatefulSet controller would not wait for more than this. */
async function waitForReady(bed: Bed, pod: Pod): Promise<void> {
  const untilMs = nowMs() + MIN_READY_MS;
  while (nowMs() < untilMs) {
    if (await isReady(pod)) {
      bed.note(`${pod.name} is ready`);
      return;
    }
    await bed.sleep(POLL_MS);
  }
  bed.note(`${pod.name} is not ready after ${MIN_READY_MS} ms: going on all the same`);
}

/** Replaces these pods, the last first: they get the new number as they are made anew. */
async function roll(bed: Bed, pods: readonly Pod[]): Promise<void> {
  for (const pod of [...pods].reverse()) {
    await replacePod(bed, pod);
    await waitForReady(bed, pod);
    await bed.letClientsLook();
  }
}

async function growTo(bed: Bed, replicas: number): Promise<void> {
  const before = [...bed.cluster.pods];
  bed.cluster.setReplicas(replicas);
  const pod = bed.addPod();
  await bed.fault(`the set is to have ${replicas} pods: ${pod.name} is new`, () => pod.start());
  await waitForReady(bed, pod);
  await roll(bed, before);
  await bed.settled();
}

async function shrinkTo(bed: Bed, replicas: number): Promise<void> {
  bed.cluster.setReplicas(replicas);
  const last = bed.cluster.pods.at(-1) as Pod;
  // The pods that stay come first (docs/OPERATIONS.md): one that goes and one that restarts would be too many at once.
  bed.note(`the set is to have ${replicas} pods`);
  await roll(bed, bed.cluster.podsExcept(last));
  await bed.fault(`${last.name} is told to stop`, () => last.stop());
  bed.cluster.removePod();
  await bed.settled();
  await bed.letClientsLook();
}

/** The longest time in which nobody took writes. The clients know only later: they have to learn new addresses. */
function longestGapMs({ prober, faultAtMs = 0 }: Bed): number {
  const accepted = prober.probes.filter((probe) => probe.accepted && probe.sentAtMs >= faultAtMs);
  const moments = accepted.map(({ answeredAtMs }) => answeredAtMs).sort((a, b) => a - b);
  return Math.max(0, ...moments.slice(1).map((moment, n) => moment - (moments[n] ?? moment)));
}

const scale: Scenario = {
  name: 'scale-3-5-3',
  family: 'change',
  what: 'The number of replicas is changed to one more, twice, and back; each time all pods are replaced, one by one.',
  expect: { isLossless: true },
  async run(bed) {
    const { length } = bed.cluster.pods;
    for (const replicas of [length + 1, length + 2]) await growTo(bed, replicas);
    for (const replicas of [length + 1, length]) await shrinkTo(bed, replicas);
    const gapMs = longestGapMs(bed);
    bed.note(`the longest time in which no Redis took writes was ${gapMs.toFixed(0)} ms`);
    bed.check(gapMs < LONGEST_GAP_MS, `no Redis took writes for ${gapMs.toFixed(0)} ms: there was no quorum`);
  },
};

export const scaling: readonly Scenario[] = [scale];

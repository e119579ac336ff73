// L1, S3: pods that are told to go lose nothing, and nobody has to wait for a lease to run out.
import { describe, test } from '@jest/globals';
import type { Cluster, Pod } from '@sentinel-micro/testkit';
import { settled, shareSet } from './cluster-helpers.ts';
import { Load } from './cluster-load.ts';

let cluster: Cluster;
shareSet({}, (started) => (cluster = started));

/**
 * What a StatefulSet's controller does to one pod. It goes on when the set is whole, and the new sidecar votes: for lease + guard after
 * its start it does not (in the example `minReadySeconds` sees to it).
 */
async function replace(pod: Pod, sidecarLast: boolean): Promise<void> {
  await pod.stop({ sidecarLast });
  // Applications find the sidecars by the name of a Service; these writers know addresses only.
  await pod.recreate({ sameIp: true });
  await settled(cluster);
}

describe.each([
  ['a classic sidecar: both containers are told at once', false],
  ['a native sidecar: it is told when Redis has ended', true],
])('%s', (_title, sidecarLast) => {
  // Fails when the sidecar ends without handing over, or releases its lease before its Redis is fenced.
  test('a rolling restart under ten writers, and the master goes last, once more', async () => {
    await settled(cluster);
    const load = new Load(cluster, String(sidecarLast));
    for (const pod of [...cluster.pods].reverse()) await replace(pod, sidecarLast);
    await replace((await settled(cluster)).master, sidecarLast);
    await load.expectUnharmed();
  }, 120_000);
});

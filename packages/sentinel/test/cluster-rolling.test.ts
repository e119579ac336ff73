// L1, S3: pods that are told to go lose nothing, and nobody has to wait for a lease to run out.
import { describe, expect, test } from '@jest/globals';
import { checkHistory, nowMs, type Cluster, type Pod } from '@sentinel-micro/testkit';
import { LEASE_MS, settled, shareSet, startWriter, untilTrue } from './cluster-helpers.ts';

const WRITERS = 10;

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
  await untilTrue('all sidecars to vote', async () => {
    const statuses = await Promise.all(cluster.pods.map((each) => each.peerStatus()));
    return statuses.every(({ raw }) => raw['mutedForMs'] === 0);
  });
}

describe.each([
  ['a classic sidecar: both containers are told at once', false],
  ['a native sidecar: it is told when Redis has ended', true],
])('%s', (_title, sidecarLast) => {
  // Fails when the sidecar ends without handing over, or releases its lease before its Redis is fenced.
  test('a rolling restart under ten writers, and the master goes last, once more', async () => {
    await settled(cluster);
    const startedAtMs = nowMs();
    const writers = Array.from({ length: WRITERS }, (_value, index) =>
      startWriter(cluster, { keyPrefix: `writer-${String(sidecarLast)}-${String(index)}`, intervalMs: 5 }),
    );
    for (const pod of [...cluster.pods].reverse()) await replace(pod, sidecarLast);
    await replace((await settled(cluster)).master, sidecarLast);
    const endedAtMs = nowMs();
    const histories = await Promise.all(writers.map((writer) => writer.stop()));
    const { master } = await settled(cluster);
    for (const history of histories) {
      const report = await checkHistory(history, master.redisTarget);
      expect(report).toMatchObject({ lostAcknowledged: 0, refusedButPresent: 0 });
      expect(report.acknowledged).toBeGreaterThan(0);
      expect(history.longestGapMs(startedAtMs, endedAtMs)).toBeLessThan(LEASE_MS);
    }
  }, 120_000);
});

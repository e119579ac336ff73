// L1, S3: the pod that is scaled in is the master. It goes for good, and the set is whole without it.
import { describe, expect, test } from '@jest/globals';
import type { Cluster, Pod } from '@sentinel-micro/testkit';
import { runSwitchover } from '../src/control/order.ts';
import { runStatus } from '../src/status.ts';
import { runCommand } from './cluster-commands.ts';
import { PATIENCE_MS, settled, shareSet, untilTrue } from './cluster-helpers.ts';
import { Load } from './cluster-load.ts';

let cluster: Cluster;

async function moveMasterTo(pod: Pod): Promise<void> {
  const { master } = await settled(cluster);
  if (master !== pod) expect(await runCommand(cluster, runSwitchover, { to: pod.name })).toMatchObject({ exitCode: 0 });
  expect((await settled(cluster)).master).toBe(pod);
}

/** The one that a StatefulSet's controller takes. */
function lastPod(): Pod {
  return cluster.pods.at(-1) as Pod;
}

/** Its containers are told to end, and the controller does not make it anew. */
async function scaleIn(sidecarLast: boolean): Promise<void> {
  await lastPod().stop({ sidecarLast });
  cluster.removePod();
}

describe('kubectl scale, and --replicas stays', () => {
  shareSet({ pods: 5 }, (started) => (cluster = started));

  // Fails when the sidecar ends without handing over, or when those who stay wait for the one that is gone.
  test.each([
    ['five pods become four: a classic sidecar, both containers are told at once', false],
    // All that are left are needed for a quorum now.
    ['four pods become three: a native sidecar, it is told when Redis has ended', true],
  ])(
    '%s, under ten writers',
    async (title, sidecarLast) => {
      const leaving = lastPod();
      await moveMasterTo(leaving);
      const load = new Load(cluster, title);
      await load.isOn();
      await scaleIn(sidecarLast);
      expect((await settled(cluster)).master).not.toBe(leaving);
      await load.expectUnharmed();
      // Whole as far as it goes: a pod of the five that are counted is missing.
      const { exitCode, stderr } = await runCommand(cluster, runStatus);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining(leaving.name)]);
    },
    60_000,
  );
});

describe('as the runbook says', () => {
  shareSet({ pods: 4 }, (started) => (cluster = started));

  /** With the new number. The set is not settled as long as its pods do not all count the same. */
  async function replace(pod: Pod): Promise<void> {
    await pod.stop();
    await pod.recreate({ sameIp: true });
    await cluster.waitForHealthy({ timeoutMs: PATIENCE_MS });
    await untilTrue('all sidecars to vote', async () => {
      const statuses = await Promise.all(cluster.pods.map((each) => each.peerStatus()));
      return statuses.every(({ raw }) => raw['mutedForMs'] === 0);
    });
  }

  test('four pods become three under ten writers: the master moves to one that stays, which learn the number first', async () => {
    await moveMasterTo(lastPod());
    const load = new Load(cluster, 'four');
    await load.isOn();
    const staying = cluster.podsExcept(lastPod());
    await moveMasterTo(staying[0] as Pod);
    cluster.setReplicas(3);
    for (const pod of [...staying].reverse()) await replace(pod);
    await scaleIn(false);
    await settled(cluster);
    await load.expectUnharmed();
    expect(await runCommand(cluster, runStatus)).toMatchObject({ exitCode: 0, stderr: '' });
  }, 60_000);
});

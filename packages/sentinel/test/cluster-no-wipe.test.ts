// S4: nobody's data is ever replaced by that of a Redis that came back empty.
import { expect, test } from '@jest/globals';
import { keysOf, logged, restartRedis, sleep, type Cluster, type Pod } from '@sentinel-micro/testkit';
import { PATIENCE_MS, infoNumber, settled, shareSet, untilTrue, watchKeys } from './cluster-helpers.ts';

const KEYS = 2000;

let cluster: Cluster;
shareSet({ keys: KEYS }, (started) => (cluster = started));

test('the master is killed and back at once, empty: no replica loses a key, and only the empty one is synced anew', async () => {
  const { master, replicas } = await settled(cluster);
  const syncsBefore = await Promise.all(replicas.map((pod) => infoNumber(pod, 'stats', 'sync_full')));
  const watch = watchKeys(replicas);
  await restartRedis(master, 'emptied');
  const next = await cluster.waitForHealthy({ otherThan: master, timeoutMs: PATIENCE_MS });
  const counted = await watch.stop();
  expect(counted.lowest).toBe(KEYS);
  expect(counted.counts).toBeGreaterThan(10);
  const syncs = await Promise.all(replicas.map((pod) => infoNumber(pod, 'stats', 'sync_full')));
  expect(syncs.map((count, index) => count - syncsBefore[index]!).sort()).toEqual([0, 1]);
  expect(await keysOf(master)).toBe(KEYS);
  expect(replicas).toContain(next.master);
}, 60_000);

// Fails when the holder promotes its own Redis again whatever process it is.
test('its sidecar does not even notice the end of the old process: it does not promote the new, empty one', async () => {
  const { master, replicas } = await settled(cluster);
  const watch = watchKeys(replicas);
  // Half a lease: too short for anybody else to act.
  master.pauseSidecar();
  await restartRedis(master, 'emptied');
  master.resumeSidecar();
  await cluster.waitForHealthy({ otherThan: master, timeoutMs: PATIENCE_MS });
  expect(await watch.stop()).toMatchObject({ lowest: KEYS });
  expect(await keysOf(master)).toBe(KEYS);
}, 60_000);

// Fails when the rendered configuration lets Redis start as a master.
test('no sidecar is there to step in: the empty one has started as a replica of nobody, and feeds nobody', async () => {
  const { master, replicas } = await settled(cluster);
  const watch = watchKeys(replicas);
  for (const pod of cluster.pods) pod.pauseSidecar();
  await restartRedis(master, 'emptied');
  // Once a second a replica tries again to connect to the master that it was told of.
  await sleep(2500);
  for (const pod of cluster.pods) pod.resumeSidecar();
  await settled(cluster);
  expect(await watch.stop()).toMatchObject({ lowest: KEYS });
  expect(await keysOf(master)).toBe(KEYS);
}, 60_000);

// Fails when whatever a pod has counts as data.
test('master and one replica come back empty together: the one pod that has kept its data becomes master', async () => {
  const { master, replicas } = await settled(cluster);
  const [lucky, unlucky] = replicas as [Pod, Pod];
  const warnedBefore = logged(cluster.pods, 'data-at-risk').length;
  const watch = watchKeys([lucky]);
  await Promise.all([restartRedis(master, 'emptied'), restartRedis(unlucky, 'emptied')]);
  const after = await cluster.waitForHealthy({ timeoutMs: PATIENCE_MS });
  expect(after.master.name).toBe(lucky.name);
  expect(await watch.stop()).toMatchObject({ lowest: KEYS });
  expect(await Promise.all(cluster.pods.map(keysOf))).toEqual([KEYS, KEYS, KEYS]);
  // Two pods have lost their data, so they are no part of the quorum that has it: that is said aloud.
  const warned = logged(cluster.pods, 'data-at-risk').length;
  expect(warned).toBeGreaterThan(warnedBefore);
}, 60_000);

test('both replicas come back empty: the master goes on, and they are synced from it', async () => {
  const { master, replicas, term } = await settled(cluster);
  const watch = watchKeys([master]);
  await Promise.all(replicas.map((pod) => restartRedis(pod, 'emptied')));
  await untilTrue('both to be in step again', async () => {
    const counts = await Promise.all(replicas.map(keysOf));
    return counts.every((count) => count === KEYS);
  });
  const after = await settled(cluster);
  expect(await watch.stop()).toMatchObject({ lowest: KEYS });
  expect({ master: after.master.name, term: after.term }).toEqual({ master: master.name, term });
}, 60_000);

// L1: a quorum of healthy pods always ends up with exactly one master.
import { expect, test } from '@jest/globals';
import { keysOf, sleep, type Cluster, type Pod } from '@sentinel-micro/testkit';
import { DATA_WAIT_MS, LEASE_MS, settled, shareSet, untilTrue, watchKeys } from './cluster-helpers.ts';
import { startProber } from './cluster-prober.ts';

const KEYS = 500;

let cluster: Cluster;
// Data on disk, so that a set that was stopped as a whole has something to come back with.
shareSet({ baseConfig: ['appendonly yes', 'appendfsync always'], keys: KEYS }, (started) => (cluster = started));

async function expectAllKeys(): Promise<void> {
  expect(await Promise.all(cluster.pods.map(keysOf))).toEqual(cluster.pods.map(() => KEYS));
}

// Fails when the holder leaves its own Redis as it is when somebody has made it a replica.
test('no master left: all are made replicas of nobody by hand', async () => {
  await settled(cluster);
  await Promise.all(cluster.pods.map((pod) => pod.command('REPLICAOF', '127.0.0.1', 1)));
  await settled(cluster);
  await expectAllKeys();
}, 60_000);

test('a ring: everybody is made a replica of the next one by hand', async () => {
  await settled(cluster);
  const { redisPort } = cluster.settings;
  await Promise.all(
    cluster.pods.map((pod, index) => pod.command('REPLICAOF', cluster.pod((index + 1) % 3).ip, redisPort)),
  );
  await settled(cluster);
  await expectAllKeys();
}, 60_000);

test('everybody, the master too, is made a replica of one replica by hand', async () => {
  const { master, replicas } = await settled(cluster);
  const [chosen, third] = replicas as [Pod, Pod];
  await Promise.all([master, third].map((pod) => pod.command('REPLICAOF', chosen.ip, cluster.settings.redisPort)));
  await settled(cluster);
  await expectAllKeys();
}, 60_000);

// Fails when a replica that follows somebody else than the master is not repointed.
test('a chain: a replica is made a replica of the other one by hand, and is put back', async () => {
  const { master, replicas, term } = await settled(cluster);
  const [first, second] = replicas as [Pod, Pod];
  await second.command('REPLICAOF', first.ip, cluster.settings.redisPort);
  await untilTrue('it to follow the master again', async () => (await second.role()).masterHost === master.ip);
  const after = await settled(cluster);
  expect({ master: after.master.name, term: after.term }).toEqual({ master: master.name, term });
  await expectAllKeys();
}, 60_000);

// Fails when one grant is enough for a lease.
test('master and one replica are gone, pods and all: the last one serves reads only, until another pod is back', async () => {
  const { master, replicas } = await settled(cluster);
  const [last, second] = replicas as [Pod, Pod];
  const watch = watchKeys([last]);
  const prober = startProber([last]);
  await Promise.all([master.delete(), second.delete()]);
  // Longer than it takes to win a lease and to wait for the data of others.
  await sleep(2 * LEASE_MS + DATA_WAIT_MS + 1000);
  expect(await last.command('GET', 'key:0')).toBe('value of key:0');
  expect((await last.role()).role).toBe('replica');
  await prober.stop();
  expect(prober.firstAccepted(last)).toBeUndefined();

  await second.recreate();
  await cluster.waitForHealthy({ pods: [last, second] });
  expect((await last.role()).role).toBe('master');
  expect(await watch.stop()).toMatchObject({ lowest: KEYS });
  await master.recreate();
  await settled(cluster);
  await expectAllKeys();
}, 60_000);

test('everything is stopped, and started again at once with its data: one master, and all keys', async () => {
  await settled(cluster);
  await Promise.all(cluster.pods.map((pod) => pod.delete({ keepData: true })));
  await Promise.all(cluster.pods.map((pod) => pod.recreate({ keepData: true })));
  await settled(cluster);
  await expectAllKeys();
}, 60_000);

test('everything is stopped, and started again at once without any data: one master', async () => {
  await settled(cluster);
  await Promise.all(cluster.pods.map((pod) => pod.delete()));
  await Promise.all(cluster.pods.map((pod) => pod.recreate()));
  const { master } = await settled(cluster);
  expect(await master.command('SET', 'works', 1)).toBe('OK');
}, 60_000);

// S5: Redis and sidecars of another cluster, at an address that was one of ours, are never followed, counted or obeyed.
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  Cluster,
  Pod,
  FOREIGN_KEYS,
  foreignMessages,
  keysOf,
  logged,
  sentinelMicro,
  sleep,
  startForeignRedis,
  syncsServedBy,
  type ClusterOptions,
  type RedisProcess,
} from '@sentinel-micro/testkit';
import { LEASE_MS, fill, settled, startSet, stopAll, untilTrue, watchKeys } from './cluster-helpers.ts';

const KEYS = 500;

let cluster: Cluster;
/** The other cluster's DNS and settings; wrong DNS makes it think that our pods are its own. */
let other: Cluster;
const strangers: { end: () => Promise<unknown> }[] = [];

async function startBoth(options: ClusterOptions = {}): Promise<void> {
  cluster = await startSet(options);
  await fill(cluster, (await settled(cluster)).master, KEYS);
  other = await Cluster.start({ namespace: 'other', pods: 1, startPods: false, ...options });
}

/** A Redis of somebody else at this address: a master with data of its own. */
async function foreignRedis(ip: string, password?: string): Promise<RedisProcess> {
  const { tools, redisPort: port } = cluster.settings;
  const dir = join(other.dir, `foreign-${ip}`);
  const redis = await startForeignRedis({ tool: tools.redisServer, host: ip, port, dir, password });
  strangers.push({ end: () => redis.killAndWait() });
  return redis;
}

/** A whole pod of the other cluster, sidecar included, at this address. It has the name of one of our pods. */
async function foreignPod(name: string, ip: string): Promise<Pod> {
  await other.dns.setPods([
    ...cluster.pods.filter((pod) => pod.exists).map((pod) => ({ name: pod.name, ip: pod.ip })),
    { name, ip },
  ]);
  const pod = new Pod(name, join(other.dir, name), other.settings, {
    program: sentinelMicro,
    settle: () => Promise.resolve({ ip, host: undefined }),
    leave: () => Promise.resolve(),
    publish: () => Promise.resolve(),
    otherSidecars: () => [],
  });
  strangers.push({ end: () => pod.delete() });
  await pod.start();
  return pod;
}

/** Takes a pod away but leaves its name and address in DNS, as a slow DNS would. */
async function deleteWithStaleDns(pod: Pod): Promise<string> {
  const { ip, name } = pod;
  await pod.delete();
  await cluster.dns.setPod({ name, ip });
  return ip;
}

/** The master's pod is gone, and at once somebody else's Redis answers at its address. */
async function takeOverTheMastersAddress(password?: string): Promise<void> {
  const { master, replicas } = await settled(cluster);
  const watch = watchKeys(replicas);
  const stranger = await foreignRedis(await deleteWithStaleDns(master), password);
  const next = await cluster.waitForHealthy({ pods: replicas });
  await sleep(LEASE_MS);
  expect(await watch.stop()).toMatchObject({ lowest: KEYS });
  expect(await syncsServedBy(stranger)).toBe(0);
  expect(await keysOf(stranger)).toBe(FOREIGN_KEYS);
  expect(replicas).toContain(next.master);
  await stranger.killAndWait();
  await master.recreate();
  await settled(cluster);
}

afterEach(async () => {
  for (const stranger of strangers.splice(0)) await stranger.end();
});

function stopBoth(): Promise<void> {
  return stopAll(cluster, other);
}

describe('a set without a password', () => {
  beforeAll(() => startBoth(), 60_000);
  afterAll(stopBoth);

  // Fails when sidecars do not compare their clusters when they meet.
  test("a replica's address now belongs to a pod of another cluster: it is left alone, and so are we", async () => {
    const { master, replicas, term } = await settled(cluster);
    const [gone, left] = replicas as [Pod, Pod];
    const ip = await deleteWithStaleDns(gone);
    const stranger = await foreignPod('redis-0', ip);
    await untilTrue('the stranger to be master of its own set', async () => (await stranger.role()).role === 'master');
    await stranger.command('SET', 'foreign', 1);
    await untilTrue('our sidecars to have met it', () =>
      [master, left].every((pod) => logged([pod], 'peer').some((line) => String(line['message']).includes(ip))),
    );
    await sleep(LEASE_MS);
    expect(await keysOf(stranger)).toBe(1);
    expect(await stranger.role()).toMatchObject({ role: 'master', replicas: [] });
    expect((await stranger.peerStatus()).term).toBe(1);
    expect(await Promise.all([keysOf(master), keysOf(left)])).toEqual([KEYS, KEYS]);
    expect(await master.role()).toMatchObject({ role: 'master', replicas: [{ ip: left.ip }] });
    expect(await cluster.newestTerm()).toBe(term);
    await stranger.delete();
    await gone.recreate();
    await settled(cluster);
  }, 60_000);

  // Fails when requests are taken from any cluster.
  test('messages of another cluster are refused and counted, and change nothing', async () => {
    const { master, replicas, term } = await settled(cluster);
    const [voter] = replicas as [Pod, Pod];
    const before = Number((await voter.peerStatus()).raw['refusedMessages']);
    const messages = foreignMessages(master.name, '127.0.0.9');
    for (const message of messages) {
      const answer = String(await voter.sidecarCommand('PEER', message.type, JSON.stringify(message)));
      expect(JSON.parse(answer)).toMatchObject({ type: 'refused', reason: 'other-cluster' });
    }
    const after = await settled(cluster);
    expect({ master: after.master.name, term: after.term }).toEqual({ master: master.name, term });
    expect((await voter.peerStatus()).raw['refusedMessages']).toBe(before + messages.length);
  }, 60_000);

  // Fails when a replica whose link is down stays with a master whose sidecar is silent.
  // No password keeps Redis itself from connecting again to whoever answers there.
  test("the dead master's address now belongs to the Redis of another cluster: its replicas do not take its data", async () => {
    await takeOverTheMastersAddress();
  }, 60_000);
});

describe('a set without a password, whose master has moved', () => {
  beforeAll(() => startBoth(), 60_000);
  afterAll(stopBoth);

  // Fails when the sidecar leaves the master's address in the rendered config: it is as old as the pod.
  test("a Redis restarts alone when the address that it was started with is somebody else's: it waits for its sidecar", async () => {
    const { master, replicas } = await settled(cluster);
    const [late] = replicas as [Pod, Pod];
    await late.recreate();
    await settled(cluster);
    const stranger = await foreignRedis(await deleteWithStaleDns(master));
    await cluster.waitForHealthy({ pods: replicas, otherThan: master });
    // Frozen, or it might have been just quick enough.
    late.pauseSidecar();
    await late.stopRedis(0);
    await late.startRedis();
    await sleep(1500);
    expect(await late.role()).toMatchObject({ role: 'replica', masterHost: '127.0.0.1' });
    expect(await syncsServedBy(stranger)).toBe(0);
    late.resumeSidecar();
    await cluster.waitForHealthy({ pods: replicas });
    await stranger.killAndWait();
  }, 60_000);
});

describe('a set with a password', () => {
  beforeAll(() => startBoth({ password: 'our-secret' }), 60_000);
  afterAll(stopBoth);

  test("the dead master's address now belongs to a Redis without a password", async () => {
    await takeOverTheMastersAddress();
  }, 60_000);

  test("the dead master's address now belongs to a Redis with another password", async () => {
    await takeOverTheMastersAddress('their-secret');
  }, 60_000);
});

// S2: a master that cannot reach a quorum refuses writes before anybody else can be promoted.
// S3: a write that WAIT has confirmed survives.
import { expect, test } from '@jest/globals';
import { keysOf, nowMs, sleep, type Cluster } from '@sentinel-micro/testkit';
import {
  FENCE_MS,
  LEASE_MS,
  PATIENCE_MS,
  SLACK_MS,
  WAIT_FOR_QUORUM,
  readBack,
  settled,
  shareSet,
  startWriter,
  untilTrue,
} from './cluster-helpers.ts';
import { startProber } from './cluster-prober.ts';

const KEYS = 500;

let cluster: Cluster;
shareSet({ keys: KEYS }, (started) => (cluster = started));

// Fails when the lease is not checked before each decision; fails when one grant is enough for a lease.
test('with both other sidecars stopped the master refuses writes when its lease is over; nobody else takes any', async () => {
  const { master, replicas } = await settled(cluster);
  const prober = startProber(cluster.pods);
  await untilTrue('the master to take writes', () => prober.isTaking(master));
  for (const replica of replicas) replica.pauseSidecar();
  const cutOffMs = nowMs();
  // All three Redis are well and connected, so it is for the lease alone that writes are refused.
  await untilTrue('the master to refuse writes', () => prober.isRefusing(master));
  const refusedMs = nowMs();
  await sleep(LEASE_MS);
  expect(prober.lastAccepted(master)!.answeredAtMs - cutOffMs).toBeLessThan(LEASE_MS + FENCE_MS + SLACK_MS);
  expect(cluster.pods.filter((pod) => prober.firstAccepted(pod, refusedMs) !== undefined)).toEqual([]);
  expect((await cluster.redisRoles()).map(({ role }) => role?.role)).not.toContain('master');

  for (const replica of replicas) replica.resumeSidecar();
  const again = await settled(cluster);
  await untilTrue('writes to be taken again', () => prober.isTaking(again.master));
  await prober.stop();
  expect(prober.doubles()).toBe('');
  expect(await Promise.all(cluster.pods.map(keysOf))).toEqual([KEYS, KEYS, KEYS]);
}, 60_000);

// Fails when the lease is not checked before each decision; fails when one grant is enough for a lease.
test('with both other sidecars killed it refuses writes just as well, until one of them is back', async () => {
  const { master, replicas } = await settled(cluster);
  const prober = startProber(cluster.pods);
  await untilTrue('the master to take writes', () => prober.isTaking(master));
  for (const replica of replicas) replica.killSidecar();
  const cutOffMs = nowMs();
  await untilTrue('the master to refuse writes', () => prober.isRefusing(master));
  expect(prober.lastAccepted(master)!.answeredAtMs - cutOffMs).toBeLessThan(LEASE_MS + FENCE_MS + SLACK_MS);

  // The sidecar that starts has forgotten what it promised: it votes only when all of that has run out.
  await replicas[0]!.startSidecar();
  await untilTrue('writes to be taken again', () => cluster.pods.some((pod) => prober.isTaking(pod)));
  await replicas[1]!.startSidecar();
  await settled(cluster);
  await prober.stop();
  expect(prober.doubles()).toBe('');
  expect(await Promise.all(cluster.pods.map(keysOf))).toEqual([KEYS, KEYS, KEYS]);
}, 60_000);

test('three masters in a row are killed: no write that WAIT has confirmed is missing', async () => {
  await settled(cluster);
  const writer = startWriter(cluster, { wait: WAIT_FOR_QUORUM });
  for (let round = 0; round < 3; round++) {
    const { master } = await settled(cluster);
    await writer.waitForSuccess(PATIENCE_MS);
    await sleep(300);
    master.killRedis();
    await cluster.waitForMasterOtherThan(master);
    await writer.waitForSuccess(PATIENCE_MS);
    await master.startRedis();
  }
  const report = await readBack(cluster, writer);
  expect(report).toMatchObject({ lostConfirmed: 0, refusedButPresent: 0 });
  expect(report.confirmed).toBeGreaterThan(100);
}, 60_000);

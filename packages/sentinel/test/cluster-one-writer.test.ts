// S1: at any time at most one Redis takes writes. A prober asks all of them every few milliseconds.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { nowMs, restartSidecar, sleep, type Cluster } from '@sentinel-micro/testkit';
import {
  PATIENCE_MS,
  WAIT_FOR_QUORUM,
  readBack,
  settled,
  shareSet,
  startWriter,
  untilTrue,
} from './cluster-helpers.ts';
import { BurstOfWrites, startProber } from './cluster-prober.ts';

/**
 * A Redis that wakes up has its order to stop in its queue, together with the writes that have piled up there: those
 * that it reads first are taken. It must not take long; with milliseconds to be expected, this is for slow machines.
 */
const WAKE_UP_OVERLAP_MS = 1000;

const BURST = 200;

/** SIGSTOP takes effect a moment after it was sent. */
function isStopped(pid: number): boolean {
  return /^\d+ \(.*\) T/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

let cluster: Cluster;
shareSet({}, (started) => (cluster = started));

test('the master is killed: the next one takes writes only after it', async () => {
  const { master } = await settled(cluster);
  const prober = startProber(cluster.pods);
  await untilTrue('the master to take writes', () => prober.isTaking(master));
  master.killRedis();
  const next = await cluster.waitForMasterOtherThan(master);
  await untilTrue('the next master to take writes', () => prober.isTaking(next.master));
  await master.startRedis();
  await settled(cluster);
  await prober.stop();
  expect(prober.doubles()).toBe('');
  expect(prober.lastAccepted(master)!.answeredAtMs).toBeLessThan(prober.firstAccepted(next.master)!.answeredAtMs);
}, 60_000);

// Fails when a hung Redis is not ordered to stop, or its clients are not cut in the same go.
test('the master is stopped and wakes up after somebody else has become master: it is a replica at once', async () => {
  const { master } = await settled(cluster);
  const writer = startWriter(cluster, { wait: WAIT_FOR_QUORUM });
  await writer.waitForSuccess(PATIENCE_MS);
  const prober = startProber(cluster.pods);
  await untilTrue('the master to take writes', () => prober.isTaking(master));
  // One burst lies in front of the sidecar's order to stop, the other one behind it.
  const [early, late] = [await BurstOfWrites.connect(master), await BurstOfWrites.connect(master)];
  master.pauseRedis();
  await untilTrue('the master to be stopped', () => isStopped(master.redisPid!));
  early.send('early', BURST);
  const next = await cluster.waitForMasterOtherThan(master);
  await untilTrue('the next master to take writes', () => prober.isTaking(next.master));
  await writer.waitForSuccess(PATIENCE_MS);
  late.send('late', BURST);
  master.resumeRedis();
  const resumedMs = nowMs();
  await cluster.waitForHealthy({ timeoutMs: PATIENCE_MS, otherThan: master });
  await untilTrue('the old master to refuse writes', () => prober.isRefusing(master));
  await prober.stop();
  expect(prober.overlapMs()).toBeLessThan(WAKE_UP_OVERLAP_MS);
  expect(prober.lastAccepted(master, resumedMs + WAKE_UP_OVERLAP_MS)).toBeUndefined();
  // Whatever it had acknowledged of the two would be lost by now.
  expect([await early.answers(), await late.answers()].map(({ OK }) => OK ?? 0)).toEqual([0, 0]);
  expect(await readBack(cluster, writer)).toMatchObject({ lostConfirmed: 0, refusedButPresent: 0 });
}, 60_000);

test('the sidecar of the master is killed: another pod takes over without losing an acknowledged write', async () => {
  const { master } = await settled(cluster);
  // Without WAIT: what Redis has acknowledged counts. Several of them, so that there is always a write on its way.
  const writers = Array.from({ length: 6 }, (_, n) => startWriter(cluster, { intervalMs: 0, keyPrefix: `writer${n}` }));
  await Promise.all(writers.map((writer) => writer.waitForSuccess(PATIENCE_MS)));
  const prober = startProber(cluster.pods);
  master.killSidecar();
  const next = await cluster.waitForMasterOtherThan(master);
  await untilTrue('the next master to take writes', () => prober.isTaking(next.master));
  await Promise.all(writers.map((writer) => writer.waitForSuccess(PATIENCE_MS)));
  await cluster.waitForHealthy();
  await prober.stop();
  await master.startSidecar();
  const reports = await Promise.all(writers.map((writer) => readBack(cluster, writer)));
  expect(prober.doubles()).toBe('');
  for (const report of reports) expect(report).toMatchObject({ lostAcknowledged: 0, refusedButPresent: 0 });
}, 60_000);

test('the sidecars of both replicas are killed one after the other and come back: the master alone takes writes', async () => {
  const { master, replicas } = await settled(cluster);
  const prober = startProber(cluster.pods);
  for (const replica of replicas) {
    await restartSidecar(replica, 300);
    await settled(cluster);
  }
  await prober.stop();
  expect(prober.probes.filter(({ pod, accepted }) => pod !== master && accepted)).toEqual([]);
  expect(prober.of(master).filter(({ accepted }) => !accepted)).toEqual([]);
}, 60_000);

// Fails when a master without a lease is not demoted.
test('somebody makes a replica a second master by hand: it takes no write, and is a replica again', async () => {
  const { master, replicas, term } = await settled(cluster);
  const prober = startProber(cluster.pods);
  await untilTrue('the master to take writes', () => prober.isTaking(master));
  await replicas[0]!.command('REPLICAOF', 'NO', 'ONE');
  await untilTrue('a refusal of the second master', () =>
    prober.of(replicas[0]!).some((p) => p.answer === 'NOREPLICAS'),
  );
  await sleep(300);
  const after = await settled(cluster);
  await prober.stop();
  expect(prober.probes.filter(({ pod, accepted }) => pod !== master && accepted)).toEqual([]);
  expect(prober.of(master).filter(({ accepted }) => !accepted)).toEqual([]);
  expect({ master: after.master.name, term: after.term }).toEqual({ master: master.name, term });
}, 60_000);

// Fails when the rendered configuration has no min-replicas-to-write.
test('all three claim to be master by hand: the one with the lease stays, and nobody else takes a write', async () => {
  const { master, replicas } = await settled(cluster);
  const prober = startProber(cluster.pods);
  await Promise.all(cluster.pods.map((pod) => pod.command('REPLICAOF', 'NO', 'ONE')));
  await untilTrue('two to have claimed it', async () => {
    const roles = await cluster.redisRoles();
    return roles.every(({ role }) => role?.role === 'replica' || role?.role === 'master');
  });
  await sleep(500);
  const after = await settled(cluster);
  await prober.stop();
  expect(prober.probes.filter(({ pod, accepted }) => replicas.includes(pod) && accepted)).toEqual([]);
  expect(after.master.name).toBe(master.name);
}, 60_000);

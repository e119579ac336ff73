// The probes on a real set, with somebody who goes by them as the controller of a StatefulSet does: docs/adr/0008-probes.md.
// Starts of other sizes, and of sets that may lose nothing, are played by packages/simulator/test/readiness.test.ts.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Cluster, keysOf, nowMs, sleep, type Pod } from '@sentinel-micro/testkit';
import {
  DATA_WAIT_MS,
  fill,
  GRANT_MS,
  mend,
  readBack,
  settled,
  startWriter,
  stopAll,
  untilTrue,
} from './cluster-helpers.ts';
import { HTTP_FLAGS, isReady, probe, PROBE_EVERY_MS, untilReady } from './cluster-probe.ts';

const KEYS = 300;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ sentinelFlags: HTTP_FLAGS, baseConfig: ['appendonly yes'], startPods: false });
}, 30_000);
afterAll(() => stopAll(cluster));

// Fails when readiness needs a quorum, or a master: redis-1 would never be made.
test('an ordered start from nothing: redis-0 is ready before redis-1 exists', async () => {
  const [first, second, third] = cluster.pods as [Pod, Pod, Pod];
  await first.start();
  await untilTrue('HTTP to be there', async () => (await probe(first, '/livez')).status === 200);
  const starting = await probe(first, '/readyz');
  expect(starting).toMatchObject({ status: 503, body: expect.stringContaining('[-]vote failed') });
  await untilReady(first);
  expect((await probe(first, '/readyz')).body).toContain(
    '[+]role ok: nobody leads, but redis-1 does not exist, and may be made only when this pod is ready',
  );
  await second.start();
  await untilReady(second);
  await third.start();
  for (const pod of cluster.pods) await untilReady(pod);
  const { master } = await settled(cluster);
  expect((await probe(master, '/readyz')).body).toMatch(/\[\+\]role ok: master of term \d+/);
  await fill(cluster, master, KEYS);
}, 60_000);

describe('a set that is whole', () => {
  beforeEach(async () => {
    await mend(cluster);
    await settled(cluster);
  }, 60_000);

  // Fails when a pod is ready before it votes, or before its replica is in sync: without the data the last old pod would take it with it.
  test('a rolling update that goes by readiness alone loses nothing, and each pod votes and is linked when it is ready', async () => {
    const writer = startWriter(cluster, { intervalMs: 5 });
    for (const pod of [...cluster.pods].reverse()) {
      await pod.stop();
      // Applications find the sidecars by the name of a Service; this writer knows addresses only.
      await pod.recreate({ sameIp: true });
      await untilReady(pod);
      const [{ raw }, role] = await Promise.all([pod.peerStatus(), pod.role()]);
      expect(raw['mutedForMs']).toBe(0);
      expect(role.role === 'master' || role.linkUp === true).toBe(true);
    }
    expect(await readBack(cluster, writer)).toMatchObject({ lostAcknowledged: 0, refusedButPresent: 0 });
    const counts = await Promise.all(cluster.pods.map(keysOf));
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(KEYS);
  }, 90_000);

  // Fails when a pod that hears nobody takes itself for the first of its set.
  test('a rolling update stops at a new pod that finds nobody', async () => {
    const [first, second, third] = cluster.pods as [Pod, Pod, Pod];
    await third.stop();
    // They are named, and do not answer: to the new pod it is the same as a NetworkPolicy that closes all ports.
    for (const pod of [first, second]) {
      pod.pauseSidecar();
      pod.pauseRedis();
    }
    await third.recreate();
    const untilMs = nowMs() + GRANT_MS + DATA_WAIT_MS;
    while (nowMs() < untilMs) {
      expect(await isReady(third)).toBe(false);
      await sleep(PROBE_EVERY_MS);
    }
    expect((await probe(third, '/readyz')).body).toContain('[-]role failed: nobody leads');
    expect((await probe(third, '/livez')).status).toBe(200);
    for (const pod of [first, second]) {
      pod.resumeRedis();
      pod.resumeSidecar();
    }
    await untilReady(third);
  }, 60_000);

  test('two pods are lost, and come back one after the other', async () => {
    const [first, second, third] = cluster.pods as [Pod, Pod, Pod];
    await Promise.all([second.delete(), third.delete()]);
    await untilReady(first);
    await second.start();
    await untilReady(second);
    await third.start();
    await untilReady(third);
  }, 60_000);

  // Fails when the first pods wait for data that only a later one may have.
  test('an ordered start after everything was stopped, with the data still there', async () => {
    const [first, second, third] = cluster.pods as [Pod, Pod, Pod];
    const count = await keysOf(first);
    expect(count).toBeGreaterThanOrEqual(KEYS);
    for (const pod of [third, second, first]) await pod.stop({ keepData: true });
    await first.recreate({ keepData: true });
    await untilReady(first);
    await second.recreate({ keepData: true });
    await untilReady(second);
    await third.recreate({ keepData: true });
    for (const pod of cluster.pods) await untilReady(pod);
    expect(await Promise.all(cluster.pods.map(keysOf))).toEqual([count, count, count]);
  }, 60_000);

  test('Redis hangs: not ready, and alive all the same', async () => {
    const [replica] = (await settled(cluster)).replicas as [Pod, Pod];
    replica.pauseRedis();
    await untilTrue('it not to be ready', async () => (await probe(replica, '/readyz')).status === 503);
    expect((await probe(replica, '/readyz')).body).toContain('[-]redis failed');
    expect((await probe(replica, '/livez')).status).toBe(200);
    replica.resumeRedis();
    await untilReady(replica);
  }, 60_000);

  test('a sidecar that is paused answers nothing, and is ready again when it goes on', async () => {
    const [replica] = (await settled(cluster)).replicas as [Pod, Pod];
    replica.pauseSidecar();
    expect((await probe(replica, '/livez')).status).toBe(0);
    await sleep(GRANT_MS);
    replica.resumeSidecar();
    await untilReady(replica);
  }, 60_000);

  test('a failover is counted once over all pods, with its phases; the topology is that of sentinel status', async () => {
    const failovers = async (): Promise<number> => {
      const scrapes = await Promise.all(cluster.pods.map((pod) => probe(pod, '/metrics')));
      const found = scrapes.map(({ body }) =>
        /^sentinel_micro_failovers_total\{cause="redis-dead"\} (\d+)$/m.exec(body),
      );
      return found.reduce((sum, match) => sum + Number(match?.[1]), 0);
    };
    const { master } = await settled(cluster);
    const before = await failovers();
    master.killRedis();
    await cluster.waitForMasterOtherThan(master);
    await master.startRedis();
    const { master: next } = await settled(cluster);
    expect(await failovers()).toBe(before + 1);
    expect((await probe(next, '/metrics')).body).toContain('sentinel_micro_failover_duration_seconds_count ');
    for (const pod of cluster.pods) {
      await untilReady(pod);
      expect((await probe(pod, '/readyz?maxLagBytes=1000000')).status).toBe(200);
    }
    const { status, body } = await probe(master, '/topology');
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      ok: true,
      isPaused: false,
      pods: cluster.pods.map(({ name }) => ({ pod: name, error: null })),
    });
  }, 60_000);
});

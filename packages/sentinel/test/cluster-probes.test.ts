// The probes on a real set, with somebody who goes by them as the controller of a StatefulSet does: docs/adr/0008-probes.md.
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { Cluster, keysOf, nowMs, sleep, waitUntilTrue, type ClusterOptions, type Pod } from '@sentinel-micro/testkit';
import {
  DATA_WAIT_MS,
  fill,
  GRANT_MS,
  PATIENCE_MS,
  readBack,
  settled,
  SLACK_MS,
  startSet,
  startWriter,
  stopAll,
  untilTrue,
} from './cluster-helpers.ts';

const HTTP_PORT = 18_080;
const KEYS = 300;
const PROBE_TIMEOUT_MS = 1000;
/** How often a kubelet that is in a hurry probes. */
const PROBE_EVERY_MS = 50;

const WITH_HTTP: ClusterOptions = { sentinelFlags: ['--http-port', String(HTTP_PORT)] };

interface Probe {
  /** 0 when there was no answer in time. */
  readonly status: number;
  readonly body: string;
}

async function probe(pod: Pod, path: string): Promise<Probe> {
  try {
    const response = await fetch(`http://${pod.ip}:${HTTP_PORT}${path}`, {
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    return { status: 0, body: String(error) };
  }
}

async function isReady(pod: Pod): Promise<boolean> {
  return (await probe(pod, '/readyz')).status === 200;
}

/** What the controller waits for before it goes on. @throws TestkitError with the reasons that the pod has given last */
async function untilReady(pod: Pod, timeoutMs = PATIENCE_MS): Promise<void> {
  const untilMs = nowMs() + timeoutMs;
  let last = await probe(pod, '/readyz');
  while (last.status !== 200) {
    if (nowMs() > untilMs) throw new Error(`${pod.name} does not get ready:\n${last.body}`);
    await sleep(PROBE_EVERY_MS);
    last = await probe(pod, '/readyz');
  }
}

let cluster: Cluster | undefined;
afterEach(async () => {
  await stopAll(cluster);
  cluster = undefined;
}, 60_000);
afterAll(() => stopAll());

/** As `podManagementPolicy: OrderedReady` has it: each pod is made when all before it are ready. */
async function startInOrder(set: Cluster, keepData = false): Promise<void> {
  for (const [index, pod] of set.pods.entries()) {
    for (const earlier of set.pods.slice(0, index)) await untilReady(earlier);
    if (keepData) await pod.recreate({ keepData });
    else await pod.start();
  }
  for (const pod of set.pods) await untilReady(pod);
}

describe('an ordered start', () => {
  // Fails when readiness needs a quorum, or a master: redis-1 would never be made.
  test('from nothing: redis-0 is ready before redis-1 exists', async () => {
    cluster = await Cluster.start({ ...WITH_HTTP, startPods: false });
    const first = cluster.pod(0);
    await first.start();
    const starting = await probe(first, '/readyz');
    expect(starting).toMatchObject({ status: 503, body: expect.stringContaining('[-]vote failed') });
    await untilReady(first);
    expect((await probe(first, '/readyz')).body).toContain(
      '[+]role ok: nobody leads, but redis-1 does not exist, and may be made only when this pod is ready',
    );
    expect(cluster.pod(1).exists).toBe(false);

    await startInOrder(cluster);
    const { master } = await settled(cluster);
    expect((await probe(master, '/readyz')).body).toMatch(/\[\+\]role ok: master of term \d+/);
  }, 90_000);

  test('of five, where the third makes the quorum', async () => {
    cluster = await Cluster.start({ ...WITH_HTTP, startPods: false, pods: 5 });
    await startInOrder(cluster);
    await settled(cluster);
  }, 120_000);

  // Fails when the first pods wait for data that only a later one may have.
  test.each(['available', 'strict'])(
    'after everything was stopped, with the data still there (--durability %s)',
    async (durability) => {
      const sentinelFlags = [...(WITH_HTTP.sentinelFlags ?? []), '--durability', durability];
      cluster = await startSet({ sentinelFlags, baseConfig: ['appendonly yes', 'appendfsync always'] });
      await fill(cluster, (await settled(cluster)).master, KEYS);
      for (const pod of [...cluster.pods].reverse()) await pod.stop({ keepData: true });
      const [first, second, third] = cluster.pods as [Pod, Pod, Pod];
      await first.recreate({ keepData: true });
      await untilReady(first);
      await second.recreate({ keepData: true });
      await untilReady(second);
      await third.recreate({ keepData: true });
      // With `strict` nobody can show that nothing is missing, so a person has to decide; but all pods are there to choose from.
      if (durability === 'strict') return;
      for (const pod of cluster.pods) await untilReady(pod);
      expect(await Promise.all(cluster.pods.map(keysOf))).toEqual(cluster.pods.map(() => KEYS));
    },
    120_000,
  );

  test('two pods are lost, and come back one after the other', async () => {
    cluster = await startSet(WITH_HTTP);
    const [first, second, third] = cluster.pods as [Pod, Pod, Pod];
    await settled(cluster);
    await Promise.all([second.delete(), third.delete()]);
    await untilReady(first);
    await second.start();
    await untilReady(second);
    await third.start();
    await untilReady(third);
    await settled(cluster);
  }, 90_000);
});

describe('a rolling update that goes by readiness alone', () => {
  // Fails when a pod is ready before it votes, or before its replica is in sync: without persistence the last old pod would take the data with it.
  test('loses nothing, and each pod votes and is linked when it is ready', async () => {
    const set = await startSet(WITH_HTTP);
    cluster = set;
    await fill(set, (await settled(set)).master, KEYS);
    const writer = startWriter(set, { intervalMs: 5 });
    for (const pod of [...set.pods].reverse()) {
      await pod.stop();
      // Applications find the sidecars by the name of a Service; this writer knows addresses only.
      await pod.recreate({ sameIp: true });
      await untilReady(pod);
      const [{ raw }, role] = await Promise.all([pod.peerStatus(), pod.role()]);
      expect(raw['mutedForMs']).toBe(0);
      expect(role.role === 'master' || role.linkUp === true).toBe(true);
    }
    expect(await readBack(set, writer)).toMatchObject({ lostAcknowledged: 0, refusedButPresent: 0 });
    const counts = await Promise.all(set.pods.map(keysOf));
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(KEYS);
  }, 120_000);

  // Fails when a pod that hears nobody takes itself for the first of its set.
  test('stops at a new pod that finds nobody', async () => {
    cluster = await startSet(WITH_HTTP);
    await settled(cluster);
    const [first, second, third] = cluster.pods as [Pod, Pod, Pod];
    await third.stop();
    // They are named, and do not answer: to the new pod it is the same as a NetworkPolicy that closes all ports.
    for (const pod of [first, second]) {
      pod.pauseSidecar();
      pod.pauseRedis();
    }
    await third.recreate();
    const untilMs = nowMs() + GRANT_MS + DATA_WAIT_MS + SLACK_MS;
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
  }, 90_000);
});

describe('what the other pages tell', () => {
  test('Redis hangs: not ready, and alive all the same', async () => {
    cluster = await startSet(WITH_HTTP);
    const { replicas } = await settled(cluster);
    const [replica] = replicas as [Pod, Pod];
    replica.pauseRedis();
    await untilTrue('it not to be ready', async () => (await probe(replica, '/readyz')).status === 503);
    expect((await probe(replica, '/readyz')).body).toContain('[-]redis failed');
    expect((await probe(replica, '/livez')).status).toBe(200);
    replica.resumeRedis();
    await untilReady(replica);
  }, 60_000);

  test('a sidecar that is paused answers nothing, and is ready again when it goes on', async () => {
    cluster = await startSet(WITH_HTTP);
    const { replicas } = await settled(cluster);
    const [replica] = replicas as [Pod, Pod];
    replica.pauseSidecar();
    expect((await probe(replica, '/livez')).status).toBe(0);
    await sleep(GRANT_MS);
    replica.resumeSidecar();
    await untilReady(replica);
  }, 60_000);

  test('a failover is counted once over all pods, with its phases; the topology is that of sentinel status', async () => {
    const set = await startSet({ ...WITH_HTTP, restartPolicy: 'always' });
    cluster = set;
    const { master } = await settled(set);
    const failovers = async (): Promise<number> => {
      const scrapes = await Promise.all(set.pods.map((pod) => probe(pod, '/metrics')));
      const found = scrapes.map(({ body }) =>
        /^sentinel_micro_failovers_total\{cause="redis-dead"\} (\d+)$/m.exec(body),
      );
      return found.reduce((sum, match) => sum + Number(match?.[1]), 0);
    };
    expect(await failovers()).toBe(0);
    master.killRedis();
    await set.waitForMasterOtherThan(master);
    const { master: next } = await settled(set);
    expect(await failovers()).toBe(1);
    expect((await probe(next, '/metrics')).body).toContain('sentinel_micro_failover_duration_seconds_count ');
    for (const pod of set.pods) {
      await waitUntilTrue(() => isReady(pod), { what: `${pod.name} to be ready`, timeoutMs: PATIENCE_MS });
      expect((await probe(pod, '/readyz?maxLagBytes=1000000')).status).toBe(200);
    }
    const { status, body } = await probe(master, '/topology');
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      ok: true,
      isPaused: false,
      pods: set.pods.map(({ name }) => ({ pod: name, error: null })),
    });
  }, 60_000);
});

// `--lease-store kubernetes` with real processes: sets of two, three and one, and an API server that fails to order.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  KubeApiStandIn,
  nowMs,
  sleep,
  type Cluster,
  type JsonObject,
  type Pod,
  type Prober,
} from '@sentinel-micro/testkit';
import {
  DATA_WAIT_MS,
  FENCE_MS,
  GRANT_MS,
  LEASE_MS,
  mend,
  settled,
  SLACK_MS,
  startSet,
  stopAll,
  untilTrue,
} from './cluster-helpers.ts';
import { startProber } from './cluster-prober.ts';

const LEASE = 'redis-master';

/** What the lease needs, and nothing more. */
const RULES = [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: [LEASE], verbs: ['get', 'update'] },
];

function flagsFor(api: KubeApiStandIn): string[] {
  const token = api.grant('redis', RULES);
  return ['--lease-store', 'kubernetes', '--kubeconfig', api.kubeconfig(token)];
}

const specOf = (api: KubeApiStandIn): JsonObject => (api.find('leases', LEASE)?.['spec'] ?? {}) as JsonObject;

const logged = (pod: Pod, event: string): string[] =>
  pod.sidecarLog(10_000).flatMap((line) => (line['event'] === event ? [String(line['message'])] : []));

const refusalsOf = (prober: Prober, pod: Pod, sinceMs: number): string[] =>
  prober.of(pod).flatMap(({ sentAtMs, accepted, answer }) => (accepted || sentAtMs < sinceMs ? [] : [answer]));

/** One set, and the API that keeps its lease. */
function shareStored(pods: number): { readonly api: () => KubeApiStandIn; readonly cluster: () => Cluster } {
  let api: KubeApiStandIn | undefined;
  let cluster: Cluster | undefined;
  beforeAll(async () => {
    api = await KubeApiStandIn.start();
    cluster = await startSet({ pods, namespace: api.namespace, sentinelFlags: flagsFor(api) });
  }, 60_000);
  beforeEach(() => cluster && mend(cluster));
  afterEach(() => api?.endFaults());
  afterAll(async () => {
    await stopAll(cluster);
    await api?.stop();
  });
  return { api: () => api!, cluster: () => cluster! };
}

describe('two pods', () => {
  const { api, cluster } = shareStored(2);

  test('the Lease says who is master, and in which term', async () => {
    const { master, term } = await settled(cluster());
    await untilTrue('the Lease to be that of the master', () => {
      return specOf(api())['holderIdentity'] === `${master.name}/${master.uid}`;
    });
    expect(specOf(api())).toMatchObject({ leaseDurationSeconds: Math.ceil(GRANT_MS / 1000), leaseTransitions: term });
  }, 60_000);

  test('the master dies: the other one is promoted at once', async () => {
    const { master } = await settled(cluster());
    const sinceMs = nowMs();
    master.killRedis();
    await cluster().waitForMasterOtherThan(master);
    expect(nowMs() - sinceMs).toBeLessThan(LEASE_MS);
    await master.startRedis();
    await settled(cluster());
  }, 60_000);

  // Fails with peers as the store: one of two is no quorum.
  test('the master is gone with its pod: the other one is promoted, and takes writes alone', async () => {
    const { master, replicas } = await settled(cluster());
    const [other] = replicas;
    const sinceMs = nowMs();
    await master.delete();
    await untilTrue('the other one to take writes', () => isTaking(other!));
    expect(nowMs() - sinceMs).toBeLessThan(GRANT_MS + DATA_WAIT_MS + SLACK_MS);
    await master.start();
    await settled(cluster());
  }, 60_000);

  test('the API is away: the master goes on while the other one agrees, and is fenced when that is gone too', async () => {
    const { master, replicas } = await settled(cluster());
    const [other] = replicas;
    const prober = startProber(cluster().pods);
    await api().goAway();
    const awayMs = nowMs();
    await sleep(3 * LEASE_MS);
    await untilTrue('a write after the lease would have run out', () => {
      return prober.lastAccepted(master)!.sentAtMs > awayMs + 2 * LEASE_MS;
    });
    expect(refusalsOf(prober, master, awayMs)).toEqual([]);
    expect(logged(master, 'store-away').at(-1)).toMatch(/only while all 2 pods agree/);

    other!.pauseSidecar();
    const aloneMs = nowMs();
    await untilTrue('the master to refuse writes', () => prober.isRefusing(master));
    expect(prober.lastAccepted(master)!.answeredAtMs - aloneMs).toBeLessThan(LEASE_MS + FENCE_MS + SLACK_MS);

    other!.resumeSidecar();
    await api().comeBack();
    const again = await settled(cluster());
    await untilTrue('writes to be taken again', () => prober.isTaking(again.master));
    await prober.stop();
    expect(prober.doubles()).toBe('');
  }, 90_000);

  test('a Lease that is deleted by hand is made anew by the master; nobody is fenced for it', async () => {
    const { master } = await settled(cluster());
    const prober = startProber(cluster().pods);
    const sinceMs = nowMs();
    api().remove('leases', LEASE);
    await untilTrue('the Lease to be there again', () => specOf(api())['holderIdentity'] !== undefined);
    await sleep(2 * LEASE_MS);
    expect((await settled(cluster())).master).toBe(master);
    await prober.stop();
    expect(refusalsOf(prober, master, sinceMs)).toEqual([]);
  }, 60_000);

  test('a switchover moves the Lease, also when the answer to the release is lost', async () => {
    const { master, replicas } = await settled(cluster());
    api().fail({ kind: 'lost-answer' }, { method: 'PUT', resource: 'leases', times: 1 });
    expect(await master.sidecarCommand('SENTINEL', 'FAILOVER', 'mymaster')).toBe('OK');
    await cluster().waitForMasterOtherThan(master);
    await untilTrue('the Lease to be that of the new master', () => {
      return specOf(api())['holderIdentity'] === `${replicas[0]!.name}/${replicas[0]!.uid}`;
    });
    await settled(cluster());
  }, 60_000);
});

async function isTaking(pod: Pod): Promise<boolean> {
  return pod.text('SET', 'probe', String(nowMs())).then(
    (answer) => answer === 'OK',
    () => false,
  );
}

describe('three pods', () => {
  const { api, cluster } = shareStored(3);

  test('two are gone: the last one leads', async () => {
    const { master, replicas } = await settled(cluster());
    const [first, second] = replicas;
    await first!.delete();
    await master.delete();
    await untilTrue('the last one to take writes', () => isTaking(second!));
    expect(specOf(api())['holderIdentity']).toBe(`${second!.name}/${second!.uid}`);
    expect(logged(second!, 'data-at-risk')).not.toEqual([]);
    await Promise.all([first!.start(), master.start()]);
    await settled(cluster());
  }, 90_000);

  test('the API refuses (403): the master goes on, and the log names the permission', async () => {
    const { master } = await settled(cluster());
    const refused = api().fail({ kind: 'status', status: 403 }, { resource: 'leases' });
    await sleep(2 * LEASE_MS);
    expect(await isTaking(master)).toBe(true);
    expect(logged(master, 'store-away').at(-1)).toMatch(/needs the verb update for leases/);
    refused.end();
    await untilTrue('the API to be heard again', () => logged(master, 'store-back').length > 0);
    await settled(cluster());
  }, 60_000);
});

describe('a single pod', () => {
  const { api, cluster } = shareStored(1);

  test('leads, and goes on while the API is away', async () => {
    const { master } = await settled(cluster());
    await api().goAway();
    await sleep(2 * LEASE_MS);
    expect(await isTaking(master)).toBe(true);
    await api().comeBack();
    await settled(cluster());
  }, 60_000);
});

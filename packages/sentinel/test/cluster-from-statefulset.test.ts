// L1, L2, S3: the StatefulSet is scaled out and in, and nobody is restarted for it.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { checkHistory, KubeApiStandIn, type Cluster, type Pod } from '@sentinel-micro/testkit';
import { PATIENCE_MS, settled, startSet, startWriter, stopAll, untilTrue } from './cluster-helpers.ts';

let api: KubeApiStandIn;
let cluster: Cluster;

/** What the StatefulSet says of itself: how many pods there are to be, and how many there are, by its controller's last word. */
function declare(replicas: number, existing: number): void {
  const labels = { app: 'redis' };
  const spec = {
    replicas,
    serviceName: 'redis',
    selector: { matchLabels: labels },
    template: { metadata: { labels } },
  };
  const { metadata } = api.put('statefulsets', { metadata: { name: 'redis' }, spec });
  const { generation } = metadata as { generation: number };
  const status = { replicas: existing, observedGeneration: generation };
  api.put('statefulsets', { metadata: { name: 'redis' }, status });
}

async function countsBy(pod: Pod): Promise<number> {
  const { raw } = await pod.peerStatus();
  return (raw as { from: { replicas: number } }).from.replicas;
}

async function allCountBy(replicas: number): Promise<void> {
  await untilTrue(`all sidecars to count by ${String(replicas)}`, async () => {
    const counts = await Promise.all(cluster.pods.map(countsBy));
    return counts.every((count) => count === replicas);
  });
}

const incarnationOf = async (pod: Pod): Promise<string> =>
  ((await pod.peerStatus()).raw as { from: { incarnation: string } }).from.incarnation;

beforeAll(async () => {
  api = await KubeApiStandIn.start({ namespace: 'shop' });
  declare(3, 3);
  const rules = [
    { apiGroups: ['apps'], resources: ['statefulsets'], resourceNames: ['redis'], verbs: ['get', 'list', 'watch'] },
  ];
  const kubeconfig = api.kubeconfig(api.grant('redis', rules));
  cluster = await startSet({
    namespace: 'shop',
    pods: 3,
    replicasFlag: 'from-statefulset',
    sentinelFlags: ['--kubeconfig', kubeconfig],
  });
}, 60_000);

afterAll(async () => {
  await stopAll(cluster);
  await api.stop();
});

test('three pods become five and three again, under a writer that confirms', async () => {
  await allCountBy(3);
  const before = await Promise.all(cluster.pods.map(incarnationOf));
  const { master } = await settled(cluster);
  const writer = startWriter(cluster, { keyPrefix: 'scaled', intervalMs: 5, wait: { replicas: 2, timeoutMs: 1000 } });
  await writer.waitForSuccess(PATIENCE_MS);

  cluster.setReplicas(5);
  declare(5, 5);
  for (const pod of [cluster.addPod(), cluster.addPod()]) await pod.start();
  await allCountBy(5);
  expect((await settled(cluster)).master).toBe(master);

  cluster.setReplicas(3);
  declare(3, 5);
  for (const existing of [4, 3]) {
    await (cluster.pods.at(-1) as Pod).stop();
    cluster.removePod();
    declare(3, existing);
  }
  await allCountBy(3);
  const { master: last } = await settled(cluster);
  expect(cluster.pods).toContain(last);
  expect(await Promise.all(cluster.pods.map(incarnationOf))).toEqual(before);

  const report = await checkHistory(await writer.stop(), last.redisTarget);
  expect(report).toMatchObject({ lostAcknowledged: 0, refusedButPresent: 0 });
  expect(report.acknowledged).toBeGreaterThan(0);
}, 120_000);

// Real pods whose sidecars label them through a Kubernetes API: whoever watches the labels never sees two masters.
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from '@jest/globals';
import type { Cluster } from '@sentinel-micro/testkit';
import { KubeApiStandIn, nowMs, type JsonObject, type Pod } from '@sentinel-micro/testkit';
import {
  GRANT_MS,
  LEASE_MS,
  mend,
  settled,
  SLACK_MS,
  startSet,
  stopAll,
  tracked,
  untilTrue,
} from './cluster-helpers.ts';
import { LabelWatch, rolesIn, setRole, withKube } from './kube-support.ts';

let api: KubeApiStandIn;
let cluster: Cluster;
let watch: LabelWatch;

beforeAll(async () => {
  api = await KubeApiStandIn.start();
  watch = tracked(new LabelWatch(api));
  cluster = await startSet(withKube(api));
}, 60_000);

beforeEach(async () => {
  api.endFaults();
  await mend(cluster);
});

afterEach(() => {
  expect(watch.violations).toEqual([]);
});

afterAll(async () => {
  await stopAll(cluster);
  await api.stop();
});

/** Waits until one pod carries `master`, the present master, and the others `replica`. */
async function labelled(pods: readonly Pod[] = cluster.pods): Promise<Pod> {
  const { master } = await settled(cluster);
  const wanted = Object.fromEntries(pods.map((pod) => [pod.name, pod === master ? 'master' : 'replica']));
  await untilTrue('labels to be as the roles are', () => {
    return JSON.stringify(rolesIn(api, pods)) === JSON.stringify(wanted);
  });
  return master;
}

/** Waits until this pod has the label; how long that took since. */
async function masterLabelOf(
  isIt: (name: string) => boolean,
  sinceMs: number,
): Promise<{ name: string; tookMs: number }> {
  const found = () => watch.moments.find(({ atMs, role, pod }) => atMs >= sinceMs && role === 'master' && isIt(pod));
  await untilTrue('another pod to be labelled master', () => found() !== undefined);
  const { pod, atMs } = found()!;
  return { name: pod, tookMs: atMs - sinceMs };
}

const logged = (pod: Pod, event: string): string[] =>
  pod.sidecarLog(10_000).flatMap((line) => (line['event'] === event ? [String(line['message'])] : []));

const eventsOf = (reason: string): JsonObject[] =>
  api.requests
    .filter(({ method, resource, status }) => method === 'POST' && resource === 'events' && status === 201)
    .map(({ body }) => JSON.parse(body) as JsonObject)
    .filter((event) => event['reason'] === reason);

describe('the role label', () => {
  test('after the start: one master, and its replicas', async () => {
    const master = await labelled();
    expect(watch.moments.some(({ pod, role }) => pod === master.name && role === 'master')).toBe(true);
  }, 60_000);

  test('the master dies with its node: its pod is fenced before another one is labelled', async () => {
    const old = await labelled();
    const sinceMs = nowMs();
    // Its Redis and its sidecar end at once, so that neither sees the other end.
    old.pauseSidecar();
    await old.delete();
    const { name, tookMs } = await masterLabelOf((pod) => pod !== old.name, sinceMs);
    const fence = watch.moments.find(({ atMs, pod, role }) => pod === old.name && atMs >= sinceMs && role === null);
    expect(fence?.fencedBy).toMatch(new RegExp(`^${name}/`));
    expect(tookMs).toBeLessThan(GRANT_MS + SLACK_MS);
    await old.start();
    await labelled();
  }, 60_000);

  test('SIGKILL of redis-server: the label moves with the master', async () => {
    const old = await labelled();
    const sinceMs = nowMs();
    old.killRedis();
    const { tookMs } = await masterLabelOf((pod) => pod !== old.name, sinceMs);
    expect(tookMs).toBeLessThan(LEASE_MS + SLACK_MS);
    await old.startRedis();
    await labelled();
  }, 60_000);

  // Fails when the label goes only when the next leader takes it away.
  test('SIGTERM of the pod: it takes its label away itself, before it gives the lease back', async () => {
    const old = await labelled();
    const sinceMs = nowMs();
    await old.stop();
    const bare = watch.moments.find(({ atMs, pod, role }) => pod === old.name && atMs >= sinceMs && role === null);
    expect(bare?.fencedBy).toMatch(new RegExp(`^${old.name}/`));
    await old.start();
    const { name } = await masterLabelOf((pod) => pod !== old.name, sinceMs);
    const next = watch.moments.find(({ atMs, pod, role }) => pod === name && atMs >= sinceMs && role === 'master');
    expect(next!.atMs).toBeGreaterThan(bare!.atMs);
    await labelled();
  }, 60_000);

  test('SIGSTOP of the leader: it is fenced, and does not carry the label when it wakes up', async () => {
    const old = await labelled();
    const sinceMs = nowMs();
    old.pauseSidecar();
    const { name, tookMs } = await masterLabelOf((pod) => pod !== old.name, sinceMs);
    expect(tookMs).toBeLessThan(GRANT_MS + SLACK_MS);
    old.resumeSidecar();
    expect((await labelled()).name).toBe(name);
    expect(watch.rolesOf(old.name, sinceMs)).not.toContain('master');
  }, 60_000);

  // What the fence is for: a PATCH that hangs on its way, or at the server, until somebody else leads.
  test('a leader hangs while its request for the label is under way: it is refused when it arrives', async () => {
    const old = await labelled();
    const held = api.fail({ kind: 'held' }, { method: 'PATCH', resource: 'pods', name: old.name, times: 1 });
    // Somebody takes the label away by hand; the sidecar looks after a while, and wants to set it again.
    setRole(api, old.name, null);
    await untilTrue('the label to be asked for', () => held.met === 1);
    const late = api.requests.at(-1)!;
    expect(late.body).toContain('"master"');
    const sinceMs = nowMs();
    old.pauseSidecar();
    await masterLabelOf((pod) => pod !== old.name, sinceMs);
    held.end();
    await untilTrue('the late request to be answered', () => late.status !== null);
    expect(late.status).toBe(409);
    old.resumeSidecar();
    await labelled();
  }, 120_000);

  test('a switchover moves it', async () => {
    const old = await labelled();
    const sinceMs = nowMs();
    await old.sidecarCommand('SENTINEL', 'FAILOVER', 'mymaster');
    await masterLabelOf((pod) => pod !== old.name, sinceMs);
    await labelled();
  }, 60_000);
});

describe('without the API', () => {
  test('a failover goes on as ever; the labels follow when it is back, and that is told once', async () => {
    const old = await labelled();
    await api.goAway();
    const sinceMs = nowMs();
    old.killRedis();
    const { master, tookMs } = await cluster.waitForMasterOtherThan(old);
    expect(tookMs).toBeLessThan(LEASE_MS + SLACK_MS);
    await old.startRedis();
    await settled(cluster);
    // Nobody could change anything: whoever is led by the label finds the old master, and only that.
    expect(rolesIn(api, cluster.pods)[old.name]).toBe('master');
    await untilTrue('the trouble to be told', () => logged(master, 'kubernetes').length > 0);
    await api.comeBack();
    await masterLabelOf((pod) => pod === master.name, sinceMs);
    await labelled();
    const lines = logged(master, 'kubernetes');
    expect(lines.at(-1)).toBe('the Kubernetes API answers again');
    expect(lines.length).toBeLessThanOrEqual(4);
  }, 120_000);
});

describe('Events', () => {
  test('tell of promotions and of what else happened, on the pod and on its StatefulSet', () => {
    const kinds = (reason: string): unknown[] =>
      eventsOf(reason).map((event) => (event['involvedObject'] as JsonObject)['kind']);
    expect(kinds('Promoted')).toEqual(expect.arrayContaining(['Pod', 'StatefulSet']));
    expect(kinds('Fenced')).toEqual(expect.arrayContaining(['Pod', 'StatefulSet']));
    expect(kinds('Switchover')).toEqual(expect.arrayContaining(['Pod', 'StatefulSet']));
    expect(eventsOf('Promoted')[0]).toMatchObject({
      type: 'Normal',
      message: expect.stringMatching(/^master of term \d+/),
      source: { component: 'sentinel-micro' },
    });
  });
});

import { beforeAll, expect, test } from '@jest/globals';
import { waitUntil } from '@sentinel-micro/testkit';
import type { KubeApi, KubeError, LeaseObject } from '../src/index.ts';
import { describeOnServers } from './servers.ts';
import { failureOf } from './support.ts';

function lease(name: string, spec: LeaseObject['spec'] = {}): LeaseObject {
  return { metadata: { name }, spec };
}

describeOnServers('permissions', (on) => {
  const verbs = (resource: string, group: string, names: readonly string[] | null, ...may: string[]) => ({
    apiGroups: [group],
    resources: [resource],
    verbs: may,
    ...(names && { resourceNames: names }),
  });
  let least: KubeApi;

  beforeAll(async () => {
    await on.server.makePod('set-0');
    await on.server.makePod('stranger');
    await on.server.makeStatefulSet('set', 3);
    await on.api.createLease(lease('others'));
    const token = await on.server.grant('least', [
      verbs('leases', 'coordination.k8s.io', ['own'], 'get', 'update'),
      verbs('leases', 'coordination.k8s.io', null, 'create'),
      verbs('pods', '', ['set-0'], 'get', 'patch'),
      verbs('events', '', null, 'create', 'patch'),
      verbs('statefulsets', 'apps', ['set'], 'get', 'list', 'watch'),
    ]);
    least = on.server.connect(token);
    // The permissions reach the server a moment after they were made.
    await waitUntil(() => least.readPod('set-0'), { what: 'the permissions', timeoutMs: 10_000, intervalMs: 50 });
  });

  test('of a sidecar are enough for all it does', async () => {
    const made = await least.createLease(lease('own'));
    await least.replaceLease({ ...(await least.readLease('own')), spec: { holderIdentity: 'set-0' } });
    expect((await least.readLease('own')).metadata.uid).toBe(made.metadata.uid);
    await least.patchPod('set-0', { metadata: { labels: { 'sentinel-micro.io/role': 'master' } } });
    expect((await least.readStatefulSet('set')).spec?.replicas).toBe(3);
  });

  test('for one name are enough to watch that one', async () => {
    const told: (number | undefined)[] = [];
    const troubles: KubeError[] = [];
    const watch = least.watchStatefulSet(
      'set',
      ({ spec }) => told.push(spec?.replicas),
      (error) => troubles.push(error),
    );
    await waitUntil(() => (told.length > 0 ? true : undefined), { what: 'the first one', timeoutMs: 5000 });
    await on.server.scale('set', 5);
    await waitUntil(() => (told.length > 1 ? true : undefined), { what: 'the change', timeoutMs: 5000 });
    watch.stop();
    expect([told, troubles]).toEqual([[3, 5], []]);
  });

  test.each([
    ['another lease', (api: KubeApi) => api.readLease('others'), 'get', 'leases'],
    ['another pod', (api: KubeApi) => api.patchPod('stranger', { metadata: { labels: { a: 'b' } } }), 'patch', 'pods'],
    ['another StatefulSet', (api: KubeApi) => api.readStatefulSet('other'), 'get', 'statefulsets'],
    ['one that is not there', (api: KubeApi) => api.readLease('nowhere'), 'get', 'leases'],
  ])('for one name do not reach %s', async (_what, ask, verb, resource) => {
    const error = await failureOf(ask(least));
    expect(error).toMatchObject({ status: 403, reason: 'Forbidden', mayHaveBeenDone: false });
    expect(error.message).toContain(
      `User "system:serviceaccount:${on.server.namespace}:least" cannot ${verb} resource "${resource}"`,
    );
  });

  test('to update a lease are not enough to make it by a PUT', async () => {
    const update = on.server.connect(
      await on.server.grant('updater', [verbs('leases', 'coordination.k8s.io', ['put'], 'get', 'update')]),
    );
    await waitUntil(async () => ((await failureOf(update.readLease('put'))).status === 404 ? true : undefined), {
      what: 'the permissions',
      timeoutMs: 10_000,
      intervalMs: 50,
    });
    const metadata = { name: 'put', namespace: on.server.namespace, uid: '', resourceVersion: '' };
    expect(await failureOf(update.replaceLease({ metadata, spec: {} }))).toMatchObject({
      status: 403,
      reason: 'Forbidden',
    });
  });

  test('are none at all without a valid token', async () => {
    expect(await failureOf(on.server.connect('no-such-token').readLease('own'))).toMatchObject({
      status: 401,
      reason: 'Unauthorized',
      mayHaveBeenDone: false,
    });
  });
});

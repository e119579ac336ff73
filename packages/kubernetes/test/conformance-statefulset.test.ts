import { expect, test } from '@jest/globals';
import { sleep, waitUntil } from '@sentinel-micro/testkit';
import type { KubeError, StatefulSetObject, Stored } from '../src/index.ts';
import { describeOnServers } from './servers.ts';

describeOnServers('a StatefulSet', (on, onStandIn) => {
  test('is told as it is, and then as it becomes, in order', async () => {
    await on.server.makeStatefulSet('watched', 3);
    const told: Stored<StatefulSetObject>[] = [];
    const troubles: KubeError[] = [];
    const watch = on.api.watchStatefulSet(
      'watched',
      (now) => told.push(now),
      (error) => troubles.push(error),
    );
    await waitUntil(() => (told.length > 0 ? true : undefined), { what: 'the first one', timeoutMs: 5000 });
    for (const replicas of [4, 5, 6, 5]) await on.server.scale('watched', replicas);
    const replicasTold = (): (number | undefined)[] => told.map(({ spec }) => spec?.replicas);
    await waitUntil(() => (told.length >= 5 ? true : undefined), { what: 'the changes', timeoutMs: 5000 });
    watch.stop();
    expect(replicasTold()).toEqual([3, 4, 5, 6, 5]);
    expect(troubles).toEqual([]);
    await on.server.scale('watched', 7);
    await sleep(100);
    expect(told).toHaveLength(5);
  });

  test('of another name is not told', async () => {
    await on.server.makeStatefulSet('mine', 3);
    await on.server.makeStatefulSet('other', 3);
    const names: string[] = [];
    const watch = on.api.watchStatefulSet(
      'mine',
      ({ metadata }) => names.push(metadata.name),
      () => undefined,
    );
    await waitUntil(() => (names.length > 0 ? true : undefined), { what: 'the first one', timeoutMs: 5000 });
    await on.server.scale('other', 5);
    await on.server.scale('mine', 4);
    await waitUntil(() => (names.length > 1 ? true : undefined), { what: 'the change', timeoutMs: 5000 });
    watch.stop();
    expect(names).toEqual(['mine', 'mine']);
  });

  test('that is not there, comes, goes, and comes again', async () => {
    const seen: string[] = [];
    const watch = on.api.watchStatefulSet(
      'late',
      ({ spec }) => seen.push(`replicas ${String(spec?.replicas)}`),
      ({ status }) => seen.push(String(status)),
    );
    const until = (length: number) =>
      waitUntil(() => (seen.length >= length ? true : undefined), { what: `${length} news`, timeoutMs: 5000 });
    await until(1);
    await on.server.makeStatefulSet('late', 3);
    await until(2);
    await on.server.call({
      method: 'DELETE',
      path: on.server.path('apis/apps/v1', 'statefulsets', 'late'),
      body: JSON.stringify({ propagationPolicy: 'Background' }),
    });
    await until(3);
    await on.server.makeStatefulSet('late', 2);
    await until(4);
    watch.stop();
    expect(seen).toEqual(['404', 'replicas 3', '404', 'replicas 2']);
  });

  // Tried by hand: kube-apiserver 1.20 answers the same after a restart, with its etcd kept.
  onStandIn('whose change was long ago is told as expired: begin anew', async () => {
    await on.server.makeStatefulSet('old', 3);
    const { resourceVersion } = (await on.api.readStatefulSet('old')).metadata;
    await on.server.scale('old', 4);
    on.server.forget();
    let text = '';
    const end = on.server.stream(
      {
        method: 'GET',
        path: on.server.path('apis/apps/v1', 'statefulsets'),
        query: `?watch=true&resourceVersion=${resourceVersion}&timeoutSeconds=5`,
      },
      { onStart: () => undefined, onText: (more) => (text += more), onEnd: () => undefined },
    );
    await waitUntil(() => (text.includes('\n') ? true : undefined), { what: 'an event', timeoutMs: 8000 });
    end();
    expect(JSON.parse(text)).toMatchObject({
      type: 'ERROR',
      object: { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410 },
    });
  });

  test('counts the changes of its spec', async () => {
    await on.server.makeStatefulSet('counted', 3);
    const before = await on.api.readStatefulSet('counted');
    await on.server.scale('counted', 4);
    const after = await on.api.readStatefulSet('counted');
    expect([before.metadata.generation, after.metadata.generation]).toEqual([1, 2]);
  });
});

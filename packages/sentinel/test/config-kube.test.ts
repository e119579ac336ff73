import { describe, expect, test } from '@jest/globals';
import { startSidecar } from '../src/run.ts';
import { configOf } from './config-of.ts';

/** What Kubernetes tells every pod, and something that is nobody's business. */
const IN_CLUSTER = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443', OTHER: 'secret' };

describe('the Kubernetes API', () => {
  test('is not used when no flag asks for it', async () => {
    expect((await configOf()).kube).toBeNull();
    expect((await configOf({ statefulset: 'redis', kubeconfig: '/nowhere' })).kube).toBeNull();
  });

  test('the StatefulSet and the namespace are those of the pod; of the environment only what is needed is kept', async () => {
    const { kube } = await configOf({ 'role-labels': 'true' }, {}, IN_CLUSTER);
    expect(kube).toEqual({
      ...{ roleLabels: true, events: false, statefulSet: 'redis', namespace: 'shop', timeoutMs: 1000 },
      source: { inCluster: { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' } },
    });
  });

  test('all of it may come from the environment', async () => {
    const { kube } = await configOf(
      { namespace: undefined, service: 'redis.shop.svc.cluster.local' },
      {
        SENTINEL_MICRO_KUBE_EVENTS: 'true',
        SENTINEL_MICRO_STATEFULSET: 'other',
        SENTINEL_MICRO_KUBE_TIMEOUT_MS: '250',
        SENTINEL_MICRO_KUBECONFIG: '/etc/kubeconfig',
      },
    );
    expect(kube).toEqual({
      ...{ roleLabels: false, events: true, statefulSet: 'other', namespace: 'shop', timeoutMs: 250 },
      source: { kubeconfig: '/etc/kubeconfig' },
    });
  });

  test('a time-out that is none is refused', async () => {
    await expect(configOf({ 'role-labels': 'true', 'kube-timeout-ms': '0' })).rejects.toThrow(
      '--kube-timeout-ms is "0"; it must be a whole number from 1 to 60000',
    );
  });

  test.each([
    ['outside of a cluster', {}, 'KUBERNETES_SERVICE_HOST'],
    ['with a kubeconfig that is not there', { kubeconfig: '/nowhere/config' }, '/nowhere/config'],
  ])('%s the sidecar does not start, and says why', async (_, change, why) => {
    const config = await configOf({ 'role-labels': 'true', ...change });
    await expect(startSidecar(config)).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining(why) });
  });
});

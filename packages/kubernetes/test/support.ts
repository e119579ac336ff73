import { afterEach, beforeEach } from '@jest/globals';
import { KubeApiStandIn, waitUntil, type PolicyRule } from '@sentinel-micro/testkit';
import { connectKube, KubeError, type KubeApi, type KubeOptions } from '../src/index.ts';

/** Time enough for an answer, and short enough to wait for one that never comes. */
export const TIMEOUT_MS = 2000;
export const SHORT_MS = 200;

/** A server for each test, with a pod and a lease. */
export let api: KubeApiStandIn;
const clients: KubeApi[] = [];
const endings: (() => unknown)[] = [];

/** Runs after the test, whatever came of it. */
export function afterwards(end: () => unknown): void {
  endings.push(end);
}

/** What a sidecar may do. */
export const RULES: readonly PolicyRule[] = [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'patch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  { apiGroups: ['apps'], resources: ['statefulsets'], verbs: ['get', 'list', 'watch'] },
];

/** To be called once in a test file. */
export function useStandIn(): void {
  beforeEach(async () => {
    api = await KubeApiStandIn.start();
    api.put('pods', { metadata: { name: 'redis-0' } });
    api.put('leases', { metadata: { name: 'redis' }, spec: { holderIdentity: 'redis-0' } });
    api.put('statefulsets', { metadata: { name: 'redis' }, spec: { replicas: 3 } });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const end of endings.splice(0)) await end();
    await api.stop();
  });
}

/** A client with all rights, closed after the test. */
export function connect(change: Partial<KubeOptions> = {}): KubeApi {
  const client = connectKube({ source: { kubeconfig: api.kubeconfig() }, timeoutMs: TIMEOUT_MS, ...change });
  clients.push(client);
  return client;
}

export async function until(what: string, condition: () => boolean): Promise<void> {
  await waitUntil(() => (condition() ? true : undefined), { what, timeoutMs: 10_000, intervalMs: 5 });
}

/** The error of a call that has to fail. */
export async function failureOf(call: Promise<unknown>): Promise<KubeError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof KubeError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

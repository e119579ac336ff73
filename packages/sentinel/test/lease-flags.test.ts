import { expect, test } from '@jest/globals';
import { leaseStoreOf } from '../src/kube/lease-flags.ts';

const IN_CLUSTER = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443', SECRET: 'x' };
const PEERS = { 'lease-store': 'peers', 'kube-timeout-ms': 1000 };
const STORED = { ...PEERS, 'lease-store': 'kubernetes' };

const read = (flags: Readonly<Record<string, unknown>>): ReturnType<typeof leaseStoreOf> =>
  leaseStoreOf(flags, { pod: 'redis-0', namespace: 'shop' }, IN_CLUSTER);

test('without the flag the peers keep the lease', () => {
  expect(read(PEERS)).toBeNull();
});

test('the Lease is named after the StatefulSet, or as is said', () => {
  expect(read(STORED)).toMatchObject({ name: 'redis-master', access: { namespace: 'shop', timeoutMs: 1000 } });
  expect(read({ ...STORED, 'lease-name': 'cache.lease' })?.name).toBe('cache.lease');
});

test.each([
  [
    'a store that there is not',
    { ...PEERS, 'lease-store': 'etcd' },
    '--lease-store is "etcd"; it must be one of peers, kubernetes',
  ],
  ['a name without the store', { ...PEERS, 'lease-name': 'redis-master' }, 'add --lease-store kubernetes'],
  ['a name that is none', { ...STORED, 'lease-name': 'Redis_1' }, '--lease-name is "Redis_1"'],
])('%s is refused', (_, flags, why) => {
  expect(() => read(flags)).toThrow(why);
});

import { expect, test } from '@jest/globals';
import type { KubeError, LeaseObject } from '../src/index.ts';
import { microTime } from '../src/index.ts';
import { describeOnServers } from './servers.ts';
import { failureOf } from './support.ts';

function lease(name: string, spec: LeaseObject['spec'] = {}): LeaseObject {
  return { metadata: { name }, spec };
}

describeOnServers('a lease', (on) => {
  test('that does not exist is NotFound', async () => {
    expect(await failureOf(on.api.readLease('nobody'))).toMatchObject({
      status: 404,
      reason: 'NotFound',
      mayHaveBeenDone: false,
      message: expect.stringContaining('leases.coordination.k8s.io "nobody" not found'),
    });
  });

  test('that is made can be read as it was answered', async () => {
    const spec = {
      holderIdentity: 'redis-0/uid-0',
      leaseDurationSeconds: 3,
      leaseTransitions: 7,
      acquireTime: microTime(1_700_000_000_123),
      renewTime: microTime(1_700_000_000_456),
    };
    const made = await on.api.createLease({
      ...lease('made', spec),
      metadata: { name: 'made', annotations: { a: '1' } },
    });
    expect(made).toMatchObject({
      spec,
      metadata: { name: 'made', namespace: on.server.namespace, annotations: { a: '1' } },
    });
    expect(made.metadata.uid).toMatch(/^[-0-9a-f]{36}$/);
    expect(await on.api.readLease('made')).toEqual(made);
  });

  test('that exists can not be made again', async () => {
    await on.api.createLease(lease('twice'));
    expect(await failureOf(on.api.createLease(lease('twice')))).toMatchObject({
      status: 409,
      reason: 'AlreadyExists',
      mayHaveBeenDone: false,
    });
  });

  test('is made by one of many who try at the same time', async () => {
    const holders = [0, 1, 2, 3, 4, 5].map((index) => `redis-${index}`);
    const results = await Promise.allSettled(
      holders.map((holderIdentity) => on.api.createLease(lease('race', { holderIdentity }))),
    );
    const won = results.filter((result) => result.status === 'fulfilled');
    const lost = results.filter((result) => result.status === 'rejected');
    expect(won).toHaveLength(1);
    expect(lost.map(({ reason }) => (reason as KubeError).reason)).toEqual(new Array(5).fill('AlreadyExists'));
    expect(await on.api.readLease('race')).toEqual(won[0]?.value);
  });

  test('is replaced by one of many who have read the same version', async () => {
    const read = await on.api.createLease(lease('swap'));
    const holders = [0, 1, 2, 3, 4, 5].map((index) => `redis-${index}`);
    const results = await Promise.allSettled(
      holders.map((holderIdentity) => on.api.replaceLease({ ...read, spec: { ...read.spec, holderIdentity } })),
    );
    const won = results.filter((result) => result.status === 'fulfilled');
    const lost = results.filter((result) => result.status === 'rejected');
    expect(won).toHaveLength(1);
    for (const { reason } of lost) {
      expect(reason).toMatchObject({ status: 409, reason: 'Conflict', mayHaveBeenDone: false });
    }
    const now = await on.api.readLease('swap');
    expect(now).toEqual(won[0]?.value);
    expect(now.metadata.resourceVersion).not.toBe(read.metadata.resourceVersion);
    expect(now.metadata.uid).toBe(read.metadata.uid);
  });

  test('keeps what we know nothing of when it is replaced', async () => {
    await on.server.post(on.server.path('apis/coordination.k8s.io/v1', 'leases'), {
      metadata: {
        name: 'foreign',
        labels: { team: 'shop' },
        annotations: { 'example.com/note': 'keep me' },
        finalizers: ['example.com/keep'],
      },
      spec: { holderIdentity: 'a', renewTime: microTime(1_700_000_000_000) },
    });
    const read = await on.api.readLease('foreign');
    const written = await on.api.replaceLease({ ...read, spec: { ...read.spec, holderIdentity: 'b' } });
    expect(written.metadata).toMatchObject({
      labels: { team: 'shop' },
      annotations: { 'example.com/note': 'keep me' },
      finalizers: ['example.com/keep'],
    });
    expect(written.spec).toMatchObject({ holderIdentity: 'b', renewTime: microTime(1_700_000_000_000) });
    // So that the namespace can be deleted.
    const finalizers: Record<string, unknown> = { finalizers: [] };
    await on.api.replaceLease({ ...written, metadata: { ...written.metadata, ...finalizers } });
  });

  test('can be given to nobody', async () => {
    const read = await on.api.createLease(lease('released', { holderIdentity: 'redis-0', leaseTransitions: 1 }));
    const written = await on.api.replaceLease({ ...read, spec: { ...read.spec, holderIdentity: '' } });
    expect(written.spec?.holderIdentity ?? '').toBe('');
    expect(written.spec?.leaseTransitions).toBe(1);
  });

  test('keeps its version when a write changes nothing: a renewal has to change something', async () => {
    const read = await on.api.createLease(lease('same', { renewTime: microTime(1_700_000_000_000) }));
    const same = await on.api.replaceLease(read);
    expect(same.metadata.resourceVersion).toBe(read.metadata.resourceVersion);
    const renewed = await on.api.replaceLease({
      ...same,
      spec: { ...same.spec, renewTime: microTime(1_700_000_000_001) },
    });
    expect(renewed.metadata.resourceVersion).not.toBe(read.metadata.resourceVersion);
  });

  test('that is gone can not be replaced, nor made by it', async () => {
    const read = await on.api.createLease(lease('gone'));
    await on.server.call({ method: 'DELETE', path: on.server.path('apis/coordination.k8s.io/v1', 'leases', 'gone') });
    expect(await failureOf(on.api.replaceLease(read))).toMatchObject({ status: 409, reason: 'Conflict' });
    expect(await failureOf(on.api.readLease('gone'))).toMatchObject({ status: 404 });
  });

  test('that was deleted and made anew is another one', async () => {
    const read = await on.api.createLease(lease('anew'));
    await on.server.call({ method: 'DELETE', path: on.server.path('apis/coordination.k8s.io/v1', 'leases', 'anew') });
    const anew = await on.api.createLease(lease('anew'));
    expect(anew.metadata.uid).not.toBe(read.metadata.uid);
    const { resourceVersion } = anew.metadata;
    const mixed = { ...read, metadata: { ...read.metadata, resourceVersion } };
    expect(await failureOf(on.api.replaceLease(mixed))).toMatchObject({ status: 409, reason: 'Conflict' });
  });

  test('can not be written without a version: nobody overwrites what was not read', async () => {
    const { metadata, ...rest } = await on.api.createLease(lease('blind'));
    const path = on.server.path('apis/coordination.k8s.io/v1', 'leases', 'blind');
    const body = JSON.stringify({ ...rest, metadata: { name: metadata.name }, spec: { holderIdentity: 'x' } });
    expect(await failureOf(on.server.call({ method: 'PUT', path, body }))).toMatchObject({
      status: 422,
      reason: 'Invalid',
    });
  });

  test.each([
    ['a duration of 0', { leaseDurationSeconds: 0 }, 422, 'Invalid'],
    ['a negative term', { leaseTransitions: -1 }, 422, 'Invalid'],
    ['a time with milliseconds only', { renewTime: new Date(0).toISOString() }, 400, 'BadRequest'],
    ['a fraction for a duration', { leaseDurationSeconds: 2.5 }, 400, 'BadRequest'],
  ])('with %s is refused', async (_what, spec, status, reason) => {
    expect(await failureOf(on.api.createLease(lease('wrong', spec)))).toMatchObject({
      status,
      reason,
      mayHaveBeenDone: false,
    });
  });

  test('takes an announcement of some kilobytes in an annotation, and 300 KB not', async () => {
    const long = (length: number): LeaseObject => ({
      metadata: { name: 'long', annotations: { a: 'x'.repeat(length) } },
    });
    expect(await failureOf(on.api.createLease(long(300 * 1024)))).toMatchObject({ status: 422, reason: 'Invalid' });
    await on.api.createLease(long(8 * 1024));
  });

  test('has a term up to 2^31 - 1', async () => {
    const most = await on.api.createLease(lease('most', { leaseTransitions: 0x7fffffff }));
    expect(most.spec?.leaseTransitions).toBe(0x7fffffff);
    expect(await failureOf(on.api.createLease(lease('more', { leaseTransitions: 0x80000000 })))).toMatchObject({
      status: 400,
    });
  });
});

import { beforeAll, expect, test } from '@jest/globals';
import { describeOnServers } from './servers.ts';
import { failureOf } from './support.ts';

describeOnServers('a pod', (on) => {
  beforeAll(() => on.server.makePod('redis-0', { app: 'redis' }));

  test('gets a label, and loses it by null; the others stay', async () => {
    const labelled = await on.api.patchPod('redis-0', { metadata: { labels: { 'sentinel-micro.io/role': 'master' } } });
    expect(labelled.metadata.labels).toEqual({ app: 'redis', 'sentinel-micro.io/role': 'master' });
    const plain = await on.api.patchPod('redis-0', { metadata: { labels: { 'sentinel-micro.io/role': null } } });
    expect(plain.metadata.labels).toEqual({ app: 'redis' });
    expect(await on.api.readPod('redis-0')).toEqual(plain);
  });

  test('is patched by one of two who have read the same version', async () => {
    const read = await on.api.readPod('redis-0');
    const { resourceVersion, uid } = read.metadata;
    const patch = (role: string) => ({
      metadata: { resourceVersion, uid, labels: { 'sentinel-micro.io/role': role } },
    });
    await on.api.patchPod('redis-0', patch('master'));
    expect(await failureOf(on.api.patchPod('redis-0', patch('replica')))).toMatchObject({
      status: 409,
      reason: 'Conflict',
      mayHaveBeenDone: false,
    });
    expect((await on.api.readPod('redis-0')).metadata.labels).toMatchObject({ 'sentinel-micro.io/role': 'master' });
  });

  test('has another version once it is fenced, so that a patch from before is refused', async () => {
    const read = await on.api.readPod('redis-0');
    const fence = { 'sentinel-micro.io/fenced-term': '12' };
    await on.api.patchPod('redis-0', {
      metadata: { uid: read.metadata.uid, annotations: fence, labels: { 'sentinel-micro.io/role': null } },
    });
    const late = { resourceVersion: read.metadata.resourceVersion, labels: { 'sentinel-micro.io/role': 'master' } };
    expect(await failureOf(on.api.patchPod('redis-0', { metadata: late }))).toMatchObject({ status: 409 });
    const now = await on.api.readPod('redis-0');
    expect(now.metadata.annotations).toMatchObject(fence);
    expect(now.metadata.labels).toEqual({ app: 'redis' });
  });

  test('keeps its version when a patch changes nothing: the same fence twice is one', async () => {
    const patch = { metadata: { annotations: { 'sentinel-micro.io/fenced-term': '13' } } };
    const first = await on.api.patchPod('redis-0', patch);
    const second = await on.api.patchPod('redis-0', patch);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  test('with another uid is not patched', async () => {
    const labels = { 'sentinel-micro.io/role': 'master' };
    const patch = { metadata: { uid: '00000000-0000-4000-8000-000000000000', labels } };
    expect(await failureOf(on.api.patchPod('redis-0', patch))).toMatchObject({
      status: 409,
      reason: 'Conflict',
      mayHaveBeenDone: false,
    });
  });

  test('that was made anew is not patched by who has read the former one', async () => {
    await on.server.makePod('redis-1');
    const read = await on.api.readPod('redis-1');
    await on.server.removePod('redis-1');
    expect(await failureOf(on.api.patchPod('redis-1', { metadata: { labels: { a: 'b' } } }))).toMatchObject({
      status: 404,
    });
    await on.server.makePod('redis-1');
    const { uid, resourceVersion } = read.metadata;
    for (const metadata of [{ uid }, { resourceVersion }, { uid, resourceVersion }]) {
      const patch = { metadata: { ...metadata, labels: { a: 'b' } } };
      expect(await failureOf(on.api.patchPod('redis-1', patch))).toMatchObject({ status: 409, reason: 'Conflict' });
    }
  });

  test('takes no label value that is none', async () => {
    const patch = { metadata: { labels: { 'sentinel-micro.io/role': 'not a role' } } };
    expect(await failureOf(on.api.patchPod('redis-0', patch))).toMatchObject({ status: 422, reason: 'Invalid' });
  });

  test('does not get a status by a patch of the pod', async () => {
    const before = await on.api.readPod('redis-0');
    const patch = { metadata: { labels: { touched: 'yes' } }, status: { podIP: '10.9.9.9' } };
    const after = await on.api.patchPod('redis-0', patch);
    expect(after.status).toEqual(before.status);
  });
});

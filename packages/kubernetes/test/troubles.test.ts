// What a caller is told when the API, or the way to it, is in trouble. Above all: whether a write may have been done.
import { createServer, type Socket } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { KubeApiStandIn, nowMs, sleep, type KubeFault } from '@sentinel-micro/testkit';
import type { KubeApi, KubeError, PodPatch } from '../src/index.ts';
import { afterwards, api, connect, failureOf, RULES, SHORT_MS, until, useStandIn } from './support.ts';

useStandIn();

const MASTER: PodPatch = { metadata: { labels: { 'sentinel-micro.io/role': 'master' } } };

function labelsOf(pod: string): unknown {
  return (api.find('pods', pod)?.['metadata'] as { labels?: unknown } | undefined)?.labels;
}

describe('slow', () => {
  test('within the time-out, it is an answer', async () => {
    api.fail({ kind: 'slow', delayMs: 100 });
    expect((await connect().readLease('redis')).spec?.holderIdentity).toBe('redis-0');
  });

  test('beyond it, the call ends all the same, and a read has done no harm', async () => {
    api.fail({ kind: 'slow', delayMs: 2000 });
    const startedAtMs = nowMs();
    const error = await failureOf(connect({ timeoutMs: SHORT_MS }).readLease('redis'));
    expect(error).toMatchObject({ status: null, reason: 'Timeout', mayHaveBeenDone: false });
    expect(nowMs() - startedAtMs).toBeLessThan(SHORT_MS + 500);
  });

  test('a write that was given up is done later on: that is why a time-out means unknown', async () => {
    const held = api.fail({ kind: 'held' }, { method: 'PATCH' });
    const error = await failureOf(connect({ timeoutMs: SHORT_MS }).patchPod('redis-0', MASTER));
    expect(error).toMatchObject({ status: null, reason: 'Timeout', mayHaveBeenDone: true });
    expect(labelsOf('redis-0')).toBeUndefined();
    held.end();
    await until('the late write', () => labelsOf('redis-0') !== undefined);
  });

  test('a late write with the version that it was meant for finds the pod changed, and is refused', async () => {
    const client = connect();
    const { resourceVersion } = (await client.readPod('redis-0')).metadata;
    const held = api.fail({ kind: 'held' }, { method: 'PATCH', times: 1 });
    await failureOf(
      connect({ timeoutMs: SHORT_MS }).patchPod('redis-0', { metadata: { ...MASTER.metadata, resourceVersion } }),
    );
    await client.patchPod('redis-0', { metadata: { annotations: { 'sentinel-micro.io/fenced-term': '3' } } });
    held.end();
    const [late] = api.requests.filter(({ method }) => method === 'PATCH');
    await until('the late answer', () => late?.status !== null);
    expect(late?.status).toBe(409);
    expect(labelsOf('redis-0')).toBeUndefined();
  });

  test('a call that has timed out leaves no connection that others wait behind', async () => {
    const client = connect({ timeoutMs: 1000 });
    api.fail({ kind: 'silent' }, { resource: 'leases' });
    await Promise.all(Array.from({ length: 10 }, () => failureOf(client.readLease('redis'))));
    expect((await client.readPod('redis-0')).metadata.name).toBe('redis-0');
  });
});

describe('away', () => {
  test('refused connections are told at once: nothing was sent', async () => {
    const client = connect();
    await api.goAway();
    const startedAtMs = nowMs();
    expect(await failureOf(client.patchPod('redis-0', MASTER))).toMatchObject({
      status: null,
      reason: 'ECONNREFUSED',
      mayHaveBeenDone: false,
    });
    expect(nowMs() - startedAtMs).toBeLessThan(1000);
  });

  test('after it has come back, the next call works', async () => {
    const client = connect();
    await client.readLease('redis');
    await api.goAway();
    await failureOf(client.readLease('redis'));
    await api.comeBack();
    expect((await client.readLease('redis')).spec?.holderIdentity).toBe('redis-0');
  });

  test('a server that accepts and says nothing, not even TLS: nothing was sent', async () => {
    const access = api.podAccess(api.grant('redis-0', RULES));
    const inCluster = { ...access.inCluster, KUBERNETES_SERVICE_PORT: String(await mute()) };
    const client = connect({ source: { ...access, inCluster }, timeoutMs: SHORT_MS });
    expect(await failureOf(client.patchPod('redis-0', MASTER))).toMatchObject({
      status: null,
      reason: 'Timeout',
      mayHaveBeenDone: false,
    });
  });

  test('a name that does not resolve', async () => {
    const access = api.podAccess(api.grant('redis-0', RULES));
    const inCluster = { ...access.inCluster, KUBERNETES_SERVICE_HOST: 'kubernetes.invalid' };
    const error = await failureOf(connect({ source: { ...access, inCluster } }).readLease('redis'));
    expect(error).toMatchObject({ status: null, mayHaveBeenDone: false });
    expect(error.reason).toMatch(/^(ENOTFOUND|EAI_AGAIN|Timeout)$/);
  });
});

describe('cut', () => {
  const cuts: readonly [KubeFault['kind'], boolean][] = [
    ['cut', false],
    ['cut-answer', true],
    ['lost-answer', true],
  ];

  test.each(cuts)('%s: a write may have been done; reading tells (done: %p)', async (kind, isDone) => {
    const client = connect();
    api.fail({ kind } as KubeFault, { method: 'PATCH' });
    const error = await failureOf(client.patchPod('redis-0', MASTER));
    expect(error).toMatchObject({ status: null, reason: 'ECONNRESET', mayHaveBeenDone: true });
    const { labels } = (await client.readPod('redis-0')).metadata;
    expect(labels).toEqual(isDone ? MASTER.metadata.labels : undefined);
  });

  test.each(cuts)('%s: a lease that was taken without knowing it is seen when it is read', async (kind, isDone) => {
    const client = connect();
    const read = await client.readLease('redis');
    api.fail({ kind } as KubeFault, { method: 'PUT' });
    const mine = { ...read, spec: { ...read.spec, holderIdentity: 'redis-1' } };
    expect(await failureOf(client.replaceLease(mine))).toMatchObject({ mayHaveBeenDone: true });
    api.endFaults();
    expect((await client.readLease('redis')).spec?.holderIdentity).toBe(isDone ? 'redis-1' : 'redis-0');
    if (isDone) expect(await failureOf(client.replaceLease(mine))).toMatchObject({ status: 409 });
    else await client.replaceLease(mine);
  });

  test('of a read has changed nothing', async () => {
    api.fail({ kind: 'cut' });
    expect(await failureOf(connect().readPod('redis-0'))).toMatchObject({ mayHaveBeenDone: false });
  });
});

describe('refused', () => {
  test.each([
    [401, 'Unauthorized', false],
    [403, 'Forbidden', false],
    [409, 'Conflict', false],
    [500, 'InternalError', true],
    [504, 'Timeout', true],
    [503, 'ServiceUnavailable', true],
    [429, 'TooManyRequests', false],
    [302, 'Unknown', false],
  ])('with %i %s: a write may have been done: %p', async (status, reason, mayHaveBeenDone) => {
    api.fail({ kind: 'status', status });
    const error = await failureOf(connect().patchPod('redis-0', MASTER));
    expect(error).toMatchObject({ status, reason, mayHaveBeenDone, retryAfterMs: null });
    expect(error.message).toMatch(/^PATCH \/api\/v1\/namespaces\/shop\/pods\/redis-0: /);
  });

  test.each([
    ['2', 2000],
    [new Date(1_700_000_005_000).toUTCString(), 5000],
    [new Date(1_600_000_000_000).toUTCString(), 0],
    ['soon', null],
  ])('with Retry-After: %s', async (retryAfter, retryAfterMs) => {
    api.fail({ kind: 'status', status: 429, retryAfter });
    const client = connect({ wallMs: () => 1_700_000_000_000 });
    expect(await failureOf(client.readLease('redis'))).toMatchObject({ status: 429, retryAfterMs });
  });

  test('with more words than anybody reads, in one line', async () => {
    api.fail({ kind: 'status', status: 502, body: `<html>\r\n\u0007${'x'.repeat(100_000)}` });
    const { message } = await failureOf(connect().readLease('redis'));
    expect(message).toMatch(/502 Unknown: <html> x+\.\.\.$/);
    expect(message.length).toBeLessThan(700);
  });
});

describe('not to be believed', () => {
  test.each([
    ['no JSON', 'hello'],
    ['no object', '[]'],
    ['another kind', '{"kind":"Pod","metadata":{"name":"redis","namespace":"shop","uid":"u","resourceVersion":"1"}}'],
    ['another name', '{"kind":"Lease","metadata":{"name":"x","namespace":"shop","uid":"u","resourceVersion":"1"}}'],
    ['no version', '{"kind":"Lease","metadata":{"name":"redis","namespace":"shop","uid":"u"}}'],
  ])('%s', async (_what, body) => {
    api.fail({ kind: 'status', status: 200, body });
    expect(await failureOf(connect().readLease('redis'))).toMatchObject({ status: null, reason: 'BadAnswer' });
  });

  test('an answer without an end is not kept', async () => {
    api.fail({ kind: 'status', status: 200, body: 'x'.repeat(3 * 1024 * 1024) });
    const error = await failureOf(connect().readLease('redis'));
    expect(error).toMatchObject({ reason: 'BadAnswer', message: expect.stringContaining('longer than') });
  });

  test('a server with a certificate of another authority gets nothing from us', async () => {
    const other = await KubeApiStandIn.start();
    afterwards(() => other.stop());
    const access = api.podAccess('a-secret-token');
    const client = connect({ source: { ...other.podAccess('x'), folder: access.folder } });
    const error = await failureOf(client.patchPod('redis-0', MASTER));
    expect(error).toMatchObject({ status: null, mayHaveBeenDone: false });
    expect(error.message).toMatch(/certificate/i);
    expect(other.requests).toEqual([]);
  });
});

describe('the clock of the server', () => {
  test.each([-86_400_000, 86_400_000])('%d ms off changes nothing', async (clockSkewMs) => {
    api.clockSkewMs = clockSkewMs;
    const client = connect();
    const read = await client.readLease('redis');
    const written = await client.replaceLease({ ...read, spec: { ...read.spec, leaseTransitions: 2 } });
    expect(written.spec).toEqual({ holderIdentity: 'redis-0', leaseTransitions: 2 });
    api.fail({ kind: 'status', status: 429, retryAfter: '1' });
    expect(await failureOf(client.readLease('redis'))).toMatchObject({ retryAfterMs: 1000 });
  });
});

describe('connections', () => {
  test('one is enough for calls that follow each other', async () => {
    const client = connect();
    for (let call = 0; call < 20; call += 1) await client.readLease('redis');
    expect(api.connections).toBe(1);
  });

  test('one that the server has closed meanwhile is replaced', async () => {
    const client = connect();
    await client.readLease('redis');
    api.cutConnections();
    await sleep(20);
    expect((await client.readLease('redis')).metadata.name).toBe('redis');
    expect(api.connections).toBe(2);
  });

  test('there are never more than a few', async () => {
    const client = connect();
    api.fail({ kind: 'slow', delayMs: 50 });
    await Promise.all(Array.from({ length: 30 }, () => client.readLease('redis')));
    expect(api.connections).toBeLessThanOrEqual(8);
  });

  test('closing ends what is under way, and refuses what comes later', async () => {
    const client = connect();
    const held = api.fail({ kind: 'silent' });
    const call = failureOf(client.patchPod('redis-0', MASTER));
    await until('the request', () => held.met > 0);
    client.close();
    expect(await call).toMatchObject({ reason: 'Closed', mayHaveBeenDone: true });
    expect(await failureOf(client.patchPod('redis-0', MASTER))).toMatchObject({
      reason: 'Closed',
      mayHaveBeenDone: false,
    });
  });
});

describe('secrets', () => {
  test('a token that the server, or a proxy, sends back is in no message', async () => {
    const token = api.grant('redis-0', RULES);
    const client = connect({ source: api.podAccess(token) });
    api.fail({ kind: 'status', status: 400, body: `Bad header: Authorization: Bearer ${token}` });
    const error = await failureOf(client.readLease('redis'));
    expect(error.message).toContain('Authorization: Bearer ***');
    expect(everythingIn(error)).not.toContain(token);
  });

  test.each<[string, (client: KubeApi) => Promise<unknown>]>([
    ['a refusal', (client) => client.readLease('other')],
    ['a cut', (client) => client.patchPod('redis-0', MASTER)],
  ])('none is in %s', async (_what, ask) => {
    const token = api.grant('redis-0', RULES);
    api.fail({ kind: 'cut' }, { method: 'PATCH' });
    expect(everythingIn(await failureOf(ask(connect({ source: api.podAccess(token) }))))).not.toContain(token);
  });

  test('a token with a line break in its middle is refused, and not shown', async () => {
    const access = api.podAccess('good-token');
    const client = connect({ source: access });
    writeFileSync(join(access.folder, 'token'), 'half-a-secret\nX-Other: header');
    const error = await failureOf(client.readLease('redis'));
    expect(error).toMatchObject({ status: null, reason: 'NotSent', mayHaveBeenDone: false });
    expect(everythingIn(error)).not.toContain('half-a-secret');
  });
});

/** Whatever a logger could find in it. */
function everythingIn(error: KubeError): string {
  const hidden = Object.getOwnPropertyNames(error).map((name) => String(error[name as keyof KubeError]));
  return [JSON.stringify(error), error.stack, ...hidden].join('\n');
}

/** A server that accepts connections and never says a word, until the test is over; returns its port. */
async function mute(): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterwards(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

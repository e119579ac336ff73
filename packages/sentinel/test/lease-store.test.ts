// The Lease object of the API, and what each of its failures means for the lease.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { asPodName, asTerm, type StoredLease, type StoreOutcome, type StoreRecord } from '@sentinel-micro/core';
import { connectKube } from '@sentinel-micro/kubernetes';
import { KubeApiStandIn, type JsonObject } from '@sentinel-micro/testkit';
import { KubeLease } from '../src/kube/lease-store.ts';

const NAME = 'redis-master';
const CLUSTER = 'redis.shop/mymaster';
const TIMEOUT_MS = 500;

const LEASE: StoredLease = {
  holder: { pod: asPodName('redis-0'), uid: 'uid-0', incarnation: 'a'.repeat(40) },
  isReleased: false,
  to: null,
  term: asTerm(7),
  grantMs: 2250,
  replicas: 2,
  announcement: null,
};

let api: KubeApiStandIn;
let store: KubeLease;

beforeAll(async () => {
  api = await KubeApiStandIn.start();
});
beforeEach(() => {
  store = open();
});
afterEach(() => {
  api.endFaults();
  store.close();
  if (api.find('leases', NAME) !== null) api.remove('leases', NAME);
});
afterAll(() => api.stop());

function open(cluster = CLUSTER): KubeLease {
  const client = connectKube({ source: { kubeconfig: api.kubeconfig() }, timeoutMs: TIMEOUT_MS });
  return new KubeLease({ api: client, name: NAME, cluster, wallMs: () => 1_767_225_600_000 });
}

const objectNow = (): JsonObject => api.find('leases', NAME)!;
const metadataNow = (): JsonObject => objectNow()['metadata'] as JsonObject;

async function recordFrom(asked: Promise<StoreOutcome>): Promise<StoreRecord> {
  const outcome = await asked;
  if (outcome.kind !== 'record') throw new Error(JSON.stringify(outcome));
  return outcome.record;
}

const read = (from = store): Promise<StoreRecord> => recordFrom(from.ask({ do: 'read' }));
const write = (version: string | null, lease = LEASE): Promise<StoreOutcome> =>
  store.ask({ do: 'write', version, lease });

async function written(lease = LEASE): Promise<string> {
  const { version } = await read();
  return String((await recordFrom(write(version, lease))).version);
}

describe('the Lease', () => {
  test('is made, says what was written, and is for people to read', async () => {
    expect(await read()).toEqual({ kind: 'none', version: null });
    await written();
    expect(await read()).toMatchObject({ kind: 'lease', lease: LEASE });
    expect(objectNow()['spec']).toMatchObject({
      holderIdentity: 'redis-0/uid-0',
      leaseDurationSeconds: 3,
      leaseTransitions: 7,
      renewTime: '2026-01-01T00:00:00.000000Z',
    });
  });

  // Fails when nothing in it differs: the API leaves the version as it is then, and everybody else thinks that the holder is dead.
  test('has another version after each renewal, also when the clock stands still', async () => {
    const first = await written();
    expect(await written()).not.toBe(first);
  });

  test('is written only while it has the version that was read', async () => {
    const version = await written();
    const metadata = { name: NAME, labels: { touched: 'yes' } };
    api.put('leases', { metadata });
    expect(await write(version)).toEqual({ kind: 'conflict' });
    await written();
    // What others have put into it is still there.
    expect(metadataNow()['labels']).toEqual({ touched: 'yes' });
  });

  test('that is made by two at the same moment is made by one', async () => {
    await read();
    const other = open();
    const [one, two] = await Promise.all([write(null), other.ask({ do: 'write', version: null, lease: LEASE })]);
    other.close();
    expect([one.kind, two.kind].sort()).toEqual(['conflict', 'record']);
  });

  test('that was deleted is not made anew by a renewal that does not know of it', async () => {
    const version = await written();
    api.remove('leases', NAME);
    expect(await write(version)).toEqual({ kind: 'conflict' });
    expect(await read()).toEqual({ kind: 'none', version: null });
  });

  test('given back: nobody holds it, and who had it last is known', async () => {
    await written();
    await written({ ...LEASE, isReleased: true, to: asPodName('redis-1') });
    expect((objectNow()['spec'] as JsonObject)['holderIdentity']).toBe('');
    expect(await read()).toMatchObject({
      kind: 'lease',
      lease: { isReleased: true, to: 'redis-1', holder: LEASE.holder },
    });
  });

  test('that somebody has made empty, so that no sidecar needs the right to make one, is taken', async () => {
    api.put('leases', { metadata: { name: NAME }, spec: {} });
    expect(await read()).toMatchObject({ kind: 'none', version: expect.any(String) });
    expect(await read()).not.toMatchObject({ version: null });
    await written();
    expect(await read()).toMatchObject({ kind: 'lease' });
  });
});

describe('a Lease that is not as it should be', () => {
  test("somebody else's is left alone", async () => {
    api.put('leases', { metadata: { name: NAME }, spec: { holderIdentity: 'kube-scheduler' } });
    expect(await read()).toMatchObject({ kind: 'foreign', why: expect.stringContaining('--lease-name') });
  });

  test('that of another set is left alone', async () => {
    await written();
    const other = open('other.shop/mymaster');
    expect(await read(other)).toMatchObject({ kind: 'foreign', why: expect.stringContaining(CLUSTER) });
    other.close();
  });

  test.each([
    ['that is no JSON', '{'],
    ['that lacks what is needed', '{"v":1}'],
    ['with a term that can not be', JSON.stringify({ v: 1, cluster: CLUSTER, ...LEASE, term: 2 ** 50 })],
    ['that is endless', ' '.repeat(100_000)],
  ])('an annotation %s: somebody may hold it', async (_, text) => {
    await written();
    const metadata = { name: NAME, annotations: { 'sentinel-micro.io/lease': text } };
    api.put('leases', { metadata });
    expect(await read()).toMatchObject({ kind: 'broken' });
  });

  test('whose holder was taken out by hand was not given back', async () => {
    await written();
    api.put('leases', { metadata: { name: NAME }, spec: { holderIdentity: '' } });
    expect(await read()).toMatchObject({ kind: 'broken' });
  });
});

describe('a write that fails', () => {
  const meets = async (fault: Parameters<KubeApiStandIn['fail']>[0]): Promise<StoreOutcome> => {
    const version = await written();
    api.fail(fault, { resource: 'leases', method: 'PUT' });
    return write(version);
  };

  test.each([
    ['no answer', { kind: 'silent' }],
    ['an answer that is lost', { kind: 'lost-answer' }],
    ['an answer that is cut off', { kind: 'cut-answer' }],
    ['too slow an answer', { kind: 'slow', delayMs: 2 * TIMEOUT_MS }],
  ] as const)('%s: nobody knows', async (_, fault) => {
    expect(await meets(fault)).toMatchObject({ kind: 'away' });
  });

  test('403: it was not done, and the text says what to allow', async () => {
    const outcome = await meets({ kind: 'status', status: 403 });
    expect(outcome).toMatchObject({
      kind: 'refused',
      error: expect.stringContaining('the verb update for leases'),
    });
  });

  test('429: it was not done, and is left alone for as long as was asked', async () => {
    const outcome = await meets({ kind: 'status', status: 429, retryAfter: '1' });
    expect(outcome).toMatchObject({ kind: 'refused', retryAfterMs: 1000 });
  });

  test('409: somebody else was faster', async () => {
    expect(await meets({ kind: 'status', status: 409 })).toEqual({ kind: 'conflict' });
  });

  test('the API has gone: nobody knows', async () => {
    const version = await written();
    await api.goAway();
    expect(await write(version)).toMatchObject({ kind: 'away' });
    await api.comeBack();
  });

  test("the API's clock is an hour off: nothing is different", async () => {
    api.clockSkewMs = 3_600_000;
    await written();
    expect(await read()).toMatchObject({ kind: 'lease', lease: LEASE });
    api.clockSkewMs = 0;
  });
});

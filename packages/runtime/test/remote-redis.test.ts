import { beforeEach, describe, expect, test } from '@jest/globals';
import { changingCommandsBetween, commandsBetween, parseRole, readCommandCounts } from '@sentinel-micro/testkit';
import type { RedisProcess } from '@sentinel-micro/testkit';
import {
  asOffset,
  asReplicationId,
  asRunId,
  type History,
  type Outcome,
  type RemoteAction,
  type RunId,
} from '@sentinel-micro/core';
import { actOnRemote, askInfo, systemClock } from '../src/index.ts';
import { RawClient } from './raw-client.ts';
import { place, until, usePlace } from './support.ts';

const PASSWORD = 'open-sesame-7';
const TIMEOUT_MS = 2000;
let redis: RedisProcess;
let runId: RunId;

usePlace();
beforeEach(async () => {
  redis = await place.redis({ password: PASSWORD });
  runId = await runIdOf(redis);
});

async function runIdOf(of: RedisProcess): Promise<RunId> {
  return asRunId((await readCommandCounts(of)).runId);
}

const LEASED = { history: null, deadlineMs: Infinity };
const act = (action: RemoteAction, meant = runId, timeoutMs = TIMEOUT_MS): Promise<Outcome> =>
  actOnRemote(redis.target, { ...LEASED, runId: meant, action }, systemClock, timeoutMs);
const LIMBO: RemoteAction = { kind: 'limbo', why: 'a test' };
const roleNow = async (): Promise<string> => parseRole(await redis.text('INFO', 'replication')).role;

async function changesDuring(work: () => Promise<unknown>): Promise<string[]> {
  const before = await readCommandCounts(redis);
  await work();
  return changingCommandsBetween(before, await readCommandCounts(redis));
}

test('probe only looks', async () => {
  const before = await readCommandCounts(redis);
  expect(await act({ kind: 'probe' })).toMatchObject({ ok: true, info: { role: 'master', runId } });
  const asked = commandsBetween(before, await readCommandCounts(redis));
  expect([...asked.keys()].sort()).toEqual(['auth', 'info']);
});

test('limbo demotes a stray master, and cuts its clients', async () => {
  const client = place.closing(await RawClient.connect(redis.target.host, 6379), (raw) => raw.close());
  await client.ask('AUTH', PASSWORD);
  expect(await act(LIMBO)).toMatchObject({
    ok: true,
    info: { role: 'replica', masterHost: '127.0.0.1', masterPort: 1 },
  });
  await client.closed();
});

test('pause-writes holds writes back for its time', async () => {
  expect(await act({ kind: 'pause-writes', budgetMs: 100 })).toMatchObject({ ok: true, info: { role: 'master' } });
  expect((await readCommandCounts(redis)).calls.get('client|pause')).toBe(1);
  await until('writes to go through', async () => (await redis.command('SET', 'a', 1)) === 'OK');
});

describe('follow', () => {
  test('repoints it; a replica keeps its clients, and one that follows already is left alone', async () => {
    const master = await place.redis({ password: PASSWORD });
    await redis.command('CONFIG', 'SET', 'masterauth', PASSWORD);
    const { host: ip, port } = master.target;
    const follow: RemoteAction = { kind: 'follow', ip, port, why: 'a test' };
    await act(LIMBO);
    const changes = await changesDuring(() => act(follow));
    expect(changes).toEqual(['replicaof (1)']);
    expect(await act({ kind: 'probe' })).toMatchObject({ info: { masterHost: ip, masterPort: port } });
    expect(await changesDuring(() => act(follow))).toEqual([]);
  });

  test('of a master cuts its clients', async () => {
    const changes = await changesDuring(() => act({ kind: 'follow', ip: '127.0.0.1', port: 1, why: 'a test' }));
    expect(changes).toEqual(expect.arrayContaining(['replicaof (1)', 'client|kill (2)']));
  });
});

const actions: readonly RemoteAction[] = [
  { kind: 'probe' },
  LIMBO,
  { kind: 'follow', ip: '10.0.0.1', port: 6379, why: 'a test' },
  { kind: 'pause-writes', budgetMs: 1000 },
];

describe('another process at the address is never touched', () => {
  test.each(actions)('$kind', async (action) => {
    let outcome: Outcome | undefined;
    const changes = await changesDuring(async () => {
      outcome = await act(action, asRunId('f'.repeat(40)));
    });
    expect(outcome).toEqual({ ok: false, error: 'another process answers at this address', late: false });
    expect(changes).toEqual([]);
    expect(await roleNow()).toBe('master');
  });

  test('also when it is the same pod, restarted', async () => {
    const { host, port } = redis.target;
    await redis.killAndWait();
    redis = await place.redis({ host, port, password: PASSWORD });
    expect(await changesDuring(() => act(LIMBO))).toEqual([]);
  });
});

describe('S4: an order to another pod ends with the lease of the one who gave it', () => {
  test.each<RemoteAction>([
    LIMBO,
    { kind: 'follow', ip: '127.0.0.9', port: 6379, why: 'a test' },
    { kind: 'pause-writes', budgetMs: 1000 },
  ])('$kind: a sidecar that was stopped while it asked who answers there changes nothing', async (action) => {
    // The lease is over by the time at which INFO has been answered.
    const order = { runId, history: null, deadlineMs: systemClock.now(), action };
    let outcome: Outcome | undefined;
    const changes = await changesDuring(async () => {
      outcome = await actOnRemote(redis.target, order, systemClock, TIMEOUT_MS);
    });
    expect(outcome).toMatchObject({ ok: false, late: true });
    expect(changes).toEqual([]);
  });
});

describe('a process that restarted is known by its history', () => {
  const withHistory = (history: History): Promise<Outcome> =>
    actOnRemote(
      redis.target,
      { ...LEASED, runId: asRunId('f'.repeat(40)), history, action: LIMBO },
      systemClock,
      TIMEOUT_MS,
    );

  test('which only Redis instances of the set share', async () => {
    const { replid, replid2, secondReplOffset, offset } = await askInfo(await place.connect(redis.target));
    expect(await withHistory({ replid, replid2, secondReplOffset, offset })).toMatchObject({ ok: true });
    expect(await roleNow()).toBe('replica');
  });

  test('another history is a stranger', async () => {
    const other = { replid: asReplicationId('b'.repeat(40)), replid2: null, secondReplOffset: null };
    expect(await withHistory({ ...other, offset: asOffset(0) })).toMatchObject({ ok: false });
    expect(await roleNow()).toBe('master');
  });
});

describe('what can not be reached is an outcome, not an exception', () => {
  test('nobody there', async () => {
    await redis.killAndWait();
    expect(await act(LIMBO)).toEqual({ ok: false, error: expect.stringContaining('ECONNREFUSED'), late: false });
  });

  test('frozen: it takes a bounded time, and nothing is done when it runs again', async () => {
    redis.pause();
    expect(await act(LIMBO, runId, 100)).toEqual({
      ok: false,
      error: expect.stringContaining('no answer in time'),
      late: false,
    });
    redis.resume();
    expect((await readCommandCounts(redis)).calls.has('replicaof')).toBe(false);
  });

  test('wrong password', async () => {
    const outcome = await actOnRemote(
      { ...redis.target, password: 'wrong-one-8' },
      { ...LEASED, runId, action: LIMBO },
      systemClock,
      TIMEOUT_MS,
    );
    expect(outcome).toMatchObject({ ok: false, error: expect.stringContaining('WRONGPASS') });
    expect(JSON.stringify(outcome)).not.toContain('wrong-one-8');
  });

  test('no connection is left behind', async () => {
    await act({ kind: 'probe' });
    await act(LIMBO, asRunId('f'.repeat(40)));
    const others = async (): Promise<number> => (await redis.text('CLIENT', 'LIST')).trim().split('\n').length - 1;
    await until('all connections to be closed', async () => (await others()) === 0);
  });
});

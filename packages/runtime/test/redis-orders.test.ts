import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  changingCommandsBetween,
  parseRole,
  readCommandCounts,
  RedisCommander,
  type RedisProcess,
} from '@sentinel-micro/testkit';
import type { Outcome, OwnAction } from '@sentinel-micro/core';
import {
  bulk,
  carryOut,
  serveResp,
  simple,
  systemClock,
  type Clock,
  type CommandHandler,
  type RedisConnection,
} from '../src/index.ts';
import { RawClient } from './raw-client.ts';
import { deferred, place, TIMEOUTS, until, usePlace } from './support.ts';

const FAR = Number.MAX_SAFE_INTEGER;
const PROMOTE: OwnAction = { kind: 'promote', deadlineMs: FAR, minReplicas: null };
const LIMBO = { kind: 'limbo', why: 'a test', cutClients: false, atOnce: false } as const;
const IN_LIMBO = { role: 'replica', masterHost: '127.0.0.1', masterPort: 1, linkUp: false };

let redis: RedisProcess;
let connection: RedisConnection;

usePlace();
beforeEach(async () => {
  redis = await place.redis();
  connection = await place.connect(redis.target);
});

const order = (action: OwnAction, clock: Clock = systemClock): Promise<Outcome> => carryOut(connection, clock, action);
const role = async (): Promise<string> => parseRole(await redis.text('INFO', 'replication')).role;

/** A clock that shows one time after the other, and then the last one for ever. */
function clockOf(...times: number[]): Clock {
  return { now: () => (times.length > 1 ? times.shift()! : times[0]!) };
}

/** What was ordered of the Redis while `work` ran. */
async function changesDuring(work: () => Promise<unknown>): Promise<string[]> {
  const before = await readCommandCounts(redis);
  await work();
  return changingCommandsBetween(before, await readCommandCounts(redis));
}

async function openClient(): Promise<RedisCommander> {
  const client = place.closing(new RedisCommander(redis.target, 10_000), (commander) => commander.close());
  await client.command('PING');
  return client;
}

async function openRaw(): Promise<RawClient> {
  return place.closing(await RawClient.connect(redis.target.host, 6379), (raw) => raw.close());
}

describe('limbo and follow', () => {
  test('limbo: a replica of nobody, seen in the very answer; writes are refused', async () => {
    expect(await order(LIMBO)).toMatchObject({ ok: true, info: IN_LIMBO });
    await expect(redis.command('SET', 'a', 1)).rejects.toThrow('READONLY');
  });

  test('follow: a replica of that one, and its data comes', async () => {
    const master = await place.redis();
    await master.command('SET', 'a', 1);
    const { host: ip, port } = master.target;
    const outcome = await order({ kind: 'follow', ip, port, why: 'a test', cutClients: false });
    expect(outcome).toMatchObject({ ok: true, info: { role: 'replica', masterHost: ip, masterPort: port } });
    await until('the data to come', async () => (await redis.command('GET', 'a')) === '1');
  });

  test('a demoted master cuts its clients, subscribers too, but not the connection that ordered it', async () => {
    const [normal, subscriber] = [await openRaw(), await openRaw()];
    await normal.ask('PING');
    await subscriber.ask('SUBSCRIBE', 'news');
    expect(await order({ ...LIMBO, cutClients: true })).toMatchObject({ ok: true, info: IN_LIMBO });
    await normal.closed();
    await subscriber.closed();
    expect(await connection.call('PING')).toBe('PONG');
  });

  test('a hung master, at once: a write that was waiting in front of the order is not acknowledged', async () => {
    const writers = [await openRaw(), await openRaw(), await openRaw()];
    for (const writer of writers) await writer.ask('PING');
    redis.pause();
    for (const writer of writers) writer.send(['SET', 'a', '1']);
    const fenced = order({ ...LIMBO, cutClients: true, atOnce: true });
    // It is sent in this turn of the loop, and has to wait in front of the hung one before that goes on.
    await nextTurn();
    redis.resume();
    expect(await fenced).toMatchObject({ ok: true, info: IN_LIMBO });
    for (const writer of writers) await writer.closed();
    expect(writers.map((writer) => writer.received)).toEqual(['', '', '']);
  });

  test('without demotion no client is cut', async () => {
    await openClient();
    await order(LIMBO);
    expect((await readCommandCounts(redis)).calls.has('client|kill')).toBe(false);
  });
});

describe('promote, while the lease lasts', () => {
  beforeEach(() => order(LIMBO));

  test('makes it a writable master', async () => {
    expect(await order(PROMOTE)).toMatchObject({ ok: true, info: { role: 'master' } });
    expect(await redis.command('SET', 'a', 1)).toBe('OK');
  });

  test('with the number of replicas that writes need', async () => {
    expect(await order({ ...PROMOTE, minReplicas: 1 })).toMatchObject({ ok: true });
    await expect(redis.command('SET', 'a', 1)).rejects.toThrow('NOREPLICAS');
    expect(await order({ ...PROMOTE, minReplicas: 0 })).toMatchObject({ ok: true });
    expect(await redis.command('SET', 'a', 1)).toBe('OK');
  });

  test.each([
    ['long ago', 999],
    ['just now', 1000],
  ])('a deadline that passed %s: nothing is sent', async (_, deadlineMs) => {
    let outcome: Outcome | undefined;
    const changes = await changesDuring(async () => {
      outcome = await order({ ...PROMOTE, deadlineMs, minReplicas: 0 }, clockOf(1000));
    });
    expect(outcome).toEqual({ ok: false, error: 'the lease had run out before it was sent', late: true });
    expect(changes).toEqual([]);
    expect(await role()).toBe('replica');
  });

  test('it returns too late: fenced, and its clients cut', async () => {
    await openClient();
    const outcome = await order({ ...PROMOTE, deadlineMs: 1000 }, clockOf(900, 1000));
    expect(outcome).toEqual({ ok: false, error: expect.stringContaining('fenced'), late: true });
    expect(await role()).toBe('replica');
    await expect(redis.command('SET', 'a', 1)).rejects.toThrow('READONLY');
    expect((await readCommandCounts(redis)).calls.get('client|kill')).toBe(2);
  });

  test('the lease ends between its two steps: the step that makes it writable is not sent', async () => {
    const host = await place.host(6379);
    const info = await redis.text('INFO');
    const seen: string[] = [];
    let nowMs = 900;
    const stallsOnConfig: CommandHandler = (_session, words) => {
      seen.push(words.slice(0, 3).join(' '));
      if (words[0] === 'CONFIG') nowMs = 1000;
      return words[0] === 'INFO' ? bulk(info) : simple('OK');
    };
    place.closing(await serveResp(host, 6379, stallsOnConfig), (server) => server.close());
    connection = await place.connect({ host, port: 6379 });
    const outcome = await order({ kind: 'promote', deadlineMs: 1000, minReplicas: 0 }, { now: () => nowMs });
    expect(outcome).toMatchObject({ ok: false, late: true });
    expect(seen[0]).toBe('CONFIG SET min-replicas-to-write');
    expect(seen.filter((words) => words.startsWith('REPLICAOF'))).toEqual(['REPLICAOF 127.0.0.1 1']);
  });

  test('the Redis freezes on it: when it runs again, the order is followed by its fence', async () => {
    connection = await place.connect(redis.target, { ...TIMEOUTS, commandTimeoutMs: 150 });
    redis.pause();
    expect(await order({ ...PROMOTE, minReplicas: 0 })).toMatchObject({ ok: false, late: false });
    redis.resume();
    const counts = async (): Promise<number> => (await readCommandCounts(redis)).calls.get('replicaof') ?? 0;
    await until('the fence to be carried out', async () => (await counts()) >= 2);
    expect(await role()).toBe('replica');
    await expect(redis.command('SET', 'a', 1)).rejects.toThrow('READONLY');
  });

  test('an order for a Redis that is gone is never carried out by its successor', async () => {
    const { host, port } = redis.target;
    await redis.killAndWait();
    expect(await order(PROMOTE)).toMatchObject({ ok: false, late: false });
    redis = await place.redis({ host, port, config: ['replicaof 127.0.0.1 1'] });
    expect(await order(PROMOTE)).toMatchObject({ ok: false });
    expect((await readCommandCounts(redis)).calls.has('replicaof')).toBe(false);
    expect(await role()).toBe('replica');
  });

  test('Redis refuses: its reason is the outcome', async () => {
    await redis.command('ACL', 'SETUSER', 'default', '-replicaof');
    expect(await order(PROMOTE)).toMatchObject({ ok: false, error: expect.stringContaining('NOPERM') });
    expect(await role()).toBe('replica');
  });
});

describe('set-min-replicas', () => {
  const minReplicas = async (): Promise<unknown> => redis.command('CONFIG', 'GET', 'min-replicas-to-write');

  test('sets it', async () => {
    expect(await order({ kind: 'set-min-replicas', count: 2, deadlineMs: FAR })).toEqual({ ok: true, info: null });
    expect(await minReplicas()).toEqual(['min-replicas-to-write', '2']);
  });

  test('not on a lease that is over; a fence when it ended meanwhile', async () => {
    const late: OwnAction = { kind: 'set-min-replicas', count: 2, deadlineMs: 1000 };
    expect(await changesDuring(() => order(late, clockOf(1000)))).toEqual([]);
    expect(await order(late, clockOf(900, 1000))).toMatchObject({ ok: false, late: true });
    expect(await role()).toBe('replica');
  });
});

describe('holding writes back', () => {
  test('a writer waits, reads go on; unpause lets it through', async () => {
    const [writer, reader] = [await openClient(), await openClient()];
    expect(await order({ kind: 'pause-writes', budgetMs: 60_000 })).toMatchObject({
      ok: true,
      info: { role: 'master' },
    });
    const written = writer.command('SET', 'a', 1);
    await until('the writer to be held back', async () => (await clientsBlocked(reader)) === 1);
    expect(await reader.command('GET', 'a')).toBeNull();
    expect(await order({ kind: 'unpause' })).toEqual({ ok: true, info: null });
    expect(await written).toBe('OK');
  });

  test('a writer that waits while the master is demoted gets READONLY, not silence', async () => {
    const [writer, reader] = [await openClient(), await openClient()];
    await order({ kind: 'pause-writes', budgetMs: 60_000 });
    const written = writer.command('SET', 'a', 1);
    const refused = expect(written).rejects.toThrow('READONLY');
    await until('the writer to be held back', async () => (await clientsBlocked(reader)) === 1);
    expect(await order({ ...LIMBO, cutClients: true })).toMatchObject({ ok: true, info: IN_LIMBO });
    await refused;
    expect(await redis.command('EXISTS', 'a')).toBe(0);
  });

  test('after its time is over Redis lets writes through by itself', async () => {
    const writer = await openClient();
    await order({ kind: 'pause-writes', budgetMs: 50 });
    expect(await writer.command('SET', 'a', 1)).toBe('OK');
  });

  async function clientsBlocked(by: RedisCommander): Promise<number> {
    return Number(/blocked_clients:(\d+)/.exec(await by.text('INFO', 'clients'))?.[1]);
  }
});

describe('donate', () => {
  const attach = async (replica: RedisProcess): Promise<void> => {
    await replica.command('REPLICAOF', redis.target.host, redis.target.port);
    await until('the replica to be attached', async () =>
      (await redis.text('INFO', 'replication')).includes('state=online'),
    );
  };

  test('S3: what only it has comes to another one without a full sync, and it takes no write, attached or not', async () => {
    const master = await place.redis();
    const [behind, behindTo] = [await place.redis(), master.target];
    for (const one of [redis, behind]) await one.command('REPLICAOF', behindTo.host, behindTo.port);
    await master.command('SET', 'a', 1);
    await until('both to have it', async () => {
      const values = await Promise.all([redis, behind].map((one) => one.command('GET', 'a')));
      return values.every((value) => value === '1');
    });
    await behind.command('REPLICAOF', '127.0.0.1', 1);
    await master.command('SET', 'only', 'here');
    await until('the donor to have it', async () => (await redis.command('GET', 'only')) === 'here');
    await order(LIMBO);
    expect(await order({ kind: 'donate' })).toMatchObject({ ok: true, info: { role: 'master' } });
    await expect(redis.command('SET', 'b', 1)).rejects.toThrow('NOREPLICAS');
    await attach(behind);
    await until('it to come', async () => (await behind.command('GET', 'only')) === 'here');
    await expect(redis.command('SET', 'b', 1)).rejects.toThrow('NOREPLICAS');
    expect(await redis.text('INFO', 'stats')).toMatch(/sync_full:0\r\nsync_partial_ok:1\r\n/);
  });

  test('not where Redis has been told not to count its replicas: as a master it would take writes', async () => {
    await order(LIMBO);
    await redis.command('CONFIG', 'SET', 'min-replicas-max-lag', 0);
    expect(await order({ kind: 'donate' })).toMatchObject({ ok: false, late: false });
    expect(await role()).toBe('replica');
  });
});

test('sample: INFO as it is', async () => {
  expect(await order({ kind: 'sample' })).toMatchObject({
    ok: true,
    info: { role: 'master', keys: 0, loading: false },
  });
});

test('no answer in time is late, so that the caller knows that it may still happen', async () => {
  const host = await place.host(6379);
  const never = deferred<never>();
  place.closing(await serveResp(host, 6379, () => never.promise), (server) => server.close());
  connection = await place.connect({ host, port: 6379 }, { ...TIMEOUTS, commandTimeoutMs: 100 });
  expect(await order(LIMBO)).toEqual({ ok: false, error: expect.stringContaining('no answer in time'), late: true });
});

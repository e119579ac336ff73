import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  MonitorRecorder,
  RedisCommander,
  RedisProcess,
  TestkitError,
  changingCommandsBetween,
  liveProcesses,
  loadTools,
  parseMonitorLine,
  parseRole,
  readCommandCounts,
  waitUntil,
  type RedisProcessOptions,
} from '../src/index.ts';
import { makePlace, processExists, type Place } from './helpers.ts';

const tool = loadTools().redisServer;
let place: Place;
let started = 0;
const running: RedisProcess[] = [];

beforeAll(async () => {
  place = await makePlace();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((redis) => redis.killAndWait()));
});

afterAll(async () => {
  expect(liveProcesses()).toEqual([]);
  await place.remove();
});

async function options(extra: Partial<RedisProcessOptions> = {}): Promise<RedisProcessOptions> {
  const host = await place.addresses.take([6379]);
  return { tool, host, port: 6379, dir: join(place.dir, `redis-${String(started++)}`), ...extra };
}

async function startRedis(extra: Partial<RedisProcessOptions> = {}): Promise<RedisProcess> {
  const redis = await RedisProcess.start(await options(extra));
  running.push(redis);
  return redis;
}

describe('a redis-server process', () => {
  test('answers when it has started, and is gone when it was stopped', async () => {
    const redis = await startRedis();
    expect(await redis.command('SET', 'k', 'v')).toBe('OK');
    expect(redis.isAlive()).toBe(true);
    const { pid } = redis;
    expect(await redis.stop()).toEqual({ code: 0, signal: null });
    expect(redis.isAlive()).toBe(false);
    expect(processExists(pid!)).toBe(false);
    await expect(redis.command('PING')).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
  });

  test('SIGKILL ends it at once', async () => {
    const redis = await startRedis();
    expect(await redis.killAndWait()).toEqual({ code: null, signal: 'SIGKILL' });
    expect(redis.process.describeExit()).toBe('was ended by SIGKILL');
  });

  test('paused it is alive and silent, resumed it answers again', async () => {
    const redis = await startRedis();
    redis.pause();
    await expect(redis.command('PING')).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    expect(redis.isAlive()).toBe(true);
    redis.resume();
    expect(await redis.command('PING')).toBe('PONG');
  });

  test('a paused one can be stopped', async () => {
    const redis = await startRedis();
    redis.pause();
    expect(await redis.stop()).toEqual({ code: 0, signal: null });
  });

  test('a password keeps strangers out', async () => {
    const redis = await startRedis({ password: 'secret' });
    expect(await redis.command('PING')).toBe('PONG');
    const stranger = new RedisCommander({ host: redis.target.host, port: redis.target.port });
    await expect(stranger.command('PING')).rejects.toThrow(/NOAUTH/);
    stranger.close();
  });

  test('one that cannot start fails with what its log says', async () => {
    const wrong = await options({ config: ['no-such-directive yes'] });
    const failure = await RedisProcess.start(wrong).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TestkitError);
    expect(String(failure)).toContain('no-such-directive');
  });

  test('a second one on the same port is not mistaken for the first', async () => {
    const first = await options();
    running.push(await RedisProcess.start(first));
    await expect(RedisProcess.start({ ...first, dir: `${first.dir}-again` })).rejects.toMatchObject({
      code: 'PROCESS_FAILED',
    });
  });

  test('a replica shows whom it follows, and the master sees its own address', async () => {
    const master = await startRedis();
    const replica = await startRedis();
    await replica.command('REPLICAOF', master.target.host, 6379);
    const role = await waitUntil(
      async () => {
        const now = parseRole(await replica.text('INFO', 'replication'));
        return now.linkUp === true ? now : undefined;
      },
      { what: 'the link', timeoutMs: 10_000 },
    );
    expect(role).toMatchObject({ role: 'replica', masterHost: master.target.host, masterPort: 6379 });
    const seen = parseRole(await master.text('INFO', 'replication'));
    expect(seen.replicas.map(({ ip, port }) => ({ ip, port }))).toEqual([{ ip: replica.target.host, port: 6379 }]);
  });
});

describe('what an instance was told', () => {
  test('MONITOR records ordinary commands with their arguments', async () => {
    const redis = await startRedis({ password: 'secret' });
    const monitor = await MonitorRecorder.start(redis.target);
    await redis.command('SET', 'a key', 'with "quotes"');
    await waitUntil(() => (monitor.commands().includes('SET a key with "quotes"') ? true : undefined), {
      what: 'the command to be seen',
      timeoutMs: 2000,
    });
    monitor.stop();
    expect(monitor.dropped).toBe(0);
  });

  test('MONITOR leaves out REPLICAOF and CONFIG SET; the counts have them', async () => {
    const redis = await startRedis();
    const before = await readCommandCounts(redis);
    const monitor = await MonitorRecorder.start(redis.target);
    await redis.command('CONFIG', 'SET', 'min-replicas-to-write', 0);
    await redis.command('REPLICAOF', 'NO', 'ONE');
    await redis.command('SET', 'k', 'v');
    await waitUntil(() => (monitor.commands().includes('SET k v') ? true : undefined), {
      what: 'the last command to be seen',
      timeoutMs: 2000,
    });
    monitor.stop();
    expect(monitor.commands()).toEqual(['SET k v']);
    const changing = changingCommandsBetween(before, await readCommandCounts(redis));
    expect(changing.sort()).toEqual(['config|set (1)', 'replicaof (1)']);
  });

  test('reading and counting changes nothing', async () => {
    const redis = await startRedis();
    const before = await readCommandCounts(redis);
    await redis.command('INFO');
    await redis.command('CONFIG', 'GET', 'save');
    expect(changingCommandsBetween(before, await readCommandCounts(redis))).toEqual([]);
  });

  test('a line of MONITOR is read with its escapes', () => {
    const line = String.raw`+1700000000.123456 [0 127.0.0.1:60866] "set" "a\"b" "c\\d"`;
    expect(parseMonitorLine(line)).toEqual({
      atSeconds: 1_700_000_000.123456,
      source: '127.0.0.1:60866',
      args: ['set', 'a"b', String.raw`c\d`],
    });
    expect(parseMonitorLine('+OK')).toBeUndefined();
  });
});

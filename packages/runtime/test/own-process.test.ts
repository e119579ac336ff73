// What the watcher of the own Redis makes of its process: its death while connections are still open, and killing a hung one.
import { describe, expect, test } from '@jest/globals';
import type { RedisProcess } from '@sentinel-micro/testkit';
import type { RedisSample } from '@sentinel-micro/core';
import {
  bulk,
  bulks,
  serveResp,
  systemClock,
  watchOwnRedis,
  type KillHung,
  type OwnRedis,
  type OwnRedisOptions,
  type RedisTarget,
  type Session,
} from '../src/index.ts';
import { place, SHORT, TIMEOUTS, until, usePlace } from './support.ts';

const DOWN_AFTER_MS = 400;
const HOUR_MS = 3_600_000;
usePlace();

interface Watched {
  readonly own: OwnRedis;
  readonly samples: { readonly outcome: RedisSample['outcome']; readonly atMs: number }[];
  readonly news: string[];
  outcomes(): string[];
}

function watch(target: RedisTarget, change: Partial<OwnRedisOptions> = {}): Watched {
  const samples: Watched['samples'] = [];
  const news: string[] = [];
  const own = watchOwnRedis({
    target,
    timeouts: TIMEOUTS,
    sampleEveryMs: HOUR_MS,
    downAfterMs: DOWN_AFTER_MS,
    clock: systemClock,
    onSample: ({ outcome }) => samples.push({ outcome, atMs: systemClock.now() }),
    onNews: (level, _event, text) => news.push(`${level}: ${text}`),
    ...change,
  });
  place.closing(own, () => own.stop());
  return { own, samples, news, outcomes: () => samples.map(({ outcome }) => outcome) };
}

/** Looks often enough to see a hang within its time. */
function watchHanging(redis: RedisProcess, killHung: Partial<KillHung> = {}): Watched {
  return watch(redis.target, {
    timeouts: SHORT,
    sampleEveryMs: 20,
    killHung: { isOfUse: () => true, ...killHung },
  });
}

async function sees(watched: Watched): Promise<void> {
  await until('its process to be looked for', () => watched.news.length > 0);
  expect(watched.news).toEqual(['info: the process of Redis is visible: its death is known within milliseconds']);
}

/** Says of itself what a Redis said, process id included; but its connections end with it, and not with that process. */
async function double(says: (session: Session) => string): Promise<RedisTarget> {
  const host = await place.host(6379);
  const server = await serveResp(host, 6379, (session, [command]) =>
    command === 'CONFIG' ? bulks(['min-replicas-to-write', '0']) : bulk(says(session)),
  );
  place.closing(server, () => server.close());
  return { host, port: 6379 };
}

describe('a death', () => {
  test('is known while the connections are still open: refused', async () => {
    const redis = await place.redis();
    const info = await redis.text('INFO');
    const watched = watch(await double(() => info));
    await sees(watched);
    redis.kill('SIGKILL');
    await until('the death to be told', () => watched.outcomes().includes('refused'));
    expect(watched.outcomes().slice(0, 2)).toEqual(['info', 'refused']);
  });

  // Nobody looks at a replica all the time. While one closes its sockets, one after the other, it still takes connections.
  test('of a replica is known when its connection ends: it is not asked by another one', async () => {
    const redis = await place.redis();
    const master = await place.redis();
    await redis.text('REPLICAOF', master.target.host, String(master.target.port));
    const info = await redis.text('INFO');
    expect(info).toContain('role:slave');
    let isEnding = false;
    const target = await double((session) => {
      if (isEnding) session.end();
      return info;
    });
    const watched = watch(target, { sampleEveryMs: 20 });
    await sees(watched);
    await redis.killAndWait();
    isEnding = true;
    await until('the death to be told', () => watched.outcomes().includes('refused'));
  });

  test('is told once; the next process is found, and that is no news', async () => {
    const redis = await place.redis();
    const watched = watch(redis.target);
    await sees(watched);
    await redis.killAndWait();
    await until('the death to be told', () => watched.outcomes().includes('refused'));
    const { host, port } = redis.target;
    const next = await place.redis({ host, port });
    await until('it to be back', () => watched.outcomes().at(-1) === 'info');
    expect(watched.news).toHaveLength(1);
    const told = watched.samples.length;
    await next.killAndWait();
    await until('the next death to be told', () => watched.outcomes().slice(told).includes('refused'));
  });

  test('of a process that is not seen is known by its connections; that is said', async () => {
    const redis = await place.redis();
    const info = (await redis.text('INFO')).replace(/process_id:\d+/, 'process_id:4194304');
    const watched = watch(await double(() => info));
    await until('its process to be looked for', () => watched.news.length > 0);
    expect(watched.news).toEqual([
      'info: the process of Redis is not visible (there is no process 4194304 here): its death is known when its connections close',
    ]);
  });
});

describe('a Redis that hangs', () => {
  test('is killed before it is told that it hangs: dead instead', async () => {
    const redis = await place.redis();
    const watched = watchHanging(redis);
    await sees(watched);
    redis.pause();
    expect((await redis.process.exited).signal).toBe('SIGKILL');
    await until('its death to be told', () => watched.outcomes().includes('refused'));
    const { samples } = watched;
    const first = samples.findIndex(({ outcome }) => outcome === 'silent');
    const aliveAtMs = samples[first - 1]!.atMs;
    const last = samples.findLast(({ outcome }) => outcome === 'silent')!;
    expect(last.atMs - aliveAtMs).toBeLessThan(DOWN_AFTER_MS);
    expect(watched.news.slice(1)).toEqual([
      'warn: Redis does not answer, for its process is stopped (SIGSTOP, or a debugger)',
      'warn: Redis hangs: killing its process, so that it can not wake up and take writes (--kill-hung)',
    ]);
  });

  test('is left alone when nobody would take its place', async () => {
    const redis = await place.redis();
    const watched = watchHanging(redis, { isOfUse: () => false });
    await sees(watched);
    redis.pause();
    const hangs = (): boolean => {
      const { samples } = watched;
      const alive = samples.findLast(({ outcome }) => outcome === 'info')!;
      return samples.some(({ outcome, atMs }) => outcome === 'silent' && atMs - alive.atMs > 2 * DOWN_AFTER_MS);
    };
    await until('it to be told that it hangs', hangs);
    expect(redis.isAlive()).toBe(true);
    const told = watched.samples.length;
    redis.resume();
    await until('it to answer', () => watched.outcomes().slice(told).includes('info'));
  });

  test('is left alone when that is not wanted', async () => {
    const redis = await place.redis();
    const watched = watch(redis.target, { timeouts: SHORT, sampleEveryMs: 20 });
    await sees(watched);
    redis.pause();
    await until('silence', () => watched.outcomes().filter((outcome) => outcome === 'silent').length > 4);
    expect(redis.isAlive()).toBe(true);
    redis.resume();
  });

  test('without its process being seen it can not be killed: that is a warning', async () => {
    const redis = await place.redis();
    const info = (await redis.text('INFO')).replace(/process_id:\d+/, 'process_id:4194304');
    const watched = watch(await double(() => info), { killHung: { isOfUse: () => true } });
    await until('its process to be looked for', () => watched.news.length > 0);
    expect(watched.news[0]).toMatch(/^warn: .* not visible .*; it can not be killed when it hangs \(--kill-hung\)$/);
  });

  // Fails when the first silence is enough.
  test('is not taken for one when it was this process that stood still', async () => {
    const redis = await place.redis();
    const watched = watchHanging(redis);
    await sees(watched);
    for (let round = 0; round < 5; round++) {
      const told = watched.samples.length;
      watched.own.sample();
      // What was asked is answered meanwhile, but its time-out comes up first.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DOWN_AFTER_MS + 200);
      await until('it to answer', () => watched.outcomes().slice(told).includes('info'));
    }
    expect(watched.outcomes()).not.toContain('refused');
    expect(redis.isAlive()).toBe(true);
  });
});

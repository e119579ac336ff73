import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { RedisProcess } from '@sentinel-micro/testkit';
import { findProcess, SeenProcess, type ProcessClaim } from '../src/redis-process.ts';
import { place, until, usePlace } from './support.ts';

usePlace();

async function claimOf(redis: RedisProcess, change: Partial<ProcessClaim> = {}): Promise<ProcessClaim> {
  const info = await redis.text('INFO', 'server');
  const number = (field: string): number => Number(new RegExp(`${field}:(\\d+)`).exec(info)?.[1]);
  return {
    pid: number('process_id'),
    uptimeSeconds: number('uptime_in_seconds'),
    port: redis.target.port,
    ...change,
  };
}

async function found(redis: RedisProcess): Promise<SeenProcess> {
  return place.closing(findProcess(await claimOf(redis)), (process) => process.close());
}

describe('the life of a process', () => {
  test('it runs, is stopped, runs again', async () => {
    const redis = await place.redis();
    const process = await found(redis);
    expect(process.look()).toBe('alive');
    redis.pause();
    await until('it to be stopped', () => process.look() === 'stopped');
    redis.resume();
    await until('it to run', () => process.look() === 'alive');
  });

  test('it is killed while it is stopped: gone, and stays so', async () => {
    const redis = await place.redis();
    const process = await found(redis);
    redis.pause();
    expect(process.kill()).toBe(true);
    await until('it to be gone', () => process.look() === 'gone');
    expect((await redis.process.exited).signal).toBe('SIGKILL');
    expect(process.look()).toBe('gone');
    expect(process.mayKill()).toBe(false);
    // Nothing is left to be done, and its id may be another's.
    expect(process.kill()).toBe(true);
  });

  test('it ends by itself: gone', async () => {
    const redis = await place.redis();
    const process = await found(redis);
    redis.kill('SIGTERM');
    await until('it to be gone', () => process.look() === 'gone');
  });

  // The name stands before all else in what the kernel tells, and may be anything: this one looks like the rest.
  test('its name does not say how it is', async () => {
    const name = 'a) Z 1 1 1 1 1 ';
    const start = `process.title = '${name}'; setInterval(() => undefined, 1000);`;
    const child = place.closing(spawn(process.execPath, ['-e', start]), (one) => void one.kill('SIGKILL'));
    const pid = child.pid!;
    await until('it to have its name', () => readFileSync(`/proc/${String(pid)}/comm`, 'utf8').startsWith(name));
    const seen = place.closing(new SeenProcess(pid), (one) => one.close());
    expect(seen.look()).toBe('alive');
    child.kill('SIGSTOP');
    await until('it to be stopped', () => seen.look() === 'stopped');
    const uptime = Number.parseFloat(readFileSync('/proc/uptime', 'utf8'));
    expect(uptime - seen.startedAtSeconds()).toBeGreaterThanOrEqual(0);
    expect(uptime - seen.startedAtSeconds()).toBeLessThan(60);
  });

  test('whoever may signal it may kill it', async () => {
    expect((await found(await place.redis())).mayKill()).toBe(true);
  });
});

describe('an id may stand for another process here', () => {
  test('there is none of that id', async () => {
    const redis = await place.redis();
    // The largest id that Linux gives is one less.
    const claim = await claimOf(redis, { pid: 4_194_304 });
    expect(() => findProcess(claim)).toThrow('there is no process 4194304 here');
  });

  test('it is another program', async () => {
    const claim = await claimOf(await place.redis(), { pid: process.pid });
    expect(() => findProcess(claim)).toThrow(`process ${String(process.pid)} here is not a redis-server`);
  });

  test('it is a Redis, but of another port', async () => {
    const redis = await place.redis();
    const claim = await claimOf(redis, { port: 7000 });
    expect(() => findProcess(claim)).toThrow('is the redis-server of port 6379');
  });

  test.each([
    ['older', 3600],
    ['younger', -3600],
  ])('it is a Redis, but a much %s one', async (_how, seconds) => {
    const redis = await place.redis();
    const claim = await claimOf(redis);
    const wrong = { ...claim, uptimeSeconds: claim.uptimeSeconds + seconds };
    expect(() => findProcess(wrong)).toThrow('is a redis-server that was started at another time');
  });
});

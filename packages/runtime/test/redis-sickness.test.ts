import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { RedisProcess } from '@sentinel-micro/testkit';
import type { RedisConnection } from '../src/index.ts';
import { askSickness, Sickness } from '../src/redis-sickness.ts';
import { place, usePlace } from './support.ts';

usePlace();

const FULL = 'used_memory:120\r\nmaxmemory:100\r\nmaxmemory_policy:noeviction\r\n';

describe('read from INFO', () => {
  test.each([
    ['nothing at all', '', null],
    ['no limit', 'used_memory:120\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n', null],
    ['below the limit', 'used_memory:99\r\nmaxmemory:100\r\nmaxmemory_policy:noeviction\r\n', null],
    ['above the limit', FULL, 'OOM'],
    ['above it for the replicas alone', `${FULL}mem_not_counted_for_evict:30\r\n`, null],
    ['above it, but something can be evicted', FULL.replace('noeviction', 'allkeys-lru'), null],
    ['saves fail', 'rdb_last_bgsave_status:err\r\n', 'could not save'],
    ['all is saved', 'rdb_last_bgsave_status:ok\r\naof_last_write_status:ok\r\naof_last_bgrewrite_status:ok\r\n', null],
    ['nothing can be appended', 'aof_last_write_status:err\r\n', 'append-only file: it refuses writes with MISCONF'],
    ['the append-only file grows', 'aof_last_bgrewrite_status:err\r\n', 'keeps growing'],
  ])('%s', (_what, info, words) => {
    const sickness = new Sickness();
    sickness.take(info, true);
    if (words === null) expect(sickness.text).toBeNull();
    else expect(sickness.text).toContain(words);
  });

  test('a replica refuses nothing for its memory', () => {
    const sickness = new Sickness();
    sickness.take(FULL, false);
    expect(sickness.text).toBeNull();
  });

  test('writes that were refused say so themselves, when there is nothing to evict under another policy', () => {
    const sickness = new Sickness();
    // What was refused before this was first looked at may be long ago.
    sickness.take('errorstat_OOM:count=7\r\n', true);
    expect(sickness.text).toBeNull();
    sickness.take('errorstat_OOM:count=8\r\n', true);
    expect(sickness.text).toContain('OOM');
  });

  test('at its limit memory is now above it and now below: one complaint, until it has been below for a while', () => {
    const sickness = new Sickness();
    const below = FULL.replace('120', '99');
    const texts = [FULL, below, FULL, below, below, below, below, below].map((info) => {
      sickness.take(info, true);
      return sickness.text !== null;
    });
    expect(texts).toEqual([true, true, true, true, true, true, true, false]);
  });

  test('a failed save is over with the next one that succeeds', () => {
    const sickness = new Sickness();
    sickness.take('rdb_last_bgsave_status:err\r\n', true);
    sickness.take('rdb_last_bgsave_status:ok\r\n', true);
    expect(sickness.text).toBeNull();
  });
});

describe('a real Redis', () => {
  async function look(redis: RedisProcess, connection: RedisConnection): Promise<string | null> {
    const sickness = new Sickness();
    const isMaster = (await redis.text('INFO', 'replication')).includes('role:master');
    sickness.take(await askSickness(connection), isMaster);
    return sickness.text;
  }

  test('out of memory: it refuses writes, and says so', async () => {
    const redis = await place.redis();
    const connection = await place.connect(redis.target);
    expect(await look(redis, connection)).toBeNull();
    await redis.command('CONFIG', 'SET', 'maxmemory', 1000);
    await expect(redis.command('SET', 'k', 'v')).rejects.toThrow('OOM');
    expect(await look(redis, connection)).toContain('OOM');
    await redis.command('CONFIG', 'SET', 'maxmemory', 0);
    expect(await look(redis, connection)).toBeNull();
  });

  test('it can not save: it refuses writes, and says so', async () => {
    const redis = await place.redis({ config: ['save 3600 1'] });
    const connection = await place.connect(redis.target);
    const [, dir] = (await redis.command('CONFIG', 'GET', 'dir')) as [string, string];
    rmSync(join(dir), { recursive: true });
    await redis.command('BGSAVE');
    await expect(refusal(redis)).resolves.toMatch(/^MISCONF/);
    // So an exec probe that wants PONG, and Redis Sentinel, take it for dead.
    await expect(redis.command('PING')).rejects.toThrow('MISCONF');
    expect(await look(redis, connection)).toContain('could not save');
  });

  async function refusal(redis: RedisProcess): Promise<string> {
    for (let n = 0; n < 1000; n++) {
      const answer = await redis.command('SET', 'k', n).catch((error: unknown) => (error as Error).message);
      if (answer !== 'OK') return String(answer);
    }
    throw new Error('it took all writes');
  }
});

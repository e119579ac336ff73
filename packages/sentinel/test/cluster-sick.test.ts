// Sick, not dead: a master that hangs, is busy, loads, can not save, or has no memory left.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { RedisCommander, sleep, type Cluster, type Pod } from '@sentinel-micro/testkit';
import {
  PATIENCE_MS,
  WAIT_FOR_QUORUM,
  fill,
  mend,
  readBack,
  settled,
  startSet,
  startWriter,
  stopAll,
  untilTrue,
} from './cluster-helpers.ts';
import { BurstOfWrites } from './cluster-prober.ts';
import { SICK_MS, WELL, answerTo, news, place, switchFrom, texts } from './cluster-sickness.ts';

const BURST = 200;
const KEYS = 3000;

/** SIGSTOP takes effect a moment after it was sent. */
async function stop(pod: Pod): Promise<void> {
  pod.pauseRedis();
  await untilTrue(`${pod.name} to be stopped`, async () => (await answerTo(pod, 'PING')) !== 'PONG');
}

async function redisOf(pod: Pod): Promise<{ health: string; reason: string }> {
  return (await pod.peerStatus()).raw['redis'] as { health: string; reason: string };
}

describe('with --kill-hung', () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startSet({ sentinelFlags: ['--kill-hung'] });
  }, 60_000);
  beforeEach(async () => {
    await mend(cluster);
    await settled(cluster);
  }, 60_000);
  afterAll(() => stopAll(cluster));

  test('every sidecar says once that it sees the process', async () => {
    await untilTrue('all to have said so', () => cluster.pods.every((pod) => texts(pod, 'redis-process').length > 0));
    expect(cluster.pods.map((pod) => texts(pod, 'redis-process'))).toEqual(
      Array(3).fill(['the process of Redis is visible: its death is known within milliseconds']),
    );
  });

  // Fails when it is killed only after its lease was given back, or not at all.
  test('a master that is stopped is killed first; no write that was waiting in it is ever acknowledged', async () => {
    const { master } = await settled(cluster);
    const writer = startWriter(cluster, { wait: WAIT_FOR_QUORUM });
    await writer.waitForSuccess(PATIENCE_MS);
    const [early, late] = [await BurstOfWrites.connect(master), await BurstOfWrites.connect(master)];
    await stop(master);
    early.send('early', BURST);
    const next = await cluster.waitForMasterOtherThan(master);
    late.send('late', BURST);
    await writer.waitForSuccess(PATIENCE_MS);
    expect(master.isRedisAlive()).toBe(false);
    expect(master.events.redis.at(-1)).toMatchObject({ what: 'was ended by SIGKILL' });
    // Dead, not hung: that is how the lease was given back.
    expect(texts(master, 'master-down').at(-1)).toContain('no process listens');
    expect([await early.answers(), await late.answers()]).toEqual([{}, {}]);
    await master.startRedis();
    expect((await settled(cluster)).master).toBe(next.master);
    expect(await readBack(cluster, writer)).toMatchObject({ lostConfirmed: 0, refusedButPresent: 0 });
  }, 60_000);

  test('a replica that is stopped is not killed: nobody has to take its place', async () => {
    const before = await place(cluster);
    const replica = cluster.pods.find((pod) => pod.name !== before.master)!;
    await stop(replica);
    await sleep(SICK_MS);
    expect(replica.isRedisAlive()).toBe(true);
    replica.resumeRedis();
    expect(await place(cluster)).toEqual(before);
  }, 60_000);

  test('while automatic failover is paused a master that is stopped is not killed, and goes on afterwards', async () => {
    const before = await place(cluster);
    const master = cluster.pods.find((pod) => pod.name === before.master)!;
    await master.sidecarCommand('SENTINEL', 'PAUSE', 'mymaster');
    await untilTrue('it to have heard', async () => Number((await master.peerStatus()).raw['pauses']) % 2 === 1);
    try {
      await stop(master);
      await sleep(SICK_MS);
      expect(master.isRedisAlive()).toBe(true);
      master.resumeRedis();
      expect(await place(cluster)).toMatchObject({ master: before.master, pid: before.pid });
    } finally {
      await master.sidecarCommand('SENTINEL', 'RESUME', 'mymaster');
    }
  }, 60_000);
});

describe('a master that answers, if only with errors, stays master', () => {
  let cluster: Cluster;

  beforeAll(async () => {
    // By default (Redis 7.0 and newer) a replica that can not save ends itself with the next write of its master.
    const lasting = 'replica-ignore-disk-write-errors yes';
    const slowly = ['key-load-delay 1000', 'loading-process-events-interval-bytes 1024'];
    const baseConfig = ['save 3600 1', 'lua-time-limit 200', 'enable-debug-command yes', lasting, ...slowly];
    cluster = await startSet({ baseConfig });
    await fill(cluster, (await settled(cluster)).master, KEYS);
  }, 60_000);
  beforeEach(async () => {
    await mend(cluster);
    await settled(cluster);
  }, 60_000);
  afterAll(() => stopAll(cluster));

  /** A client that does not mind how long its command takes. */
  function patient(pod: Pod): RedisCommander {
    return new RedisCommander(pod.redisTarget, PATIENCE_MS);
  }

  test('-BUSY: a script without end', async () => {
    const before = await place(cluster);
    const master = cluster.pods.find((pod) => pod.name === before.master)!;
    const client = patient(master);
    const script = client.command('EVAL', 'while true do end', 0).catch((error: unknown) => (error as Error).message);
    await untilTrue('it to be busy', async () => (await answerTo(master, 'GET', 'k')).startsWith('BUSY'));
    await sleep(SICK_MS);
    expect(await redisOf(master)).toMatchObject({ health: 'up', reason: expect.stringContaining('BUSY') as unknown });
    await master.command('SCRIPT', 'KILL');
    expect(await script).toMatch(/killed by user/i);
    client.close();
    await untilTrue('the end to be told', () => news(master).at(-1) === WELL);
    expect(news(master)).toEqual(['Redis of this pod answers BUSY', WELL]);
    expect(await place(cluster)).toEqual(before);
  }, 60_000);

  test('-MISCONF: it can not save, and says so; a switchover moves it without loss', async () => {
    const before = await place(cluster);
    const master = cluster.pods.find((pod) => pod.name === before.master)!;
    // What it has written can not be given its name.
    const dump = join(master.files.dataDir, 'dump.rdb');
    rmSync(dump, { force: true });
    mkdirSync(dump);
    await master.command('BGSAVE');
    await untilTrue('writes to be refused', async () =>
      (await answerTo(master, 'SET', 'k', 'v')).startsWith('MISCONF'),
    );
    await untilTrue('the sidecar to say so', () => news(master).at(-1)?.includes('could not save') === true);
    await sleep(SICK_MS);
    expect(await redisOf(master)).toMatchObject({ health: 'up' });
    expect(await place(cluster)).toEqual(before);
    await switchFrom(cluster, master);
    rmSync(dump, { recursive: true });
    await master.command('BGSAVE');
    await untilTrue('the end to be told', () => news(master).at(-1) === WELL);
  }, 60_000);

  test('-OOM: its memory is full, and it says so; a switchover moves it', async () => {
    const before = await place(cluster);
    const master = cluster.pods.find((pod) => pod.name === before.master)!;
    await master.command('CONFIG', 'SET', 'maxmemory', '1000');
    expect(await answerTo(master, 'SET', 'k', 'v')).toMatch(/^OOM/);
    await untilTrue('the sidecar to say so', () => news(master).at(-1)?.includes('OOM') === true);
    await sleep(SICK_MS);
    expect(await place(cluster)).toEqual(before);
    await switchFrom(cluster, master);
    // A replica refuses nothing.
    await untilTrue('the end to be told', () => news(master).at(-1) === WELL);
    expect(news(master).filter((text) => text.includes('OOM'))).toHaveLength(1);
    await master.command('CONFIG', 'SET', 'maxmemory', '0');
  }, 60_000);

  // The last one: its data counts as lost from here on, although it has come back.
  test('-LOADING: it loads its own data anew', async () => {
    const before = await place(cluster);
    const master = cluster.pods.find((pod) => pod.name === before.master)!;
    const client = patient(master);
    const reload = client.command('DEBUG', 'RELOAD');
    await untilTrue('it to be loading', async () => (await answerTo(master, 'GET', 'k')).startsWith('LOADING'));
    expect(await reload).toBe('OK');
    client.close();
    const { master: still } = await cluster.waitForHealthy({ timeoutMs: PATIENCE_MS });
    const { term, raw } = await master.peerStatus();
    expect({ master: still.name, term, pid: master.redisPid }).toEqual(before);
    expect(raw['role']).toBe('holder');
  }, 60_000);
});

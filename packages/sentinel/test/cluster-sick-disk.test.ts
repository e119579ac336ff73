// Sick, not dead: a master that can not put on its disk what it has, for it can not fork, or has no room.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sleep, type Cluster, type Pod } from '@sentinel-micro/testkit';
import { ConfinedRedis, allowFork, fillDisk, forbidFork, freeDisk, whyNotConfined } from './cluster-confined.ts';
import {
  LEASE_MS,
  PATIENCE_MS,
  WAIT_FOR_QUORUM,
  mend,
  readBack,
  settled,
  startSet,
  startWriter,
  stopAll,
  untilTrue,
} from './cluster-helpers.ts';
import { SICK_MS, WELL, answerTo, news, place, switchFrom, texts } from './cluster-sickness.ts';

const why = whyNotConfined();
if (why !== undefined) console.warn(`full disks and failing forks are skipped: ${why}`);

(why === undefined ? describe : describe.skip)('with a disk of its own, and an append-only file on it', () => {
  let confined: ConfinedRedis | undefined;
  let cluster: Cluster;

  beforeAll(async () => {
    confined = new ConfinedRedis();
    // Its allocator's threads, which it can not have without a fork either, would fill the log with complaints.
    const quietly = 'jemalloc-bg-thread no';
    // `appendfsync everysec`, as by default; the kubelet starts again what ends itself.
    const baseConfig = ['appendonly yes', 'save 3600 1', quietly];
    cluster = await startSet({ baseConfig, tools: confined.tools, restartPolicy: 'always' });
  }, 60_000);
  beforeEach(async () => {
    await mend(cluster);
    await settled(cluster);
  }, 60_000);
  afterAll(async () => {
    await stopAll(cluster);
    confined?.remove();
  });

  async function refusesWrites(master: Pod): Promise<void> {
    await untilTrue('writes to be refused', async () =>
      (await answerTo(master, 'SET', 'k', 'v')).startsWith('MISCONF'),
    );
  }

  /** It can not write what its new master sends. */
  async function endsItself(replica: Pod): Promise<void> {
    await untilTrue('it to end itself', () => replica.redisLogTail(500).join('').includes('unable to write command'));
  }

  /** Seen to fail: the sidecar has nothing but Redis's own word for it. */
  async function failToFork(master: Pod): Promise<void> {
    // Valkey 8.0.1 ends itself when the fork for a diskless copy fails twice (an assertion in rdb.c): dead, not sick.
    const isValkey = (await master.text('INFO', 'server')).includes('valkey_version:8.0.');
    if (isValkey) await master.command('CONFIG', 'SET', 'repl-diskless-sync', 'no');
    forbidFork(master);
    expect(await answerTo(master, 'BGSAVE')).toMatch(/^ERR/);
    expect(await answerTo(master, 'BGREWRITEAOF')).toMatch(/^ERR/);
    expect(master.redisLogTail(500).join('')).toContain('background: fork: Resource temporarily unavailable');
  }

  async function saveAgain(pod: Pod): Promise<void> {
    allowFork(pod);
    await pod.command('BGSAVE');
    await untilTrue('the save to have ended', async () =>
      (await answerTo(pod, 'BGREWRITEAOF')).startsWith('Background'),
    );
  }

  test('it can not fork: it stays master, and who needs a full copy gets none; a switchover loses nothing', async () => {
    const before = await place(cluster);
    const { master, replicas } = await settled(cluster);
    const writer = startWriter(cluster);
    await writer.waitForSuccess(PATIENCE_MS);
    try {
      await failToFork(master);
      await refusesWrites(master);
      const words = /could not save its data .*; could not rewrite its append-only file/;
      await untilTrue('the sidecar to say so', () => words.test(news(master).at(-1) ?? ''));
      await master.command('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
      await writer.waitForSuccess(PATIENCE_MS);
      const [empty] = replicas as [Pod, Pod];
      empty.killRedis();
      await sleep(SICK_MS);
      expect(await empty.role()).toMatchObject({ role: 'replica', linkUp: false });
      expect(await master.role()).toMatchObject({ role: 'master' });
      expect([(await master.peerStatus()).term, master.redisPid]).toEqual([before.term, before.pid]);
      await switchFrom(cluster, master);
      expect(await readBack(cluster, writer)).toMatchObject({ lostAcknowledged: 0, refusedButPresent: 0 });
    } finally {
      await saveAgain(master);
    }
    await untilTrue('the end to be told', () => news(master).at(-1) === WELL);
  }, 60_000);

  test('-MISCONF: its append-only file has no room: it stays master; a switchover loses nothing', async () => {
    const before = await place(cluster);
    const { master } = await settled(cluster);
    const writer = startWriter(cluster);
    await writer.waitForSuccess(PATIENCE_MS);
    fillDisk(master);
    await refusesWrites(master);
    await untilTrue('the sidecar to say so', () => news(master).at(-1)?.includes('append-only file') === true);
    await sleep(SICK_MS);
    expect(await place(cluster)).toEqual(before);
    freeDisk(master);
    await writer.waitForSuccess(PATIENCE_MS);
    await untilTrue('the end to be told', () => news(master).at(-1) === WELL);
    fillDisk(master);
    await refusesWrites(master);
    await switchFrom(cluster, master);
    await endsItself(master);
    expect(await readBack(cluster, writer)).toMatchObject({ lostAcknowledged: 0, refusedButPresent: 0 });
  }, 60_000);

  test('with appendfsync always it ends itself: another one is promoted at once, and what was confirmed is there', async () => {
    const { master } = await settled(cluster);
    await master.command('CONFIG', 'SET', 'appendfsync', 'always');
    const writer = startWriter(cluster, { wait: WAIT_FOR_QUORUM });
    await writer.waitForSuccess(PATIENCE_MS);
    fillDisk(master);
    const { tookMs } = await cluster.waitForMasterOtherThan(master);
    expect(tookMs).toBeLessThan(LEASE_MS);
    expect(master.redisLogTail(500).join('')).toContain("Can't recover from AOF write error");
    // Not because its lease ran out, nor because it was back.
    expect(texts(master, 'master-down').at(-1)).toContain('giving the lease back');
    expect(await readBack(cluster, writer)).toMatchObject({ lostConfirmed: 0, refusedButPresent: 0 });
  }, 60_000);
});

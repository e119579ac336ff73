import { RedisCommander, restartRedis, writeKeys, type Pod } from '@sentinel-micro/testkit';
import type { Bed } from '../bed.ts';
import { infoOf, setPriority, until } from '../looks.ts';
import { UNDISTURBED, type Scenario } from '../scenario.ts';
import { AFTERWARDS_MS, DATA_WAIT_MS, FAST_MS, GRANT_MS } from '../timings.ts';

/** Longer than a lease and longer than `--down-after-ms`. */
const SCRIPT_MS = 4000;

interface RedisStatus {
  readonly health: string;
  readonly reason: string;
}

async function healthOf(pod: Pod): Promise<RedisStatus> {
  return (await pod.peerStatus()).raw['redis'] as RedisStatus;
}

const slowScript: Scenario = {
  name: 'slow-script',
  family: 'data',
  what: 'A Lua script runs on the master for four seconds, beyond its time limit: everybody else is answered -BUSY.',
  setup: { baseConfig: ['lua-time-limit 200'] },
  expect: UNDISTURBED,
  async run(bed) {
    const client = new RedisCommander(bed.master.redisTarget, SCRIPT_MS * 2);
    try {
      const script = bed.fault('the script begins', () => client.command('EVAL', 'while true do end', 0));
      script.catch(() => undefined);
      await bed.sleep(SCRIPT_MS);
      const { health, reason } = await healthOf(bed.master);
      bed.note(`its sidecar says ${health}: ${reason}`);
      bed.check(health === 'up', `the sidecar takes a busy Redis for ${health}`);
      bed.check(reason.includes('BUSY'), `the sidecar does not say that Redis is busy, but: ${reason}`);
      await bed.fault('the script is ended', () => bed.master.command('SCRIPT', 'KILL'));
    } finally {
      client.close();
    }
    await bed.sleep(AFTERWARDS_MS);
  },
};

/** In microseconds for each key, so that it takes seconds; Redis answers meanwhile after each KiB. */
const SLOW_LOADING = ['key-load-delay 300', 'loading-process-events-interval-bytes 1024'];
const LARGE_KEYS = 4000;

/** So many keys that loading them takes seconds. */
const fill = (pod: Pod): Promise<void> => writeKeys(pod, 'large', LARGE_KEYS);

const isLoading = async (pod: Pod): Promise<boolean> => (await infoOf(pod, 'loading')) === '1';

/** Restarts it with what it has at this moment. Ends when it is loading. */
async function restartLoading(bed: Bed, pod: Pod): Promise<void> {
  await pod.command('SAVE');
  await restartRedis(pod, 'kept');
  await until(`${pod.name} to be loading`, () => isLoading(pod));
  bed.note(`${pod.name} is loading`);
}

const loading: Scenario = {
  name: 'loading',
  family: 'data',
  what: 'A replica restarts and loads its large file for seconds; meanwhile the master does the same.',
  setup: { baseConfig: SLOW_LOADING },
  expect: { promotions: 1, writableWithinMs: FAST_MS + GRANT_MS + DATA_WAIT_MS },
  async run(bed) {
    await fill(bed.master);
    await bed.sleep(AFTERWARDS_MS);
    const first = bed.replica(0);
    // It is the one that everybody would like best.
    for (const pod of bed.replicas.slice(1)) await setPriority(pod, 200);
    await restartLoading(bed, first);
    const firstPid = first.redisPid;
    await bed.fault(`${bed.master.name} restarts and loads`, () => restartLoading(bed, bed.master));
    const masterPid = bed.master.redisPid;
    const next = await bed.waitForNewMaster();
    bed.check(next !== first, `${first.name} was promoted, which was loading`);
    for (const pod of [first, bed.master]) {
      if (!(await isLoading(pod))) continue;
      const { health, reason } = await healthOf(pod);
      bed.note(`the sidecar of ${pod.name} says ${health}: ${reason}`);
      bed.check(health === 'up', `the sidecar of ${pod.name} takes a loading Redis for ${health}`);
    }
    await bed.settled();
    bed.check(first.redisPid === firstPid && bed.master.redisPid === masterPid, 'a loading Redis was killed');
  },
};

const fullSyncInProgress: Scenario = {
  name: 'full-sync-in-progress',
  family: 'data',
  what: 'A replica is in the middle of its first sync when the master dies; it is the one with the best priority.',
  expect: { promotions: 1, writableWithinMs: FAST_MS + GRANT_MS + DATA_WAIT_MS },
  async run(bed) {
    const syncing = bed.replica(0);
    for (const pod of bed.replicas.slice(1)) await setPriority(pod, 200);
    await fill(bed.master);
    // Microseconds for each key that is sent.
    await bed.master.command('CONFIG', 'SET', 'rdb-key-save-delay', 5000);
    await restartRedis(syncing, 'emptied');
    await until('the sync to begin', async () => (await infoOf(syncing, 'master_sync_in_progress')) === '1');
    await bed.sleep(500);
    const isUnderWay = (await infoOf(syncing, 'master_sync_in_progress')) === '1';
    bed.check(isUnderWay, 'the sync was over before anything could happen');
    await bed.fault(`${bed.master.name}'s Redis is killed`, () => bed.master.killRedis());
    const next = await bed.waitForNewMaster();
    bed.check(next !== syncing, `${syncing.name} was promoted in the middle of its sync`);
    await bed.sleep(AFTERWARDS_MS);
  },
};

export const busy: readonly Scenario[] = [slowScript, loading, fullSyncInProgress];

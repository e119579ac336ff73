import { openFiles, residentMiB, sleep, startRedisWhenGone } from '@sentinel-micro/testkit';
import { ours } from '../contestants.ts';
import type { SetMeasure } from '../measure.ts';

/** From one failover to the next; a set is whole again within one or two seconds. */
const EVERY_MS = 4000;
const PATIENCE_MS = 30_000;
const HOUR_MS = 3_600_000;

/** Memory must be flat, however many elections there are. */
export const hour: SetMeasure = {
  kind: 'sets',
  name: 'hour',
  what: `The master's Redis is killed every ${EVERY_MS / 1000} s for an hour: what the largest sidecar needs after each failover, and how many files and sockets one has open.`,
  figures: [
    { name: 'rss', title: 'memory of the largest sidecar (RSS)', unit: 'MB', asked: [{ flatWithin: 1.1 }] },
    { name: 'files', title: 'open files of the one with most', unit: 'files', asked: [{ flatWithin: 1.1 }] },
  ],
  contestants: [ours],
  rounds: { full: HOUR_MS / EVERY_MS, quick: 5 },
  isLong: true,
  async round(stage) {
    const next = sleep(EVERY_MS);
    const { cluster } = stage;
    const master = await stage.settled();
    master.killRedis();
    await cluster.waitForMasterOtherThan(master, PATIENCE_MS);
    await startRedisWhenGone(master);
    await stage.settled();
    await next;
    const pids = cluster.pods.map(({ sidecarPid }) => sidecarPid ?? 0);
    return { rss: Math.max(...pids.map(residentMiB)), files: Math.max(...pids.map(openFiles)) };
  },
};

import { RedisCommander, startRedisWhenGone, waitForReplicas, writeKeys } from '@sentinel-micro/testkit';
import { OURS, listening, ours, theirName, theirs } from '../contestants.ts';
import { faultOf, untilWritable } from '../interruption.ts';
import type { Asked, Figure, SetMeasure } from '../measure.ts';
import { LAST_PHASE, PHASES, phasesOf } from '../phases.ts';
import type { Stage } from '../stage.ts';

const PATIENCE_MS = 60_000;
const LARGE_GIB = 2;
const VALUE_BYTES = 1024 * 1024;
const VALUES_AT_ONCE = 8;
const FILL_TIMEOUT_MS = 10_000;
const COPY_TIMEOUT_MS = 120_000;

/** A set with redis-sentinel takes ten seconds to be whole again. */
const contestants = [{ ...ours, turns: 5 }, theirs(1000), theirs(200)];

async function killMaster(stage: Stage, round: number): Promise<Readonly<Record<string, number>>> {
  const master = await stage.settled();
  const writers = await stage.write({ plain: {} });
  try {
    await stage.calm(round);
    const atMs = Date.now();
    const fault = await faultOf(() => master.killRedis());
    const writable = await untilWritable(writers, 'plain', fault, PATIENCE_MS);
    return { writable, ...(stage.contestant.name === OURS ? phasesOf(stage.cluster, atMs, writable) : {}) };
  } finally {
    await writers.stop();
    await startRedisWhenGone(master);
  }
}

/** Keys of 1 MiB, a few at once: a replica's output buffer has a bound. */
async function fill(stage: Stage): Promise<void> {
  const master = await stage.settled();
  const value = 'x'.repeat(VALUE_BYTES);
  const commander = new RedisCommander(master.redisTarget, FILL_TIMEOUT_MS);
  try {
    for (let first = 0; first < LARGE_GIB * 1024; first += VALUES_AT_ONCE) {
      await writeKeys(commander, `large-${first}`, VALUES_AT_ONCE, () => value);
      await waitForReplicas(stage.cluster, master, COPY_TIMEOUT_MS);
    }
  } finally {
    commander.close();
  }
}

const asked: readonly Asked[] = [
  { statistic: 'median', atMost: 20 },
  { statistic: 'p99', atMost: 60 },
  { peer: theirName(1000), timesAtLeast: 50 },
];

const phases: readonly Figure[] = [...PHASES, LAST_PHASE].map(({ name, title }) => ({ name, title, unit: 'ms' }));

export const kill: SetMeasure = {
  kind: 'sets',
  name: 'kill',
  what: "SIGKILL of the master's redis-server, until the new master acknowledges a write.",
  figures: [{ name: 'writable', title: 'writable again', unit: 'ms', asked }, ...phases],
  contestants,
  rounds: { full: 24, quick: 1 },
  round: killMaster,
};

export const killLarge: SetMeasure = {
  ...kill,
  name: 'kill-large',
  what: `The same with ${LARGE_GIB} GiB in memory. The writers subscribe to +switch-master: the dead master's connections stay open for a second, until the kernel has its memory back.`,
  figures: [{ name: 'writable', title: 'writable again', unit: 'ms' }, ...phases],
  rounds: { full: 5, quick: 1 },
  // The sockets of a large process stay open while the kernel takes its memory back: a writer that waits for that is measured instead.
  contestants: [{ ...ours, turns: 2 }, theirs(1000)].map(listening),
  prepare: fill,
};

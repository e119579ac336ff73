import type { Pod } from '@sentinel-micro/testkit';
import { listening, ours, oursWith, theirs } from '../contestants.ts';
import { faultOf, untilWritable } from '../interruption.ts';
import type { Readings, SetMeasure } from '../measure.ts';
import type { Stage } from '../stage.ts';

const PATIENCE_MS = 60_000;
/**
 * A client that waits longer for an answer of one that hangs, or for a connection to one that is cut off, would be what is measured; so
 * the writers subscribe to +switch-master, too.
 */
const PATIENCE = { commandTimeoutMs: 200, connectTimeoutMs: 100 };
/** The defaults of the sidecar, in milliseconds. */
const DOWN_AFTER_MS = 1000;
const LEASE_MS = 2000;
const GUARD_MS = 250;
/**
 * A master that falls silent for the fourth time within five minutes is waited for, longer each time: that is meant, and not what is
 * measured here.
 */
export const CUTS_OF_ONE_SET = 3;
/** What an election may take beside the time that it has to wait. */
const MARGIN_MS = 300;

/** One fault that is undone afterwards, and when the others could write. */
async function whileBroken(
  stage: Stage,
  round: number,
  breakIt: (master: Pod) => Promise<() => Promise<void>>,
): Promise<Readings> {
  const master = await stage.settled();
  const writers = await stage.write({ plain: PATIENCE });
  try {
    await stage.calm(round);
    let mend = (): Promise<void> => Promise.resolve();
    const fault = await faultOf(async () => {
      mend = await breakIt(master);
    });
    try {
      return { writable: await untilWritable(writers, 'plain', fault, PATIENCE_MS) };
    } finally {
      await mend();
    }
  } finally {
    await writers.stop();
  }
}

export const hang: SetMeasure = {
  kind: 'sets',
  name: 'hang',
  what: "SIGSTOP of the master's redis-server, until the new master acknowledges a write. The sidecar's `--down-after-ms` is 1000, its default. The writers subscribe to +switch-master.",
  figures: [
    {
      ...{ name: 'writable', title: 'writable again', unit: 'ms' },
      asked: [{ statistic: 'max', atMost: DOWN_AFTER_MS + MARGIN_MS }],
    },
  ],
  contestants: [{ ...ours, turns: 2 }, theirs(DOWN_AFTER_MS)].map(listening),
  rounds: { full: 15, quick: 1 },
  round: (stage, round) =>
    whileBroken(stage, round, (master) => {
      master.pauseRedis();
      return Promise.resolve(() => {
        master.resumeRedis();
        return Promise.resolve();
      });
    }),
};

export const cut: SetMeasure = {
  kind: 'sets',
  name: 'cut',
  what: "The master's host is cut off silently, until a writer on the side of the majority has a write acknowledged. The writers subscribe to +switch-master.",
  figures: [
    {
      ...{ name: 'writable', title: 'writable again', unit: 'ms' },
      asked: [{ statistic: 'max', atMost: LEASE_MS + GUARD_MS + MARGIN_MS }],
    },
  ],
  contestants: [
    ours,
    oursWith('--lease-ms 500', ['--lease-ms', '500', '--heartbeat-ms', '100']),
    theirs(1000),
    theirs(5000),
  ].map(listening),
  rounds: { full: 6, quick: 1 },
  newSetsAfter: CUTS_OF_ONE_SET,
  needsHosts: true,
  round: (stage, round) =>
    whileBroken(stage, round, async (master) => {
      const cut = await stage.network?.cuts.isolate([master]);
      return async () => cut?.heal();
    }),
};

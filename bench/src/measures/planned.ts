import { checkHistory, nowMs, orderFailover, sleep, type History, type Pod } from '@sentinel-micro/testkit';
import { listening, ours, theirs, type Contestant } from '../contestants.ts';
import type { Readings, SetMeasure } from '../measure.ts';
import type { Stage } from '../stage.ts';

const WRITERS = 10;
/** How long the writers go on after the move; whoever is late with noticing something does so in this time. */
const AFTERWARDS_MS = 3000;
/** As long as the manifests give a pod to stop. */
const GRACE_MS = 30_000;

const tenWriters = Object.fromEntries(Array.from({ length: WRITERS }, (_, n) => [`writer-${n}`, { intervalMs: 2 }]));

/** What ten writers saw between two moments: the longest gap of any of them, and what is gone of what was acknowledged to them. */
async function seenBy(
  histories: ReadonlyMap<string, History>,
  fromMs: number,
  toMs: number,
  master: Pod,
): Promise<{ gap: number; without: number; lost: number }> {
  const all = [...histories.values()];
  const reports = await Promise.all(all.map((history) => checkHistory(history, master.redisTarget)));
  return {
    gap: Math.max(...all.map((history) => history.longestGapMs(fromMs, toMs))),
    without: withoutWritesMs(all, fromMs, toMs),
    lost: reports.reduce((sum, { lostAcknowledged }) => sum + lostAcknowledged, 0),
  };
}

/** In total, the time in which nobody had a write acknowledged for longer than this. */
const PAUSE_MS = 10;

function withoutWritesMs(histories: readonly History[], fromMs: number, toMs: number): number {
  const times = histories
    .flatMap(({ records }) => records.flatMap(({ acknowledgedAtMs }) => acknowledgedAtMs ?? []))
    .filter((ms) => ms >= fromMs && ms <= toMs)
    .sort((a, b) => a - b);
  const gaps = [...times, toMs].map((ms, index) => ms - (times[index - 1] ?? fromMs));
  return gaps.filter((gap) => gap > PAUSE_MS).reduce((sum, gap) => sum + gap, 0);
}

/** @param what done while ten writers write; the set is settled before and after. */
async function whileWriting(stage: Stage, round: number, what: (master: Pod) => Promise<void>): Promise<Readings> {
  const master = await stage.settled();
  const writers = await stage.write(tenWriters);
  let histories: ReadonlyMap<string, History>;
  let fromMs: number;
  let toMs: number;
  try {
    await stage.calm(round);
    fromMs = nowMs();
    await what(master);
    await sleep(AFTERWARDS_MS);
    toMs = nowMs();
  } finally {
    histories = await writers.stop();
  }
  return await seenBy(histories, fromMs, toMs, await stage.settled());
}

/** With writers that leave the old master as soon as they are told of the new one. */
const theirsListening: Contestant = { ...listening(theirs(1000)), name: `${theirs(1000).name} listening` };

export const switchover: SetMeasure = {
  kind: 'sets',
  name: 'switchover',
  what: `\`SENTINEL FAILOVER\` while ${WRITERS} writers write: the longest time between two acknowledged writes of any one of them. With redis-sentinel the old master takes writes until it is told to follow, so there is hardly a gap: those writes are lost.`,
  figures: [
    {
      ...{ name: 'gap', title: 'longest gap', unit: 'ms' },
      asked: [
        { statistic: 'median', atMost: 30 },
        { statistic: 'p99', atMost: 80 },
      ],
    },
    { name: 'lost', title: 'acknowledged writes lost', unit: 'writes', asked: [{ statistic: 'max', atMost: 0 }] },
  ],
  contestants: [{ ...ours, turns: 3 }, theirs(1000), theirsListening],
  rounds: { full: 10, quick: 1 },
  round: (stage, round) => whileWriting(stage, round, (master) => orderFailover(stage.cluster, master)),
};

/** A StatefulSet's rolling update: the last pod first, each one replaced when the one before is whole. */
async function replaceAll(stage: Stage): Promise<void> {
  for (const pod of [...stage.cluster.pods].reverse()) {
    const master = await stage.settled();
    // The script that people have for Sentinel: the master is moved before its pod goes.
    if (master === pod && stage.contestant.system !== ours.system) {
      await orderFailover(stage.cluster, master);
      await stage.cluster.waitForMasterOtherThan(master, 60_000);
      await stage.settled();
    }
    await pod.stop({ graceMs: GRACE_MS });
    await pod.recreate({ sameIp: true });
    await stage.settled();
  }
}

export const rolling: SetMeasure = {
  kind: 'sets',
  name: 'rolling-restart',
  what: `All three pods are replaced one after the other, the last one first, while ${WRITERS} writers write. With redis-sentinel a script orders \`SENTINEL FAILOVER\` before the master's pod goes.`,
  figures: [
    { name: 'without', title: `without writes (gaps above ${PAUSE_MS} ms, in total)`, unit: 'ms' },
    { name: 'gap', title: 'longest gap', unit: 'ms' },
    { name: 'lost', title: 'acknowledged writes lost', unit: 'writes', asked: [{ statistic: 'max', atMost: 0 }] },
  ],
  contestants: [ours, theirs(1000)],
  rounds: { full: 4, quick: 1 },
  round: (stage, round) => whileWriting(stage, round, () => replaceAll(stage)),
};

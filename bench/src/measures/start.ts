import { statSync } from 'node:fs';
import { findBundles, medianOf, nowMs, waitUntilTrue } from '@sentinel-micro/testkit';
import { OURS, ours, theirs } from '../contestants.ts';
import type { PlainMeasure, SetMeasure } from '../measure.ts';
import { wallTimeMs } from '../timing.ts';

const BARE = 'bare node';
const ONLINE_TIMEOUT_MS = 60_000;
const KB = 1024;
/** Before each pod: the middle one is what a start of node takes at that moment. */
const BARE_RUNS = 3;

/** A start of make-slave as in a pod, without one: the events of a pod's containers tell of the real thing below. */
export const coldStart: PlainMeasure = {
  kind: 'plain',
  name: 'cold-start',
  what: 'Wall time of `--version`, i.e. until a program has read its code and its flags, beside an empty `node -e 0`; and the size of the bundles.',
  figures: [
    { name: 'makeSlave', title: 'make-slave --version', unit: 'ms', asked: [{ peer: BARE, aboveByAtMost: 60 }] },
    { name: 'sentinel', title: 'sentinel --version', unit: 'ms' },
    { name: 'makeSlaveSize', title: 'bundle of make-slave', unit: 'KB' },
    { name: 'sentinelSize', title: 'bundle of sentinel', unit: 'KB' },
  ],
  rounds: { full: 30, quick: 5 },
  async round() {
    const { makeSlave, sentinel } = findBundles();
    const bare = await wallTimeMs(['-e', '0']);
    return {
      [OURS]: {
        makeSlave: await wallTimeMs([makeSlave, '--version']),
        sentinel: await wallTimeMs([sentinel, '--version']),
        // What starts it is a file of ten lines beside its text.
        makeSlaveSize: statSync(makeSlave.replace(/\.mjs$/, '.cjs')).size / KB,
        sentinelSize: statSync(sentinel).size / KB,
      },
      [BARE]: { makeSlave: bare, sentinel: bare },
    };
  },
};

async function repeated<T>(times: number, act: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let n = 0; n < times; n++) results.push(await act());
  return results;
}

export const freshPod: SetMeasure = {
  kind: 'sets',
  name: 'fresh-pod',
  what: "A replica's pod is gone with its data and made anew at the same address, until the master counts it as an online replica.",
  figures: [
    { name: 'online', title: 'until it is an online replica', unit: 'ms' },
    { name: 'makeSlave', title: 'make-slave in that time', unit: 'ms' },
    {
      ...{ name: 'aboveBare', title: 'of that beyond an empty `node -e 0`', unit: 'ms' },
      asked: [{ statistic: 'median', atMost: 60 }],
    },
  ],
  contestants: [{ ...ours, turns: 2 }, theirs(1000)],
  rounds: { full: 12, quick: 1 },
  async round(stage, round) {
    const master = await stage.settled();
    const [replica] = stage.cluster.podsExcept(master);
    if (replica === undefined) return {};
    const { ip } = replica;
    const bareMs = medianOf(await repeated(BARE_RUNS, () => wallTimeMs(['-e', '0']))) ?? 0;
    await replica.delete();
    await stage.calm(round);
    const startMs = nowMs();
    await replica.recreate({ sameIp: true });
    const isOnline = async (): Promise<boolean> => {
      const text = await master.text('INFO', 'replication');
      return text.split('\r\n').some((line) => line.includes(`ip=${ip},`) && line.includes('state=online'));
    };
    await waitUntilTrue(isOnline, {
      what: `${replica.name} to be online`,
      timeoutMs: ONLINE_TIMEOUT_MS,
      intervalMs: 5,
    });
    const online = nowMs() - startMs;
    const { initTookMs: makeSlave } = replica;
    return makeSlave === undefined ? { online } : { online, makeSlave, aboveBare: makeSlave - bareMs };
  },
};

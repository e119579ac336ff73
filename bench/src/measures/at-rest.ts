import { readFileSync } from 'node:fs';
import { nowMs, residentMiB, sleep, type Pod } from '@sentinel-micro/testkit';
import { ours, oursApart, oursSeeing, theirs, type Contestant } from '../contestants.ts';
import type { Readings, SetMeasure } from '../measure.ts';

const WATCH_MS = 30_000;
/** V8 compiles what runs five times a second for about so long: a sidecar lives for weeks. */
const WARM_MS = 300_000;
/** Of the kernel's times of a process; the same on every Linux that Node runs on. */
const TICKS_PER_S = 100;

/** What the kernel says of one sidecar and of its host. */
interface Reading {
  readonly rssMiB: number;
  readonly cpuS: number;
  readonly bytes: number;
  readonly packets: number;
}

/** What runs in a process namespace of its own is the child of what has made that. */
function sidecarPidOf(pod: Pod): number {
  const pid = pod.sidecarPid ?? 0;
  if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'unshare') return pid;
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}

function read(pod: Pod): Reading {
  const pid = sidecarPidOf(pod);
  const proc = `/proc/${pid}`;
  const stat = readFileSync(`${proc}/stat`, 'utf8');
  // The second field, the name, may contain anything but ends with the last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const cpuS = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
  const { bytes, packets } = sent(readFileSync(`${proc}/net/dev`, 'utf8'));
  return { rssMiB: residentMiB(pid), cpuS, bytes, packets };
}

/** What has left this host since it was made: each packet is counted once in the set, where it is sent. */
function sent(dev: string): { bytes: number; packets: number } {
  const lines = dev.split('\n').filter((line) => line.includes(':') && !line.trim().startsWith('lo:'));
  const fields = lines.map((line) =>
    line
      .slice(line.indexOf(':') + 1)
      .trim()
      .split(/\s+/)
      .map(Number),
  );
  const sum = (index: number): number => fields.reduce((total, row) => total + (row[index] ?? 0), 0);
  return { bytes: sum(8), packets: sum(9) };
}

async function watch(pods: readonly Pod[]): Promise<Readings> {
  const before = pods.map(read);
  const startMs = nowMs();
  await sleep(WATCH_MS);
  const seconds = (nowMs() - startMs) / 1000;
  const after = pods.map(read);
  const mean = (of: (now: Reading, then: Reading) => number): number =>
    after.reduce((sum, now, index) => sum + of(now, before[index] ?? now), 0) / pods.length;
  return {
    rss: Math.max(...after.map(({ rssMiB }) => rssMiB)),
    cpu: (100 * mean((now, then) => now.cpuS - then.cpuS)) / seconds,
    bytes: mean((now, then) => now.bytes - then.bytes) / seconds,
    packets: mean((now, then) => now.packets - then.packets) / seconds,
  };
}

function figuresOf(pods: number): SetMeasure['figures'] {
  return [
    {
      name: 'rss',
      title: 'memory of the largest sidecar (RSS)',
      unit: 'MB',
      asked: [{ statistic: 'max', atMost: 50 }],
    },
    {
      ...{ name: 'cpu', title: 'share of a core, per sidecar', unit: '%' },
      ...(pods === 3 ? { asked: [{ statistic: 'median', atMost: 1 }] } : {}),
    },
    { name: 'bytes', title: 'sent by a pod', unit: 'bytes/s' },
    { name: 'packets', title: 'sent by a pod', unit: 'packets/s' },
  ];
}

function atRest(pods: number): SetMeasure {
  const sized = (contestant: Contestant): Contestant => ({ ...contestant, pods });
  return {
    kind: 'sets',
    name: `at-rest-${pods}`,
    what: `${pods} pods with nothing to do, for ${WATCH_MS / 1000} s from when the set is settled on: what one sidecar needs while V8 is still compiling it and it sees the process of its Redis, and what leaves a pod (Redis's own replication included).`,
    figures: figuresOf(pods),
    contestants: [ours, theirs(1000)].map(sized),
    rounds: { full: 2, quick: 1 },
    needsHosts: true,
    round: ({ cluster }) => watch(cluster.pods),
  };
}

const atRestLater: SetMeasure = {
  kind: 'sets',
  name: 'at-rest-later',
  what: `3 pods with nothing to do, for ${WATCH_MS / 1000} s, ${WARM_MS / 60_000} minutes after the set was settled, when V8 has compiled what runs: what one sidecar needs that does not see the process of its Redis, as in the examples, and what one needs that does.`,
  figures: figuresOf(3),
  contestants: [oursApart, oursSeeing, theirs(1000)],
  rounds: { full: 2, quick: 1 },
  needsHosts: true,
  round: async (stage) => {
    await stage.grown(WARM_MS);
    return watch(stage.cluster.pods);
  },
};

export const atRests: readonly SetMeasure[] = [...[3, 5, 7, 9].map(atRest), atRestLater];

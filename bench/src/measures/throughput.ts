import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import {
  TestkitError,
  findTool,
  killSidecars,
  sleep,
  type Cluster,
  type Pod,
  type Tool,
} from '@sentinel-micro/testkit';
import { OURS, ours } from '../contestants.ts';
import type { PlainMeasure } from '../measure.ts';
import { Stage } from '../stage.ts';

const REQUESTS = 200_000;
const CLIENTS = 50;
const TIMEOUT_MS = 120_000;
/** A sidecar that has just started is being compiled, and takes much more than later on. */
const CALM_MS = 20_000;
/** Redis and its replicas without a sidecar. */
const ALONE = 'Redis alone';
const NEARLY_ALL = { statistic: 'median', atLeast: 99 } as const;

/** Requests per second, as redis-benchmark says. @throws TestkitError BAD_ANSWER */
async function benchmark(pod: Pod, command: string, tool: Tool): Promise<number> {
  const { host, port } = pod.redisTarget;
  const args = ['-h', host, '-p', String(port), '-t', command, '-n', String(REQUESTS), '-c', String(CLIENTS), '--csv'];
  const env = { ...tool.env };
  const { stdout } = await promisify(execFile)(tool.command, args, { timeout: TIMEOUT_MS, env });
  const row = stdout.split('\n').find((line) => line.toLowerCase().startsWith(`"${command}"`));
  const perS = Number(row?.split(',')[1]?.replaceAll('"', ''));
  if (Number.isFinite(perS)) return perS;
  throw new TestkitError('BAD_ANSWER', `redis-benchmark said ${stdout.slice(0, 200)}`);
}

interface Throughput {
  readonly set: number;
  readonly get: number;
}

async function both(pod: Pod, program: Tool): Promise<Throughput> {
  return { set: await benchmark(pod, 'set', program), get: await benchmark(pod, 'get', program) };
}

function meanOf(first: Throughput, second: Throughput): Throughput {
  return { set: (first.set + second.set) / 2, get: (first.get + second.get) / 2 };
}

const percentOf = (part: number, whole: number): number => (100 * part) / whole;

async function withoutSidecars(cluster: Cluster, act: () => Promise<Throughput>): Promise<Throughput> {
  await killSidecars(cluster.pods);
  try {
    return await act();
  } finally {
    await Promise.all(cluster.pods.map((pod) => pod.startSidecar()));
  }
}

export const throughput: PlainMeasure = {
  kind: 'plain',
  name: 'throughput',
  what: `redis-benchmark (${REQUESTS} requests, ${CLIENTS} clients) against the master of a set with its sidecars, and against the same set when all sidecars are killed: first with, twice without, and with again, so that a machine that gets slower favours nobody; with sidecars not before they have run for ${CALM_MS / 1000} s. Each round is compared with itself, for two rounds differ by more than what is looked for. The benchmark, three redis-servers and three sidecars share the machine.`,
  figures: [
    { name: 'set', title: 'SET', unit: 'requests/s' },
    { name: 'get', title: 'GET', unit: 'requests/s' },
    { name: 'set-share', title: 'SET, compared with Redis alone in the same round', unit: '%', asked: [NEARLY_ALL] },
    { name: 'get-share', title: 'GET, compared with Redis alone in the same round', unit: '%', asked: [NEARLY_ALL] },
  ],
  rounds: { full: 12, quick: 1 },
  async round({ dir }) {
    const stage = await Stage.start({ contestant: ours, dir, hasHosts: false });
    try {
      const program = findTool('redis-benchmark');
      if (program === undefined) throw new TestkitError('TOOLS_MISSING', 'redis-benchmark is not here');
      const master = await stage.settled();
      await sleep(CALM_MS);
      const measure = (): Promise<Throughput> => both(master, program);
      const before = await measure();
      const alone = await withoutSidecars(stage.cluster, async () => meanOf(await measure(), await measure()));
      await stage.settled();
      await sleep(CALM_MS);
      const beside = meanOf(before, await measure());
      const share = { 'set-share': percentOf(beside.set, alone.set), 'get-share': percentOf(beside.get, alone.get) };
      return { [OURS]: { ...beside, ...share }, [ALONE]: { ...alone } };
    } finally {
      await stage.stop();
    }
  },
};

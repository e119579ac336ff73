import { spawn } from 'node:child_process';
import { join } from 'node:path';
import {
  asPodName,
  decide,
  deriveTimings,
  DEFAULT_TIMINGS,
  quorumOf,
  startNode,
  type NodeConfig,
  type NodeState,
} from '@sentinel-micro/core';
import { TestkitError, findRepositoryRoot, medianOf } from '@sentinel-micro/testkit';
import { OURS } from '../contestants.ts';
import type { PlainMeasure } from '../measure.ts';

const CALLS = 200_000;
const SIMULATED_RUNS = 60;
const HEAP_READINGS = 21;
const HEAP_CALLS = 1000;

function config(): NodeConfig {
  const members = ['redis-0', 'redis-1', 'redis-2'].map(asPodName);
  const self = {
    pod: asPodName('redis-0'),
    uid: 'uid-0',
    incarnation: 'life-0',
    ip: '10.0.0.1',
    redisPort: 6379,
    port: 26379,
    replicas: members.length,
  };
  return {
    cluster: 'bench',
    self,
    members,
    quorum: quorumOf(members.length),
    timings: deriveTimings(DEFAULT_TIMINGS),
    writeQuorum: 'auto',
    durability: 'available',
  };
}

/** The tick of a sidecar that waits: what the loop costs when nothing happens. */
function nsPerTick(calls: number): number {
  const start = process.hrtime.bigint();
  tick(calls);
  return Number(process.hrtime.bigint() - start) / calls;
}

/** What is allocated on the heap, by the growth of the heap over few calls: a garbage collection in between would make it shrink. */
function bytesPerTick(): number {
  const readings = Array.from({ length: HEAP_READINGS }, () => {
    const before = process.memoryUsage().heapUsed;
    tick(HEAP_CALLS);
    return (process.memoryUsage().heapUsed - before) / HEAP_CALLS;
  });
  return medianOf(readings.filter((bytes) => bytes >= 0)) ?? 0;
}

function tick(calls: number): void {
  let state: NodeState = startNode(config(), { nowMs: 0, random: 0.5 });
  for (let call = 0; call < calls; call++) {
    state = decide(state, { type: 'tick' }, { nowMs: call / 1000, random: 0.5 }).state;
  }
}

/** Simulated runs per second on one core, as the program itself says. */
async function simulatedRunsPerS(): Promise<number> {
  const program = join(findRepositoryRoot(), 'packages', 'simulator', 'dist', 'simulate.mjs');
  const args = [program, '--seeds', String(SIMULATED_RUNS), '--steps', '100', '--jobs', '1'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await new Promise((done, failed) => {
    child.once('error', failed);
    child.once('exit', done);
  });
  const found = [...text.matchAll(/([\d.]+) runs\/s/g)].at(-1)?.[1];
  if (found === undefined) throw new TestkitError('BAD_ANSWER', `the simulator did not say how fast it is: ${text}`);
  return Number(found);
}

export const code: PlainMeasure = {
  kind: 'plain',
  name: 'code',
  what: `One call of \`decide()\` for a tick, in the mean of ${CALLS} calls; and runs of the simulator with 100 faults each, on one core.`,
  figures: [
    { name: 'decide', title: 'decide(), one tick', unit: 'ns' },
    { name: 'bytes', title: 'allocated by it', unit: 'bytes' },
    { name: 'simulator', title: 'simulated runs of 100 faults', unit: 'runs/s' },
  ],
  rounds: { full: 5, quick: 1 },
  async round() {
    tick(CALLS / 10);
    return { [OURS]: { decide: nsPerTick(CALLS), bytes: bytesPerTick(), simulator: await simulatedRunsPerS() } };
  },
};

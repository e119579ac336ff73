import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import {
  FAULT_KINDS,
  STORE_FAULT_KINDS,
  minimise,
  NOT_SIMULATED,
  run,
  SCENARIOS,
  type RunOptions,
  type Scenario,
} from './index.ts';
import { isJob, runJob, searchWithJobs } from './jobs.ts';
import { parseOrder, USAGE, type Order } from './order.ts';
import { progressLine, replayLine, toMarkdown, type Part } from './report.ts';
import { addTally, describeRun, NOTHING_YET } from './search.ts';

const PROGRESS_EVERY_MS = 5000;
/** More broken runs than this say nothing more. */
const MOST_BROKEN_TOLD = 200;

function list(): void {
  for (const { name, follows, pods } of SCENARIOS) {
    console.log(`${name.padEnd(30)} ${follows} (${[...new Set(pods)].join(', ')} pods)`);
  }
  console.log('\nnot simulated:');
  for (const [name, why] of Object.entries(NOT_SIMULATED)) console.log(`${name.padEnd(30)} ${why}`);
  console.log(`\nkinds of faults: ${FAULT_KINDS.join(', ')}`);
  console.log(`with --lease-store kubernetes also: ${STORE_FAULT_KINDS.join(', ')}`);
}

function replay(order: Order): boolean {
  const { seed, steps, pods, only, scenario, leaseStore } = order;
  const options: RunOptions = { seed, steps, pods, only, leaseStore, ...(scenario === null ? {} : { scenario }) };
  let result = run({ ...options, isRecording: true });
  if (order.isMinimised && scenario === null && result.violations.length > 0) {
    const { plan } = minimise(options, result);
    result = run({ ...options, pods: result.settings.pods, plan, isRecording: true });
  }
  for (const line of result.lines) console.log(line);
  console.log(describeRun(result, scenario));
  for (const fault of result.plan) console.log(JSON.stringify(fault));
  console.log(JSON.stringify(result.settings));
  console.log(replayLine(result));
  return result.violations.length === 0;
}

async function searchAll(order: Order, command: string): Promise<boolean> {
  const startedAtMs = performance.now();
  const seconds = (): number => (performance.now() - startedAtMs) / 1000;
  let toldAtMs = startedAtMs;
  let total = NOTHING_YET;
  const brokenRuns: string[] = [];
  const parts: Part[] = [];
  const stories: readonly (Scenario | null)[] = order.isEachScenario ? SCENARIOS : [order.scenario];
  for (const scenario of stories) {
    const { from, seeds, steps, pods, only, jobs, leaseStore } = order;
    const share = {
      from,
      seeds,
      stride: 1,
      steps,
      pods: order.isEachScenario ? null : pods,
      only,
      leaseStore,
      scenario,
    };
    const tally = await searchWithJobs(new URL(import.meta.url), share, jobs, (line, some) => {
      total = addTally(total, some);
      if (line !== null && brokenRuns.length < MOST_BROKEN_TOLD) {
        brokenRuns.push(line);
        console.log(line);
      }
      if (performance.now() - toldAtMs < PROGRESS_EVERY_MS) return;
      toldAtMs = performance.now();
      console.error(progressLine(total, seconds()));
    });
    parts.push({ name: scenario?.name ?? 'drawn faults', tally });
  }
  console.log(progressLine(total, seconds()));
  if (order.saveTo !== null) {
    const report = { command, seconds: seconds(), parts, total, brokenRuns };
    const isJson = order.saveTo.endsWith('.json');
    writeFileSync(order.saveTo, isJson ? `${JSON.stringify(report, null, 2)}\n` : toMarkdown(report));
  }
  return total.broken === 0;
}

async function main(args: string[]): Promise<number> {
  let order: Order;
  try {
    order = parseOrder(args, availableParallelism());
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  switch (order.does) {
    case 'list':
      list();
      return 0;
    case 'replay':
      return replay(order) ? 0 : 1;
    case 'search':
      return (await searchAll(order, `npm run simulate -- ${args.join(' ')}`)) ? 0 : 1;
  }
}

if (isJob) runJob();
else process.exitCode = await main(process.argv.slice(2));

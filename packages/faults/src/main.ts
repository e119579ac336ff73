// Real faults: `npm run test:faults`. Starts itself again in namespaces of its own, and there runs the plan.
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  TestkitError,
  findRepositoryRoot,
  messageOf,
  mountScratch,
  runInNamespaces,
  whyNoNamespaces,
} from '@sentinel-micro/testkit';
import { USAGE, parseOrder, type Order } from './options.ts';
import type { ResultFile, RunResult } from './result.ts';
import { emptyResult, runOnce } from './run.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { countLine, lineOf, summaryTable } from './summary.ts';

/** The first argument of the process inside. */
const INSIDE = '--inside';

const root = findRepositoryRoot();
/** In memory while a run lasts. */
const scratch = join(root, '.cache', 'faults');
/** What is left of runs that did not pass. */
const kept = join(root, '.cache', 'faults-kept');

function write({ jsonFile }: Order, runs: readonly RunResult[]): void {
  const file: ResultFile = { version: 1, runs };
  if (jsonFile !== undefined) writeFileSync(resolve(jsonFile), `${JSON.stringify(file, null, 2)}\n`);
}

function conclude(order: Order, results: readonly RunResult[]): number {
  write(order, results);
  console.log(`\n${summaryTable(results)}\n\n${countLine(results)}`);
  return results.some(({ verdict }) => verdict === 'violated' || verdict === 'failed') ? 1 : 0;
}

function skipAll(order: Order, reason: string): number {
  console.log(`All scenarios are skipped: ${reason}.`);
  const results = order.plan.map(({ scenario, system, pods }): RunResult => {
    return { ...emptyResult(scenario, system, pods, order.server), verdict: 'skipped', reason };
  });
  return conclude(order, results);
}

/** Keeps what a run that did not pass has left: configuration, data, logs, timeline. */
function keep(dir: string, name: string, timeline: readonly string[]): string {
  const target = join(kept, name);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  cpSync(dir, target, { recursive: true });
  writeFileSync(join(target, 'timeline.txt'), `${timeline.join('\n')}\n`);
  return target;
}

async function runPlan(order: Order): Promise<number> {
  await mountScratch(scratch);
  const results: RunResult[] = [];
  for (const [index, { scenario, system, pods }] of order.plan.entries()) {
    const dir = join(scratch, String(index));
    const { server, product } = order;
    const { result, timeline } = await runOnce({ scenario, system, pods, server, dir, product });
    results.push(result);
    console.log(`${index + 1}/${order.plan.length}  ${lineOf(result)}`);
    if (order.isVerbose || result.verdict === 'violated' || result.verdict === 'failed') {
      console.log(timeline.join('\n'));
      console.log(`kept in ${keep(dir, `${scenario.name}-${process.pid}-${index + 1}`, timeline)}`);
    }
    rmSync(dir, { recursive: true, force: true });
    write(order, results);
  }
  return conclude(order, results);
}

async function enter(order: Order, args: readonly string[]): Promise<number> {
  const isRoot = process.getuid?.() === 0;
  const reason = await whyNoNamespaces(isRoot);
  if (reason !== undefined) return skipAll(order, reason);
  return runInNamespaces([process.argv[1] ?? '', INSIDE, ...args], isRoot);
}

async function main(): Promise<number> {
  const [first, ...rest] = process.argv.slice(2);
  const isInside = first === INSIDE;
  const args = isInside ? rest : process.argv.slice(2);
  const order = parseOrder(args);
  if (order.isList) {
    for (const { name, what } of SCENARIOS) console.log(`${name.padEnd(32)}${what}`);
    return 0;
  }
  return isInside ? runPlan(order) : enter(order, args);
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof TestkitError && error.code === 'BAD_USAGE';
  console.error(isUsage ? `${error.message}\n${USAGE}` : messageOf(error));
  process.exitCode = isUsage ? 2 : 1;
}

// Real Sentinel clients against real pods: `npm run test:clients`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { TestkitError, killAllProcessesSync, messageOf } from '@sentinel-micro/testkit';
import { CLIENTS } from './catalogue.ts';
import { FAULTS } from './fault.ts';
import { USAGE, parseOrder, type Order } from './options.ts';
import type { ResultFile, RunResult } from './result.ts';
import { runOnce } from './run.ts';
import { countLine, lineOf, summaryTable } from './summary.ts';

function list(): void {
  for (const { name, what } of [...CLIENTS, ...FAULTS]) console.log(`${name.padEnd(26)}${what}`);
}

function write({ jsonFile }: Order, runs: readonly RunResult[]): void {
  const file: ResultFile = { version: 1, runs };
  if (jsonFile !== undefined) writeFileSync(resolve(jsonFile), `${JSON.stringify(file, null, 2)}\n`);
}

async function runAll(order: Order, dir: string): Promise<RunResult[]> {
  const { clients, faults, runs, product, isVerbose } = order;
  const bundles =
    product === undefined
      ? undefined
      : { makeSlave: resolve(product, 'make-slave.mjs'), sentinel: resolve(product, 'sentinel.mjs') };
  const results: RunResult[] = [];
  for (let round = 0; round < runs; round++) {
    for (const fault of faults) {
      for (const client of clients) {
        const place = join(dir, `${round}-${fault.name}-${client.name}`);
        const [result] = await runOnce({ clients: [client], fault, dir: place, bundles });
        if (result === undefined) continue;
        results.push(result);
        console.log(lineOf(result));
        if (isVerbose || result.verdict === 'violated') for (const error of result.errors) console.log(`    ${error}`);
        // What a run leaves when it did not pass is worth a look.
        if (result.verdict !== 'violated' && result.verdict !== 'failed')
          rmSync(place, { recursive: true, force: true });
        else console.log(`    left in ${place}`);
        write(order, results);
      }
    }
  }
  return results;
}

async function main(): Promise<number> {
  const order = parseOrder(process.argv.slice(2));
  if (order.isList) {
    list();
    return 0;
  }
  const dir = mkdtempSync(join(tmpdir(), 'sentinel-micro-clients-'));
  const results = await runAll(order, dir);
  write(order, results);
  console.log(`\n${summaryTable(results)}\n\n${countLine(results)}`);
  const isWell = results.every(({ verdict }) => verdict !== 'violated' && verdict !== 'failed');
  if (isWell) rmSync(dir, { recursive: true, force: true });
  return isWell ? 0 : 1;
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.once(signal, () => {
    killAllProcessesSync();
    process.exit(1);
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof TestkitError && error.code === 'BAD_USAGE';
  console.error(isUsage ? `${error.message}\n\n${USAGE}` : messageOf(error));
  process.exitCode = isUsage ? 2 : 1;
}

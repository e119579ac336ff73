// Figures: `npm run bench`. Starts itself again in namespaces of its own where it can, and there takes the readings.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import {
  TestkitError,
  alignedTable,
  findRepositoryRoot,
  linePerItem,
  loadTools,
  messageOf,
  mountScratch,
  raiseLoopback,
  runInNamespaces,
  whyNoNamespaces,
} from '@sentinel-micro/testkit';
import { MEASURES } from './catalogue.ts';
import { USAGE, parseOrder, roundsOf, type Order } from './options.ts';
import { pageOf, picturesOf } from './page.ts';
import { NOTHING, withReading, withoutMeasures, type Ground, type ResultFile } from './result.ts';
import { runMeasure } from './run.ts';
import { HEAD, rowsOf } from './table.ts';

/** The first argument of the process inside. */
const INSIDE = '--inside';
const GIB = 1024 ** 3;

const root = findRepositoryRoot();
/** In memory while the bench lasts. */
const scratch = join(root, '.cache', 'bench');
const usualFile = join(root, '.cache', 'bench.json');

function groundNow(): Ground {
  const { redisServer } = loadTools();
  const version = execFileSync(redisServer.command, ['--version'], { env: { ...redisServer.env }, encoding: 'utf8' });
  return {
    node: process.versions.node,
    redis: /v=([\d.]+)/.exec(version)?.[1] ?? version.trim(),
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / GIB),
    kernel: release().split('-')[0] ?? '',
  };
}

function show(file: ResultFile): void {
  for (const measure of MEASURES) {
    const rows = rowsOf(measure, file.series);
    if (rows.length > 0) console.log(`\n${measure.name}: ${measure.what}\n${alignedTable([HEAD, ...rows])}`);
  }
  for (const { measure, contestant, why } of file.failures) console.log(`FAILED ${measure}, ${contestant}: ${why}`);
}

function writePage(file: ResultFile): void {
  const docs = join(root, 'docs');
  writeFileSync(join(docs, 'numbers.json'), formatFile(file));
  writeFileSync(join(docs, 'numbers.md'), pageOf(MEASURES, file));
  for (const [name, picture] of Object.entries(picturesOf(MEASURES, file.series))) {
    if (picture !== null) writeFileSync(join(docs, name), picture);
  }
  console.log('wrote docs/numbers.md, its pictures and docs/numbers.json');
}

/** What is written: the readings to two decimals. */
function formatFile({ series, failures, ...head }: ResultFile): string {
  const round = (value: number): number => Math.round(value * 100) / 100;
  const rounded = series.map((one) => ({ ...one, values: one.values.map(round) }));
  return linePerItem({ ...head, failures }, { series: rounded });
}

/** @throws TestkitError BAD_USAGE when the bench has not written it. */
function readResult(path: string): ResultFile {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ResultFile;
  } catch (error) {
    throw new TestkitError('BAD_USAGE', `${path} holds no readings of npm run bench: ${messageOf(error)}`);
  }
}

async function measureAll(order: Order, hasHosts: boolean): Promise<ResultFile> {
  await mountScratchOr(hasHosts);
  const ground = groundNow();
  const jsonFile = order.jsonFile === undefined ? usualFile : resolve(order.jsonFile);
  const kept = order.isKept && existsSync(jsonFile) ? withoutMeasures(readResult(jsonFile), order.measures) : NOTHING;
  let file: ResultFile = {
    ...{ version: 1, date: new Date().toISOString().slice(0, 10), ground },
    ...{ isQuick: order.isQuick, ...kept },
  };
  for (const measure of order.measures) {
    console.log(`\n${measure.name}: ${measure.what}`);
    const dir = join(scratch, measure.name);
    mkdirSync(dir, { recursive: true });
    await runMeasure(measure, {
      ...{ rounds: roundsOf(order, measure), dir, hasHosts },
      onReading: (contestant, figure, value) => {
        file = { ...file, series: withReading(file.series, { measure: measure.name, figure, contestant }, value) };
        writeFileSync(jsonFile, formatFile(file));
      },
      onFailure: (contestant, why) => {
        file = { ...file, failures: [...file.failures, { measure: measure.name, contestant, why }] };
        console.log(`  FAILED, ${contestant}: ${why}`);
      },
      onProgress: (text) => console.log(`  ${text}`),
    });
    rmSync(dir, { recursive: true, force: true });
  }
  return file;
}

async function mountScratchOr(hasHosts: boolean): Promise<void> {
  if (hasHosts) {
    await mountScratch(scratch);
    await raiseLoopback();
  } else {
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch, { recursive: true });
  }
}

async function take(order: Order, hasHosts: boolean): Promise<number> {
  const file = await measureAll(order, hasHosts);
  show(file);
  if (order.isPage) writePage(file);
  return file.failures.length === 0 ? 0 : 1;
}

async function enter(order: Order, args: readonly string[]): Promise<number> {
  const isRoot = process.getuid?.() === 0;
  const reason = await whyNoNamespaces(isRoot);
  if (reason !== undefined) {
    console.log(`No network namespaces (${reason}): what needs them is left out.`);
    return take(order, false);
  }
  return runInNamespaces([process.argv[1] ?? '', INSIDE, ...args], isRoot);
}

async function main(): Promise<number> {
  const [first, ...rest] = process.argv.slice(2);
  const isInside = first === INSIDE;
  const args = isInside ? rest : process.argv.slice(2);
  const order = parseOrder(args);
  if (order.isList) {
    for (const { name, what } of MEASURES) console.log(`${name.padEnd(18)}${what}`);
    return 0;
  }
  if (order.fromFile !== undefined) {
    const file = readResult(order.fromFile);
    show(file);
    if (order.isPage) writePage(file);
    return 0;
  }
  return isInside ? take(order, true) : enter(order, args);
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof TestkitError && error.code === 'BAD_USAGE';
  console.error(isUsage ? `${error.message}\n${USAGE}` : messageOf(error));
  process.exitCode = isUsage ? 2 : 1;
}

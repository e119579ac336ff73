// The images as containers: `npm run test:containers`. With an engine that runs, it is used. Else this starts itself again in a network
// of its own, and in there an engine.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  TestkitError,
  findRepositoryRoot,
  findTool,
  killAllProcessesSync,
  messageOf,
  raiseLoopback,
} from '@sentinel-micro/testkit';
import {
  OwnEngine,
  clientTool,
  engineHosts,
  findRunningEngine,
  openFarEnd,
  openNearEnd,
  removeControlGroups,
  spawnInside,
  whyNoEngine,
  type Docker,
} from './engine/index.ts';
import { USAGE, parseOrder, type Order } from './options.ts';
import { pageOf } from './page/page.ts';
import { cleanUp, runPlan } from './plan.ts';
import { NO_RESULTS, isWell, type ResultFile } from './result.ts';
import { answerNobody } from './set/index.ts';
import { readSettings } from './settings.ts';
import { STORIES, skipped } from './stories/index.ts';
import { summaryOf } from './summary.ts';

/** The first arguments of the process inside: this, a folder for sockets, the name of the control groups. */
const INSIDE = '--inside';
const INTERRUPTED = 130;

const root = findRepositoryRoot();
const work = join(root, '.cache', 'containers');
const log = (line: string): void => console.log(line);

/** What has to be ended whatever happens; the last one first. */
const undo: (() => unknown)[] = [];
/** Asked, not remembered: a signal may have come meanwhile. */
const ending = new AbortController();
const isEnding = (): boolean => ending.signal.aborted;

async function endAll(): Promise<void> {
  ending.abort();
  for (let step = undo.pop(); step !== undefined; step = undo.pop())
    await Promise.resolve(step()).catch(() => undefined);
}

function conclude(order: Order, results: ResultFile): number {
  const text = `${JSON.stringify(results, null, 2)}\n`;
  if (order.jsonFile !== undefined) writeFileSync(resolve(order.jsonFile), text);
  // Nothing was measured where all was skipped.
  if (order.writesDocs && results.engine !== '') {
    writeFileSync(join(root, 'docs', 'containers.json'), text);
    writeFileSync(join(root, 'docs', 'containers.md'), pageOf(results, STORIES));
  }
  log(`\n${summaryOf(results)}`);
  return isWell(results) ? 0 : 1;
}

function skipAll(order: Order, reason: string): number {
  log(`Everything is skipped: ${reason}.`);
  return conclude(order, { ...NO_RESULTS, stories: order.stories.map((story) => skipped(story, reason)) });
}

async function onRunning(order: Order, docker: Docker): Promise<number> {
  log(`using the engine at ${docker.host}`);
  const dir = mkdtempSync(join(tmpdir(), 'sm-containers-'));
  undo.push(() => rmSync(dir, { recursive: true, force: true }));
  undo.push(() => cleanUp(docker));
  const settings = readSettings(join(work, 'settings.json'));
  return conclude(order, await runPlan({ order, docker, root, dir, settings, proxy: null, upstreamDns: 'usual', log }));
}

/** Outside: leads to the registries, waits, and removes what is left. */
async function onOwn(order: Order, args: readonly string[]): Promise<number> {
  const reason = whyNoEngine(process.getuid?.() ?? -1);
  if (reason !== undefined) return skipAll(order, reason);
  if (findTool('dockerd') === undefined) return skipAll(order, 'no container engine answers, and there is no dockerd');
  const dir = mkdtempSync(join(tmpdir(), 'sm-containers-'));
  undo.push(() => rmSync(dir, { recursive: true, force: true }));
  const engineDir = join(work, 'engine');
  rmSync(engineDir, { recursive: true, force: true });
  mkdirSync(engineDir, { recursive: true });
  undo.push(() => rmSync(engineDir, { recursive: true, force: true }));
  const cgroup = `sentinel-micro-${process.pid}`;
  undo.push(() => removeControlGroups(cgroup));
  const far = await openFarEnd(join(dir, 'out.sock'));
  undo.push(() => far.close());
  log('no container engine is used that runs already: starting one in a network of its own');
  const child = spawnInside(process.execPath, [process.argv[1] ?? '', INSIDE, dir, cgroup, ...args]);
  const ended = new Promise<number>((done, failed) => {
    child.once('error', failed);
    child.once('exit', (code) => done(code ?? 1));
  });
  undo.push(async () => {
    child.stdin?.end();
    await ended.catch(() => undefined);
  });
  return ended;
}

/** Inside: an engine, and all that is done with it. */
async function inside(order: Order, dir: string, cgroup: string): Promise<number> {
  // The end of the standard input says that it is over.
  process.stdin.on('end', () => void interrupted()).resume();
  await raiseLoopback();
  const near = await openNearEnd(join(dir, 'out.sock'));
  undo.push(() => near.close());
  const engineDir = join(work, 'engine');
  const proxy = near.url;
  const engine = await OwnEngine.start({
    dataDir: join(engineDir, 'data'),
    socketDir: dir,
    cgroup: `/${cgroup}`,
    proxy,
  });
  undo.push(() => engine.stop());
  const { docker } = engine;
  undo.push(() => cleanUp(docker));
  const dns = await answerNobody();
  undo.push(() => dns.close());
  const settings = readSettings(join(work, 'settings.json'));
  return conclude(order, await runPlan({ order, docker, root, dir, settings, proxy, upstreamDns: 'own', log }));
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args[0] === INSIDE) return inside(parseOrder(args.slice(3)), args[1] ?? '', args[2] ?? '');
  const order = parseOrder(args);
  if (order.isList) {
    for (const { name, what } of STORIES) log(`${name.padEnd(28)}${what}`);
    return 0;
  }
  if (order.engine !== 'own') {
    const hosts = engineHosts(process.getuid?.() ?? 0, process.env['DOCKER_HOST']);
    const { command, env } = clientTool();
    const running = await findRunningEngine(hosts, command, { ...env, HOME: process.env['HOME'] ?? '/' });
    if (running !== undefined) return onRunning(order, running);
    if (order.engine === 'running') return skipAll(order, 'no container engine answers');
  }
  return onOwn(order, args);
}

async function interrupted(): Promise<void> {
  if (isEnding()) return;
  log('interrupted: everything is taken down');
  await endAll();
  killAllProcessesSync();
  process.exit(INTERRUPTED);
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void interrupted());

let exitCode: number;
try {
  exitCode = await main();
} catch (error) {
  const isUsage = error instanceof TestkitError && error.code === 'BAD_USAGE';
  if (!isEnding()) console.error(isUsage ? `${error.message}\n${USAGE}` : messageOf(error));
  exitCode = isUsage ? 2 : 1;
}
// Who is interrupted has an end of its own.
if (!isEnding()) {
  await endAll();
  process.exit(exitCode);
}

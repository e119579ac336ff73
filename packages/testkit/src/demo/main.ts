// The demo: `npm run demo`. Starts a set of pods on this machine, breaks it in four ways, and shows what came of it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster } from '../cluster.ts';
import { TestkitError, messageOf } from '../errors.ts';
import { killAllProcessesSync } from '../managed-process.ts';
import { Display } from './display.ts';
import { parseOptions, type DemoOptions } from './options.ts';
import { runDemo, type DemoResult } from './run.ts';
import { howToLook, jsonLine, summaryTable } from './summary.ts';

let cluster: Cluster | undefined;
let folder: string | undefined;

function removeFolder(): void {
  if (folder === undefined) return;
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    console.error(`${folder} could not be removed: ${messageOf(error)}`);
  }
}

/** Ends at once, and leaves neither a process nor a file behind. */
function abandon(exitCode: number): never {
  cluster?.killAllSync();
  killAllProcessesSync();
  removeFolder();
  process.exit(exitCode);
}

async function main(): Promise<number> {
  const options = await parseOptions(process.argv.slice(2));
  if (options === undefined) return 0;
  const display = new Display(options.json ? process.stderr : process.stdout);
  const result = await demonstrate(options, display);
  display.end();
  if (result.faults.length > 0) display.plain(`\n${summaryTable(result)}`);
  if (options.keep && cluster !== undefined) {
    display.plain(`\n${howToLook(cluster)}`);
    if (options.json) console.log(jsonLine(options.pods, result));
    await new Promise<never>(() => {
      // Until a signal ends it; the timer is what keeps the process alive meanwhile.
      setInterval(() => undefined, 60_000);
    });
  }
  await cluster?.stop();
  removeFolder();
  if (options.json) console.log(jsonLine(options.pods, result));
  return result.ok ? 0 : 1;
}

async function demonstrate(options: DemoOptions, display: Display): Promise<DemoResult> {
  try {
    // Made here and not by the cluster, so that Ctrl-C in the first moment finds it.
    folder = mkdtempSync(join(tmpdir(), 'sentinel-micro-demo-'));
    cluster = await Cluster.create({
      dir: folder,
      pods: options.pods,
      restartPolicy: 'always',
      redisRestartDelayMs: 1000,
      sidecarRestartDelayMs: 500,
    });
    return await runDemo(cluster, display);
  } catch (error) {
    display.line(`failed: ${messageOf(error)}`);
    return { faults: [], ok: false };
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => abandon(signal === 'SIGINT' ? 130 : 143));
}
// Whoever read our output has gone (`| head`): there is nobody left to show anything to.
process.stdout.once('error', () => abandon(1));

try {
  process.exitCode = await main();
} catch (error) {
  console.error(messageOf(error));
  abandon(error instanceof TestkitError && error.code === 'BAD_USAGE' ? 2 : 1);
}

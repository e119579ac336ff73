import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findTool, type Tool } from '@sentinel-micro/testkit';

const generateTimeoutMs = 20_000;
const compileTimeoutMs = 60_000;
/** Far above what the models need (about 200): reaching it is reported, and is a failure. */
const mostDepth = 20_000;
const mostMemoryMb = 2000;
const mostOutputBytes = 4 * 1024 * 1024;

/** What spin says of one model. */
export interface Verdict {
  readonly errors: number;
  readonly states: number;
  /** Every state within the bounds of the model was looked at: no limit of depth, memory or time was met. */
  readonly isExhaustive: boolean;
  /** The assertion that was broken, as spin prints it; null when there was none. */
  readonly assertion: string | null;
  readonly output: string;
}

/** What is needed to check a model; or, as a text, why that can not be done here. */
export function findSpin(): { readonly spin: Tool; readonly compiler: string } | string {
  let spin: Tool | undefined;
  try {
    spin = findTool('spin');
  } catch {
    return 'no tools here: run `node scripts/tools.mjs`';
  }
  if (spin === undefined) return 'no spin here (Debian package spin)';
  // spin itself calls gcc as its preprocessor.
  const compiler = (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, 'gcc'))
    .find((file) => existsSync(file));
  return compiler === undefined ? 'no gcc here' : { spin, compiler };
}

/**
 * Has spin look at every state of a model.
 * @param model the file
 * @param defines what to define for the preprocessor: `BYTES=1`, `GRANT_TWICE`
 * @throws Error with the output when the model is not valid, or the search does not end within `timeoutMs`
 */
export async function verify(model: string, defines: readonly string[], timeoutMs: number): Promise<Verdict> {
  const found = findSpin();
  if (typeof found === 'string') throw new Error(found);
  const { spin, compiler } = found;
  const folder = mkdtempSync(path.join(tmpdir(), 'sentinel-micro-model-'));
  try {
    copyFileSync(model, path.join(folder, 'model.pml'));
    const options = defines.map((define) => `-D${define}`);
    await run(spin.command, [...options, '-a', 'model.pml'], folder, generateTimeoutMs, spin.env);
    const limits = ['-DSAFETY', `-DMEMLIM=${String(mostMemoryMb)}`];
    await run(compiler, ['-O1', '-w', ...limits, '-o', 'pan', 'pan.c'], folder, compileTimeoutMs);
    return read(await run('./pan', [`-m${String(mostDepth)}`, '-n'], folder, timeoutMs));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function read(output: string): Verdict {
  const errors = Number(/errors: (\d+)/.exec(output)?.[1] ?? Number.NaN);
  const states = Number(/(\d+) states, stored/.exec(output)?.[1] ?? Number.NaN);
  if (Number.isNaN(errors) || Number.isNaN(states)) throw new Error(`spin came to no end:\n${output}`);
  const wasCutShort = /max search depth too small|Search not completed|reached -DMEMLIM bound|out of memory/.test(
    output,
  );
  const isExhaustive = output.includes('Full statespace search for:') && !wasCutShort;
  return { errors, states, isExhaustive, assertion: /assertion violated (.*)/.exec(output)?.[1] ?? null, output };
}

function run(
  command: string,
  args: readonly string[],
  cwd: string,
  timeoutMs: number,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options = { cwd, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: mostOutputBytes } as const;
  return new Promise((resolve, reject) => {
    execFile(command, args, { ...options, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout + stderr);
      else {
        const how = error.killed === true ? `ended after ${String(timeoutMs)} ms` : error.message;
        reject(new Error(`${command} ${args.join(' ')}: ${how}\n${stdout}${stderr}`));
      }
    });
  });
}

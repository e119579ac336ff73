import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { ManagedProcess, killAllProcessesSync, liveProcesses, waitUntil } from '../src/index.ts';
import { processExists } from './helpers.ts';

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'testkit-test-'));
});

afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

function startSleeper(): ManagedProcess {
  const spec = { command: '/bin/sleep', args: ['60'], cwd: dir, logFile: join(dir, 'sleep.log') };
  return ManagedProcess.start({ name: 'sleeper', ...spec });
}

/** A program that starts a sleeper, prints its pid, and then does what `then` says. */
async function startOwner(then: string): Promise<{ owner: ReturnType<typeof spawn>; sleeperPid: number }> {
  const source = join(fileURLToPath(new URL('../src/managed-process.ts', import.meta.url)));
  const bundle = join(dir, 'owner.mjs');
  const contents = `
    import { ManagedProcess } from ${JSON.stringify(source)};
    const spec = { command: '/bin/sleep', args: ['60'], cwd: '/', logFile: ${JSON.stringify(join(dir, 'owned.log'))} };
    const sleeper = ManagedProcess.start({ name: 'sleeper', ...spec });
    console.log(sleeper.pid);
    ${then}`;
  await build({
    stdin: { contents, resolveDir: dir },
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
  });
  const owner = spawn(process.execPath, [bundle], { stdio: ['ignore', 'pipe', 'inherit'] });
  const pid = await new Promise<string>((resolve) =>
    owner.stdout.once('data', (data: Buffer) => resolve(String(data))),
  );
  return { owner, sleeperPid: Number(pid) };
}

function gone(pid: number): Promise<true> {
  return waitUntil(() => (processExists(pid) ? undefined : true), { what: 'the process to be gone', timeoutMs: 5000 });
}

describe('no process is left behind', () => {
  test('what was started is known until it has ended', async () => {
    const sleeper = startSleeper();
    expect(liveProcesses()).toContain(sleeper);
    await sleeper.stop();
    expect(liveProcesses()).toEqual([]);
    expect(processExists(sleeper.pid!)).toBe(false);
  });

  test('one that ignores SIGTERM is killed after the grace period', async () => {
    const args = ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.05; done'];
    const logFile = join(dir, 'stubborn.log');
    const stubborn = ManagedProcess.start({ name: 'stubborn', command: '/bin/sh', args, cwd: dir, logFile });
    await waitUntil(() => (stubborn.logTail().includes('ready') ? true : undefined), { what: 'sh', timeoutMs: 5000 });
    expect(await stubborn.stop(100)).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('killAllProcessesSync ends everything, paused or not', async () => {
    const sleepers = [startSleeper(), startSleeper()];
    sleepers[0]!.pause();
    killAllProcessesSync();
    await Promise.all(sleepers.map((sleeper) => sleeper.exited));
    expect(liveProcesses()).toEqual([]);
  });

  test('a program that is not there is an error at once, one that fails says so', async () => {
    const spec = { args: [], cwd: dir, logFile: join(dir, 'failing.log') };
    expect(() => ManagedProcess.start({ name: 'nothing', command: '/no/such/program', ...spec })).toThrow(
      /does not exist/,
    );
    const failing = ManagedProcess.start({ name: 'failing', command: '/bin/false', ...spec });
    await failing.exited;
    expect(failing.describeExit()).toBe('exited with code 1');
  });

  test('nothing of the environment is passed on but what is asked for', async () => {
    const logFile = join(dir, 'env.log');
    const env = ManagedProcess.start({
      name: 'env',
      command: '/usr/bin/env',
      args: [],
      env: { A: 'b c' },
      cwd: dir,
      logFile,
    });
    await env.exited;
    const names = env.logTail().map((line) => line.split('=')[0]);
    expect(names.sort()).toEqual(['A', 'LC_ALL', 'PATH']);
    expect(env.logTail()).toContain('A=b c');
  });

  test('when the owner ends, its processes end', async () => {
    const { sleeperPid } = await startOwner('process.exit(0);');
    await gone(sleeperPid);
  });

  test('when the owner is killed, its processes end', async () => {
    const { owner, sleeperPid } = await startOwner('setInterval(() => {}, 1000);');
    expect(processExists(sleeperPid)).toBe(true);
    owner.kill('SIGKILL');
    await gone(sleeperPid);
  });
});

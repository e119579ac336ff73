// Starts a program of a suite that has been built, and ends with it.
import { spawn } from 'node:child_process';
import { fail } from './bootstrap.mjs';
import { endingWithUs, root } from './process.mjs';

/** Runs `node SCRIPT ARGS` in the root of the repository, passes signals on, and exits as it does. */
export function runSuite(script, args) {
  const line = endingWithUs([process.execPath, script, ...args]);
  const child = spawn(line[0], line.slice(1), { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // Ctrl-C reaches the child by itself.
  process.on('SIGINT', () => {});
  child.on('error', fail);
  child.on('exit', (code) => process.exit(code ?? 1));
}

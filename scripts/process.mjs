// Small helpers around child processes, on node's own modules only: these scripts run before anything is installed.
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';

export const root = path.dirname(import.meta.dirname);

/**
 * Runs a command to its end. Never throws for a command that fails: the caller decides what that means.
 * `stdio` is 'capture' (default), 'inherit', or 'stderr' (show everything, but leave stdout to the caller).
 */
export function run(command, args, { cwd = root, env = process.env, timeoutMs, stdio = 'capture' } = {}) {
  const out = { capture: 'pipe', inherit: 'inherit', stderr: process.stderr }[stdio];
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      stdio: ['ignore', out, stdio === 'capture' ? 'pipe' : 'inherit'],
    });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => (output += text));
    child.stderr?.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', (error) => resolve({ ok: false, code: null, output: `${output}${error.message}\n` }));
    child.on('close', (code, signal) => {
      if (signal) output += `${command}: ended by ${signal} (time-out: ${timeoutMs} ms)\n`;
      resolve({ ok: code === 0, code, output });
    });
  });
}

const setpriv = '/usr/bin/setpriv';

/** The command line under which a program does not go on when this process has ended, however it ended. */
export function endingWithUs(line) {
  return existsSync(setpriv) ? [setpriv, '--pdeathsig', 'KILL', '--', ...line] : line;
}

/** The absolute path of a command, also where an ordinary user's PATH leaves out the sbin folders. */
export function which(name) {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, name))
    .find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

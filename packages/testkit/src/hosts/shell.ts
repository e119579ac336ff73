import { spawn } from 'node:child_process';
import { TestkitError } from '../errors.ts';
import type { Tool } from '../tools.ts';

const TIMEOUT_MS = 10_000;
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/** A tool as the words of a shell command. Its paths come from this repository or from the system: no quotes in them. */
export function shellWords(tool: Tool): string {
  const variables = Object.entries(tool.env).map(([name, value]) => `'${name}=${value}'`);
  return [...(variables.length > 0 ? ['env', ...variables] : []), `'${tool.command}'`].join(' ');
}

/**
 * Runs a script with `sh -e`, inside the namespaces that `enter` leads into, and returns what it printed.
 * @throws TestkitError PROCESS_FAILED with all output when a command of it fails or it takes longer than 10 s.
 */
export function runScript(script: string, enter: readonly string[] = []): Promise<string> {
  const [command = '/bin/sh', ...args]: readonly string[] = [...enter, '/bin/sh', '-e'];
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: ENVIRONMENT,
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    const add = (text: string): void => {
      output += text;
    };
    child.stdout.setEncoding('utf8').on('data', add);
    child.stderr.setEncoding('utf8').on('data', add);
    const fail = (why: string, cause?: unknown): void => {
      reject(new TestkitError('PROCESS_FAILED', `${why}: ${output.trim()}\n${script}`, { cause }));
    };
    child.once('error', (error) => {
      fail(error.message, error);
    });
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else fail(signal === null ? `a script exited with code ${String(code)}` : `a script was ended by ${signal}`);
    });
    // A shell that has ended already is reported by its exit.
    child.stdin.on('error', () => undefined);
    child.stdin.end(script);
  });
}

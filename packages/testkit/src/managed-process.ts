import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { TestkitError, messageOf } from './errors.ts';
import { withTimeout } from './time.ts';

/** Namespaces that a process can be started in. */
export interface ProcessHost {
  /** What stands before the command; it leads in by exec, so that the process id stays the same. */
  readonly enter: readonly string[];
}

export interface ProcessSpec {
  /** How messages call it: "redis-0 redis-server". */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to a fixed minimal environment; the caller's own environment is never inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Standard output and error are appended here. */
  readonly logFile: string;
  /** Where it runs. Default: where this process does. */
  readonly inside?: ProcessHost | undefined;
}

export interface ExitInfo {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

// Nothing of the caller's environment: a SENTINEL_MICRO_* or NODE_OPTIONS from outside would change what is tested.
const BASE_ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
const SETPRIV = '/usr/bin/setpriv';
const ENV = '/usr/bin/env';

const live = new Set<ManagedProcess>();
let exitHookInstalled = false;

/** Every process that the testkit has started and that has not ended yet. */
export function liveProcesses(): readonly ManagedProcess[] {
  return [...live];
}

/** Sends SIGKILL to everything that is still alive, without waiting. For exit handlers: it never throws. */
export function killAllProcessesSync(): void {
  for (const process of live) process.kill('SIGKILL');
}

/**
 * A child process with a log file, that cannot outlive this process: it is killed when this process exits, and where
 * `setpriv` exists also when this process is killed. It is in a session of its own, so that Ctrl-C reaches only us.
 */
export class ManagedProcess {
  readonly name: string;
  readonly logFile: string;
  /** Settles when the process has ended, also when it could not be started. Never rejects. */
  readonly exited: Promise<ExitInfo>;
  readonly #child: ChildProcess;
  #exit: ExitInfo | undefined;
  #paused = false;

  /**
   * Starts the process.
   * @throws TestkitError PROCESS_FAILED when the program is not there.
   */
  static start(spec: ProcessSpec): ManagedProcess {
    if (!existsSync(spec.command)) {
      throw new TestkitError('PROCESS_FAILED', `${spec.name}: ${spec.command} does not exist`);
    }
    return new ManagedProcess(spec);
  }

  private constructor(spec: ProcessSpec) {
    this.name = spec.name;
    this.logFile = spec.logFile;
    mkdirSync(dirname(spec.logFile), { recursive: true });
    const log = openSync(spec.logFile, 'a', 0o640);
    try {
      const [command, args] = commandLine(spec);
      this.#child = spawn(command, args, { cwd: spec.cwd, env: BASE_ENV, detached: true, stdio: ['ignore', log, log] });
    } finally {
      closeSync(log);
    }
    live.add(this);
    installExitHook();
    this.exited = new Promise((resolve) => {
      const settle = (exit: ExitInfo): void => {
        live.delete(this);
        this.#exit ??= exit;
        resolve(this.#exit);
      };
      this.#child.once('exit', (code, signal) => {
        settle({ code, signal });
      });
      this.#child.once('error', () => {
        // Only a failed start means that there is no process; a failed kill must not be taken for an exit.
        if (this.#child.pid === undefined) settle({ code: null, signal: null });
      });
    });
  }

  /** The process id; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** How it ended; undefined while it runs. */
  get exit(): ExitInfo | undefined {
    return this.#exit;
  }

  get isPaused(): boolean {
    return this.#paused && this.isAlive();
  }

  isAlive(): boolean {
    return this.#exit === undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends a signal; nothing happens when the process has ended. Does not wait. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.isAlive()) this.#child.kill(signal);
  }

  /** SIGSTOP: alive, silent, sockets open. */
  pause(): void {
    this.#paused = true;
    this.kill('SIGSTOP');
  }

  /** SIGCONT. */
  resume(): void {
    this.#paused = false;
    this.kill('SIGCONT');
  }

  /**
   * SIGTERM, and SIGKILL when it is still there after `graceMs`. A paused process is resumed first: it could not react.
   * @throws TestkitError TIMEOUT when even SIGKILL does not end it within 10 s.
   */
  async stop(graceMs = 3000): Promise<ExitInfo> {
    this.kill('SIGTERM');
    this.resume();
    try {
      return await withTimeout(this.exited, graceMs, `${this.name} to end after SIGTERM`);
    } catch {
      return this.killAndWait();
    }
  }

  /**
   * SIGKILL, and waits until the process is gone.
   * @throws TestkitError TIMEOUT after 10 s (a large process takes a while to free its memory).
   */
  async killAndWait(): Promise<ExitInfo> {
    this.kill('SIGKILL');
    return withTimeout(this.exited, 10_000, `${this.name} to end after SIGKILL`);
  }

  /** The last lines of what it (and its predecessors with the same log file) printed. */
  logTail(lines = 20): string[] {
    return tailOfFile(this.logFile, lines);
  }

  /** "exited with code 1" or "was ended by SIGKILL" or "is running". */
  describeExit(): string {
    if (this.#exit === undefined) return 'is running';
    if (this.#exit.signal !== null) return `was ended by ${this.#exit.signal}`;
    return this.#exit.code === null ? 'could not be started' : `exited with code ${String(this.#exit.code)}`;
  }
}

/** The last lines of a file; empty when there is none. */
export function tailOfFile(path: string, lines: number): string[] {
  try {
    const all = readFileSync(path, 'utf8').split('\n');
    if (all.at(-1) === '') all.pop();
    return all.slice(-lines);
  } catch (error) {
    return existsSync(path) ? [`(${path} cannot be read: ${messageOf(error)})`] : [];
  }
}

/**
 * `setpriv` sets the parent-death signal and `env` the environment, each by exec, so the process id stays the same.
 * The environment goes through `env` because setpriv itself must not run with the tool's LD_LIBRARY_PATH.
 */
function commandLine(spec: ProcessSpec): [string, string[]] {
  const variables = Object.entries(spec.env ?? {}).map(([key, value]) => `${key}=${value}`);
  // Whoever enters other mounts stands in their root folder.
  const changes = [...(spec.inside === undefined ? [] : [`--chdir=${spec.cwd}`]), ...variables];
  const program = [...(changes.length > 0 ? [ENV, ...changes] : []), spec.command, ...spec.args];
  const entered = [...(spec.inside?.enter ?? []), ...program];
  const line = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', '--', ...entered] : entered;
  return [line[0] ?? spec.command, line.slice(1)];
}

function installExitHook(): void {
  if (exitHookInstalled) return;
  exitHookInstalled = true;
  process.once('exit', killAllProcessesSync);
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestkitError } from './errors.ts';
import { ManagedProcess, type ExitInfo, type ProcessHost } from './managed-process.ts';
import { RedisCommander, isAnswer, type CommandArgs, type RedisTarget } from './redis-client.ts';
import { waitUntil } from './time.ts';
import type { Tool } from './tools.ts';

export interface RedisProcessOptions {
  readonly tool: Tool;
  /** How messages call it. Default `redis-server HOST:PORT`. */
  readonly name?: string;
  readonly host: string;
  readonly port: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Working folder: configuration, data and log when nothing else is said. Made when missing. */
  readonly dir: string;
  /** A ready configuration file. Without it one is written from `config`, see `defaultConfig`. */
  readonly configFile?: string;
  /** Extra configuration lines, after the default ones. Only without `configFile`. */
  readonly config?: readonly string[];
  /** Extra arguments, e.g. `--replica-priority 0`. */
  readonly args?: readonly string[];
  /** Extra environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default `redis.log` in `dir`. */
  readonly logFile?: string;
  /** Where it runs. Default: where this process does. */
  readonly inside?: ProcessHost | undefined;
}

/**
 * The lines that every Redis of a test starts from: its own address only, nothing on disk, quick full syncs. One with a
 * host of its own (`inside`) binds whatever it has, as in a real pod.
 */
export function defaultConfig(
  options: Pick<RedisProcessOptions, 'host' | 'port' | 'password' | 'inside'>,
  dataDir: string,
): string[] {
  // As a pod's would, its connections come from its own address, not from 127.0.0.1.
  const binds = [`bind ${options.host}`, `bind-source-addr ${options.host}`];
  return [
    ...(options.inside === undefined ? binds : []),
    `port ${String(options.port)}`,
    'protected-mode no',
    'save ""',
    'appendonly no',
    `dir ${dataDir}`,
    'repl-diskless-sync-delay 0',
    ...(options.password === undefined ? [] : [`requirepass ${options.password}`]),
  ];
}

/** A real redis-server. */
export class RedisProcess {
  readonly target: RedisTarget;
  readonly process: ManagedProcess;
  readonly #commander: RedisCommander;

  /** Starts a redis-server and waits until it answers; it is killed when it does not within `readyTimeoutMs`. */
  static async start(options: RedisProcessOptions, readyTimeoutMs = 10_000): Promise<RedisProcess> {
    const redis = RedisProcess.spawn(options);
    try {
      await redis.waitUntilReady(readyTimeoutMs);
    } catch (error) {
      await redis.killAndWait();
      throw error;
    }
    return redis;
  }

  /** Starts a redis-server without waiting for it. @throws TestkitError PROCESS_FAILED when there is no such program. */
  static spawn(options: RedisProcessOptions): RedisProcess {
    return new RedisProcess(options);
  }

  private constructor(options: RedisProcessOptions) {
    mkdirSync(options.dir, { recursive: true });
    const { host, port, username, password } = options;
    this.target = { host, port, username, password };
    this.process = ManagedProcess.start({
      name: options.name ?? `redis-server ${host}:${String(port)}`,
      command: options.tool.command,
      args: [options.configFile ?? writeConfig(options), ...(options.args ?? [])],
      env: { ...options.tool.env, ...options.env },
      cwd: options.dir,
      logFile: options.logFile ?? join(options.dir, 'redis.log'),
      inside: options.inside,
    });
    this.#commander = new RedisCommander(this.target);
    void this.process.exited.then(() => {
      this.#commander.close();
    });
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  isAlive(): boolean {
    return this.process.isAlive();
  }

  /**
   * Waits until this very process answers on its port. An error reply such as -LOADING is an answer.
   * @throws TestkitError PROCESS_FAILED with the end of its log when it ends instead, TIMEOUT when it does neither.
   */
  async waitUntilReady(timeoutMs = 10_000): Promise<void> {
    const ready = await waitUntil(() => this.#probe(), {
      what: `${this.process.name} to answer`,
      timeoutMs,
      intervalMs: 5,
    });
    if (!ready) {
      throw new TestkitError(
        'PROCESS_FAILED',
        `${this.process.name} ${this.process.describeExit()}; its log ends with:\n${this.logTail(10).join('\n')}`,
      );
    }
  }

  /** true: answers; false: has ended; undefined: neither yet. */
  async #probe(): Promise<boolean | undefined> {
    if (!this.isAlive()) return false;
    try {
      const info = await this.#commander.text('INFO', 'server');
      // Somebody else may hold the port: then ours is about to end with "Address already in use".
      return info.includes(`process_id:${String(this.pid)}\r\n`) ? true : undefined;
    } catch (error) {
      if (isAnswer(error)) return true;
      return this.isAlive() ? undefined : false;
    }
  }

  /** Sends a command over a connection of the test's own (RESP2, 1 s). See `RedisCommander.command` for errors. */
  command(...args: CommandArgs): Promise<unknown> {
    return this.#commander.command(...args);
  }

  /** `command`, for answers that are text, e.g. INFO. */
  text(...args: CommandArgs): Promise<string> {
    return this.#commander.text(...args);
  }

  /** Sends a signal. Does not wait. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.process.kill(signal);
  }

  /** SIGKILL, and waits until it is gone. */
  killAndWait(): Promise<ExitInfo> {
    return this.process.killAndWait();
  }

  /** SIGSTOP: connections stay open, nothing is answered. */
  pause(): void {
    this.process.pause();
  }

  /** SIGCONT. */
  resume(): void {
    this.process.resume();
  }

  /** SIGTERM, after `graceMs` SIGKILL; waits. */
  stop(graceMs = 3000): Promise<ExitInfo> {
    return this.process.stop(graceMs);
  }

  /** The last lines of its log. */
  logTail(lines = 20): string[] {
    return this.process.logTail(lines);
  }
}

/** A file and not arguments: a password must not show in the process list. */
function writeConfig(options: RedisProcessOptions): string {
  const path = join(options.dir, 'redis.conf');
  const lines = [...defaultConfig(options, options.dir), ...(options.config ?? [])];
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o640 });
  return path;
}

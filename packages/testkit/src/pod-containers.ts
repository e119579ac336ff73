import { Container } from './container.ts';
import { TestkitError } from './errors.ts';
import { ManagedProcess } from './managed-process.ts';
import type { PodContext, PodProgram, Program } from './pod-program.ts';
import { redisTargetOf, sidecarTargetOf, type PodSettings } from './pod-settings.ts';
import { RedisProcess } from './redis-process.ts';
import { SidecarProcess } from './sidecar-process.ts';
import { nowMs, withTimeout } from './time.ts';

const INIT_TIMEOUT_MS = 30_000;
const READY_TIMEOUT_MS = 15_000;

/** What runs in one pod: make-slave to its end, then redis-server, then the sidecar. */
export class PodContainers {
  readonly redis: Container;
  readonly sidecar: Container;
  readonly #podName: string;
  readonly #program: PodProgram;
  readonly #context: () => PodContext;
  #init: ManagedProcess | undefined;
  #initTookMs: number | undefined;
  /** Set before anything is killed, so that a `start` under way does not start the next container after that. */
  #ending = false;
  #endings = 0;

  /** @param context what the pod is at the moment; throws while it does not exist */
  constructor(podName: string, settings: PodSettings, program: PodProgram, context: () => PodContext) {
    this.#podName = podName;
    this.#program = program;
    this.#context = context;
    const always = settings.restartPolicy === 'always';
    this.redis = new Container({
      name: `redis-server of ${podName}`,
      spawn: () => this.#spawnRedis(),
      restartDelayMs: always ? settings.redisRestartDelayMs : undefined,
      readyTimeoutMs: READY_TIMEOUT_MS,
    });
    this.sidecar = new Container({
      name: `sentinel of ${podName}`,
      spawn: () => this.#spawnSidecar(),
      restartDelayMs: always ? settings.sidecarRestartDelayMs : undefined,
      readyTimeoutMs: READY_TIMEOUT_MS,
    });
  }

  /** How often it was all ended; a start that finds another number than at its beginning has come too late. */
  get endings(): number {
    return this.#endings;
  }

  /** A new pod: what was ended before does not keep it from starting. */
  allowStarts(): void {
    this.#ending = false;
  }

  /** How long the last init container ran that ended, in milliseconds. */
  get initTookMs(): number | undefined {
    return this.#initTookMs;
  }

  /** @throws TestkitError PROCESS_FAILED with the log of what failed, TIMEOUT. */
  async start(): Promise<void> {
    await this.#runInit();
    await this.redis.start();
    await this.sidecar.start();
  }

  /** SIGTERM to both at once, or to the sidecar only after Redis has ended; SIGKILL after `graceMs`. Waits. */
  async stop(graceMs: number, sidecarLast: boolean): Promise<void> {
    this.#end();
    await this.#init?.killAndWait();
    if (sidecarLast) {
      await this.redis.stop(graceMs);
      await this.sidecar.stop(graceMs);
    } else {
      await Promise.all([this.redis.stop(graceMs), this.sidecar.stop(graceMs)]);
    }
  }

  /** SIGKILL to everything at once. Waits. */
  async kill(): Promise<void> {
    this.killSync();
    await Promise.all([this.redis.stop(0), this.sidecar.stop(0), this.#init?.killAndWait()]);
  }

  /** SIGKILL to everything, without waiting, and nothing is restarted. */
  killSync(): void {
    this.#end();
    this.redis.unwant();
    this.sidecar.unwant();
    // Two signals are not one moment: a sidecar that outlived its Redis by a millisecond would give the lease back, as none of a dead node does.
    this.sidecar.process?.kill('SIGKILL');
    this.redis.process?.kill('SIGKILL');
    this.#init?.kill('SIGKILL');
  }

  #end(): void {
    this.#ending = true;
    this.#endings++;
  }

  async #runInit(): Promise<void> {
    const context = this.#context();
    const program = await this.#program.init(context);
    if (program === undefined) return;
    // The start of the process is part of what is measured.
    const startMs = nowMs();
    const init = this.#startProgram(program, context, context.files.makeSlaveLog);
    this.#init = init;
    try {
      const { code } = await withTimeout(init.exited, INIT_TIMEOUT_MS, `${init.name} to end`);
      this.#initTookMs = nowMs() - startMs;
      if (code === 0) return;
    } finally {
      init.kill('SIGKILL');
    }
    const log = init.logTail(20).join('\n');
    throw new TestkitError('PROCESS_FAILED', `${init.name} ${init.describeExit()}; it printed:\n${log}`);
  }

  #spawnRedis(): RedisProcess {
    const name = `redis-server of ${this.#podName}`;
    this.#refuseWhenEnding(name);
    const { settings, identity, files, host } = this.#context();
    return RedisProcess.spawn({
      ...redisTargetOf(settings, identity.ip),
      tool: settings.tools.redisServer,
      name,
      dir: files.dataDir,
      configFile: files.renderedConfig,
      logFile: files.redisLog,
      inside: host,
    });
  }

  #spawnSidecar(): SidecarProcess {
    const context = this.#context();
    const { settings, identity, files } = context;
    const process = this.#startProgram(this.#program.sidecar(context), context, files.sidecarLog);
    return new SidecarProcess(process, sidecarTargetOf(settings, identity.ip));
  }

  #startProgram({ what, ...program }: Program, { files, host }: PodContext, logFile: string): ManagedProcess {
    const name = `${what} of ${this.#podName}`;
    this.#refuseWhenEnding(name);
    return ManagedProcess.start({ name, ...program, cwd: files.dir, logFile, inside: host });
  }

  #refuseWhenEnding(what: string): void {
    if (this.#ending) throw startRefused(what);
  }
}

/** For what was to be started while its pod is being ended. */
export function startRefused(what: string): TestkitError {
  return new TestkitError('PROCESS_FAILED', `${what} is not started: the pod is being ended`);
}

import { TestkitError, messageOf } from './errors.ts';
import type { ManagedProcess } from './managed-process.ts';
import { nowMs } from './time.ts';

/** Something started by a container: a process and a way to know that it is up. */
export interface Running {
  readonly process: ManagedProcess;
  waitUntilReady(timeoutMs: number): Promise<void>;
}

export interface ContainerOptions {
  readonly name: string;
  readonly spawn: () => Running;
  /** How long after an exit the kubelet starts it again; undefined: never. */
  readonly restartDelayMs: number | undefined;
  readonly readyTimeoutMs: number;
}

export interface ContainerEvent {
  readonly atMs: number;
  readonly what: string;
}

/** A crash loop ends here: a test that needs more is wrong. */
const MAX_RESTARTS = 200;

/** One container of a pod: keeps its process running as the kubelet would, when told to. */
export class Container {
  readonly events: ContainerEvent[] = [];
  readonly #options: ContainerOptions;
  #running: Running | undefined;
  #wanted = false;
  #restarts = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ContainerOptions) {
    this.#options = options;
  }

  get process(): ManagedProcess | undefined {
    return this.#running?.process;
  }

  /** Restarts by the restart policy, not those asked for. */
  get restarts(): number {
    return this.#restarts;
  }

  isAlive(): boolean {
    return this.process?.isAlive() ?? false;
  }

  /**
   * Starts it, unless it runs, and waits until it is up.
   * @throws what `waitUntilReady` throws. With a restart policy the kubelet goes on trying all the same.
   */
  async start(): Promise<void> {
    this.#wanted = true;
    clearTimeout(this.#timer);
    if (!this.isAlive()) this.#spawn();
    await this.#running?.waitUntilReady(this.#options.readyTimeoutMs);
  }

  /** Sends a signal to the process; what follows is up to the restart policy. */
  kill(signal: NodeJS.Signals): void {
    this.#note(`sent ${signal}`);
    this.process?.kill(signal);
  }

  /** The container is not wanted any more: nothing restarts it. Does not touch the process. */
  unwant(): void {
    this.#wanted = false;
    clearTimeout(this.#timer);
  }

  /** Ends it for good: SIGTERM with a grace period, or SIGKILL at once when `graceMs` is 0. */
  async stop(graceMs: number): Promise<void> {
    this.unwant();
    if (graceMs > 0) await this.process?.stop(graceMs);
    else await this.process?.killAndWait();
  }

  #spawn(): void {
    const running = this.#options.spawn();
    this.#running = running;
    this.#note(`started, pid ${String(running.process.pid)}`);
    void running.process.exited.then(() => {
      if (this.#running === running) this.#onExit(running);
    });
  }

  #onExit(running: Running): void {
    this.#note(running.process.describeExit());
    const delayMs = this.#options.restartDelayMs;
    if (!this.#wanted || delayMs === undefined) return;
    if (this.#restarts >= MAX_RESTARTS) {
      this.#note('restarted too often, given up');
      return;
    }
    this.#timer = setTimeout(() => {
      if (!this.#wanted || this.isAlive()) return;
      this.#restarts++;
      try {
        this.#spawn();
      } catch (error) {
        this.#note(`could not be restarted: ${messageOf(error)}`);
      }
    }, delayMs);
  }

  #note(what: string): void {
    this.events.push({ atMs: nowMs(), what });
    if (this.events.length > 1000) this.events.shift();
  }

  /** The process, for faults that need one. @throws TestkitError PROCESS_FAILED when it does not run. */
  requireProcess(): ManagedProcess {
    const process = this.process;
    if (process?.isAlive() === true) return process;
    throw new TestkitError('PROCESS_FAILED', `${this.#options.name} does not run`);
  }
}

import type { Scheduler, Timer } from './scheduler.ts';

type Kind = 'io' | 'timer';

interface Waiting {
  readonly kind: Kind;
  readonly run: () => void;
}

/** One end of a connection, as the kernel sees it when its process dies. */
interface Closable {
  close(): void;
}

/** One process of the simulated world: it can be stopped with what it is to do piling up, and it can die. */
export class Process {
  isAlive = true;
  isPaused = false;
  /** Since when it runs without having been stopped; true time. */
  runsSinceMs: number;
  readonly sockets = new Set<Closable>();
  protected readonly scheduler: Scheduler;
  #waiting: Waiting[] = [];
  #suspendedAtMs: number | null = null;
  #suspendedForMs = 0;
  /** Timers that have come due while the machine was suspended: they have as long to go as they had then. */
  #stalled: (() => void)[] = [];

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
    this.runsSinceMs = scheduler.nowMs;
  }

  /** Somebody has connected. */
  accept(socket: Closable): void {
    socket.close();
  }

  /** Lets the process do something now, or as soon as it goes on. */
  deliver(kind: Kind, run: () => void): void {
    if (!this.isAlive) return;
    if (this.isPaused) this.#waiting.push({ kind, run });
    else run();
  }

  /**
   * A timer of this process. One that has come due while it was stopped runs when it goes on; while the machine was suspended no
   * time has gone by for it (timers run on CLOCK_MONOTONIC, which stands still then).
   */
  after(delayMs: number, run: () => void): Timer {
    const timer: Timer = { isCancelled: false };
    this.#arm(timer, delayMs, run);
    return timer;
  }

  #arm(timer: Timer, delayMs: number, run: () => void): void {
    const dueMs = this.#runningMs() + (delayMs > 0 ? delayMs : 0);
    this.scheduler.after(delayMs, () => {
      if (timer.isCancelled) return;
      const missingMs = dueMs - this.#runningMs();
      if (missingMs > 0.001 && this.#suspendedAtMs !== null) this.#stalled.push(() => this.#arm(timer, missingMs, run));
      else if (missingMs > 0.001 && this.#suspendedForMs > 0) this.#arm(timer, missingMs, run);
      else {
        this.deliver('timer', () => {
          if (!timer.isCancelled) run();
        });
      }
    });
  }

  #runningMs(): number {
    return (this.#suspendedAtMs ?? this.scheduler.nowMs) - this.#suspendedForMs;
  }

  /** The whole machine is suspended. Ends with `wake`. */
  suspend(): void {
    if (!this.isAlive || this.#suspendedAtMs !== null) return;
    this.#suspendedAtMs = this.scheduler.nowMs;
    this.isPaused = true;
  }

  /** @param first see `resume` */
  wake(first: Kind): void {
    if (this.#suspendedAtMs === null) return;
    this.#suspendedForMs += this.scheduler.nowMs - this.#suspendedAtMs;
    this.#suspendedAtMs = null;
    const stalled = this.#stalled;
    this.#stalled = [];
    for (const arm of stalled) arm();
    this.resume(first);
  }

  pause(): void {
    this.isPaused = true;
  }

  /** @param first what comes first after a stop differs with where in its loop the process was stopped */
  resume(first: Kind): void {
    if (!this.isAlive || !this.isPaused || this.#suspendedAtMs !== null) return;
    this.isPaused = false;
    this.runsSinceMs = this.scheduler.nowMs;
    const waiting = this.#waiting;
    this.#waiting = [];
    const rest: Waiting[] = [];
    for (const item of waiting) {
      if (item.kind === first) this.deliver(item.kind, item.run);
      else rest.push(item);
    }
    for (const item of rest) this.deliver(item.kind, item.run);
  }

  /** The kernel closes the sockets of a dead process. */
  kill(): void {
    this.isAlive = false;
    this.#waiting = [];
    this.#stalled = [];
    for (const socket of [...this.sockets]) socket.close();
    this.sockets.clear();
  }
}

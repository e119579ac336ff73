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
  readonly sockets = new Set<Closable>();
  protected readonly scheduler: Scheduler;
  #waiting: Waiting[] = [];

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
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

  /** A timer of this process: one that has come due while it was stopped runs when it goes on. */
  after(delayMs: number, run: () => void): Timer {
    const handle: Timer = { isCancelled: false };
    this.scheduler.after(delayMs, () => {
      if (handle.isCancelled) return;
      this.deliver('timer', () => {
        if (!handle.isCancelled) run();
      });
    });
    return handle;
  }

  pause(): void {
    this.isPaused = true;
  }

  /** @param first what comes first after a stop differs with where in its loop the process was stopped */
  resume(first: Kind): void {
    if (!this.isAlive || !this.isPaused) return;
    this.isPaused = false;
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
    for (const socket of [...this.sockets]) socket.close();
    this.sockets.clear();
  }
}

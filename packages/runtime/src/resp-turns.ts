/** Something that has work to do, a slice at a time. */
export interface Worker {
  /** Is served before others. */
  readonly isUrgent: boolean;
  /** Does one slice, until `endMs` at the latest. @returns true when there is more to do. */
  work(endMs: number): boolean;
}

/**
 * Lets many connections have their turns. Handling goes on for `turnMs` at most; then Node's loop goes around, so that
 * timers and the sidecar's own connections come first again, whatever strangers send.
 */
export class Turns {
  readonly #turnMs: number;
  readonly #urgent = new Set<Worker>();
  readonly #others = new Set<Worker>();
  #isScheduled = false;
  #wasUrgent = false;

  constructor(turnMs: number) {
    this.#turnMs = turnMs;
  }

  /** Gives `worker` a turn, behind those who wait already; once, however often it is asked for. */
  add(worker: Worker): void {
    if (this.#urgent.has(worker) || this.#others.has(worker)) return;
    (worker.isUrgent ? this.#urgent : this.#others).add(worker);
    this.#schedule();
  }

  remove(worker: Worker): void {
    this.#urgent.delete(worker);
    this.#others.delete(worker);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#run());
  }

  #run(): void {
    this.#isScheduled = false;
    const endMs = performance.now() + this.#turnMs;
    do {
      const worker = this.#take();
      if (worker === null) return;
      if (worker.work(endMs)) this.add(worker);
    } while (performance.now() < endMs);
    if (this.#urgent.size + this.#others.size > 0) this.#schedule();
  }

  /** Urgent ones first, but in turn with the others: who claims to be urgent must not shut the others out. */
  #take(): Worker | null {
    const [first, second] = this.#wasUrgent ? [this.#others, this.#urgent] : [this.#urgent, this.#others];
    for (const queue of [first, second]) {
      for (const worker of queue) {
        queue.delete(worker);
        this.#wasUrgent = queue === this.#urgent;
        return worker;
      }
    }
    return null;
  }
}

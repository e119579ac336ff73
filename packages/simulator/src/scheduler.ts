/** Something that is to happen; can be called off. */
export interface Timer {
  isCancelled: boolean;
}

interface Entry extends Timer {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Virtual time: events in the order of their moment, then of their making. Nothing else decides what happens next. */
export class Scheduler {
  /** True time in milliseconds; no process of the simulated world can read it. */
  nowMs = 0;
  eventCount = 0;
  readonly #heap: Entry[] = [];
  #order = 0;

  after(delayMs: number, run: () => void): Timer {
    const entry = { atMs: this.nowMs + (delayMs > 0 ? delayMs : 0), order: this.#order++, run, isCancelled: false };
    this.#push(entry);
    return entry;
  }

  /** Runs the next event if it comes not later than `untilMs`. @returns false when there is none. */
  step(untilMs: number): boolean {
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= untilMs; first = this.#heap[0]) {
      this.#pop();
      if (first.isCancelled) continue;
      this.nowMs = first.atMs;
      this.eventCount += 1;
      first.run();
      return true;
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
    return false;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Entry;
      if (!isBefore(entry, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let least = left;
      if (right !== undefined && isBefore(right, left)) {
        child += 1;
        least = right;
      }
      if (!isBefore(least, last)) break;
      heap[index] = least;
      index = child;
    }
    heap[index] = last;
  }
}

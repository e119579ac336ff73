/** So long a question for the master waits for one, in milliseconds; most failovers are over by then. */
const HOLD_MS = 300;
/** More are not kept waiting. */
const MAX_HELD = 512;

/**
 * Keeps those waiting for a moment who ask for the master while a failover is going on: most clients that are told "nobody" wait longer
 * before they ask again than the failover takes.
 */
export class Hold {
  readonly #memoryMs: number;
  readonly #held = new Set<() => void>();
  #namedAtMs = -Infinity;

  /** @param memoryMs so long after a master was named last a failover may be going on; a sidecar that is cut off answers at once */
  constructor(memoryMs: number) {
    this.#memoryMs = memoryMs;
  }

  /** To be called after each change of the answers. */
  look(isNamed: boolean, nowMs: number): void {
    if (!isNamed) return;
    this.#namedAtMs = nowMs;
    for (const go of [...this.#held]) go();
  }

  /** @returns when a master is named, at the latest after 300 ms; at once when none is to be expected. */
  untilNamed(nowMs: number): Promise<void> {
    if (nowMs - this.#namedAtMs > this.#memoryMs || this.#held.size >= MAX_HELD) return Promise.resolve();
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        this.#held.delete(go);
        resolve();
      };
      const timer = setTimeout(go, HOLD_MS);
      this.#held.add(go);
    });
  }
}

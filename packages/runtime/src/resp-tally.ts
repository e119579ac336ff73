/** The same kind of trouble is told at most so often. */
const EVERY_MS = 60_000;

interface Kind {
  toldAtMs: number;
  untold: number;
}

/** Counts what goes wrong, and tells it: each kind at once when it is new, and then at most once a minute, with its number. */
export class Tally<Name extends string = string> {
  readonly #tell: (text: string) => void;
  readonly #now: () => number;
  readonly #kinds = new Map<Name, Kind>();
  #total = 0;

  /** @param now monotonic milliseconds */
  constructor(tell: (text: string) => void, now: () => number) {
    this.#tell = tell;
    this.#now = now;
  }

  get total(): number {
    return this.#total;
  }

  /** @param kind one of a few names of ours, never anything that others said */
  count(kind: Name, example: string): void {
    this.#total += 1;
    const nowMs = this.#now();
    const known = this.#kinds.get(kind);
    if (known !== undefined && nowMs - known.toldAtMs < EVERY_MS) {
      known.untold += 1;
      return;
    }
    const more =
      known === undefined || known.untold === 0 ? '' : ` (and ${String(known.untold)} times since the last line)`;
    this.#kinds.set(kind, { toldAtMs: nowMs, untold: 0 });
    this.#tell(`${kind}: ${example}${more}`);
  }
}

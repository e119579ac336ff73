/** How long is waited between two attempts, in milliseconds. */
export interface BackoffOptions {
  readonly firstMs: number;
  readonly mostMs: number;
  /** Between 0 (included) and 1 (not included). */
  readonly random: () => number;
}

/**
 * Each failure doubles the wait, up to a bound; half of it is by chance, so that many who failed together do not come back
 * together. What the server asked for (Retry-After) is the least, up to the bound of a minute.
 */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** The wait after one more failure, in milliseconds. */
  next(retryAfterMs: number | null = null): number {
    const { firstMs, mostMs, random } = this.#options;
    const fullMs = Math.min(firstMs * 2 ** this.#failures, mostMs);
    if (fullMs < mostMs) this.#failures += 1;
    const ownMs = fullMs / 2 + (fullMs / 2) * random();
    // By chance on top: whoever was told the same second does not come back in the same one.
    const askedMs = retryAfterMs === null ? 0 : Math.min(retryAfterMs, MOST_ASKED_MS) + (firstMs / 2) * random();
    return Math.max(ownMs, askedMs);
  }

  /** To be called when it has worked. */
  reset(): void {
    this.#failures = 0;
  }
}

const MOST_ASKED_MS = 60_000;

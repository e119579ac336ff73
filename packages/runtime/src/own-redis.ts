import type { Outcome, OwnAction, RedisSample } from '@sentinel-micro/core';
import type { Clock } from './clock.ts';
import { isRedisError, OperationError } from './errors.ts';
import { connectRedis, type RedisConnection, type RedisTarget, type RedisTimeouts } from './redis-connection.ts';
import { askInfo } from './redis-info.ts';
import { carryOut } from './redis-orders.ts';

/** How soon a Redis that refuses connections is tried again, in milliseconds: one SYN on the own host. */
const RECONNECT_MS = 25;
/** So many connections in a row that were closed without a word are followed by another one at once. */
const MAX_IN_A_ROW = 5;

export interface OwnRedisOptions {
  readonly target: RedisTarget;
  readonly timeouts: RedisTimeouts;
  /** How often INFO is asked, in milliseconds. */
  readonly sampleEveryMs: number;
  readonly clock: Clock;
  /** `minReplicas` is min-replicas-to-write as read on a new connection; null when it was not asked. */
  readonly onSample: (sample: RedisSample, minReplicas: number | null) => void;
}

export interface OwnRedis {
  execute(action: OwnAction): Promise<Outcome>;
  /** Asks for INFO now; the answer comes through `onSample`. */
  sample(): void;
  stop(): void;
}

/** One connection, from its beginning to its end. */
interface Watch {
  readonly connection: RedisConnection;
  /** As read when the connection was new, until it is told. */
  minReplicas: number | null;
  isSampling: boolean;
  /** It has answered, if only with an error. */
  hasAnswered: boolean;
  /** Why it has not answered anything, as far as that is known. */
  refusal: unknown;
}

function newWatch(connection: RedisConnection): Watch {
  const refusal = new OperationError('CLOSED', 'closed without an answer');
  return { connection, minReplicas: null, isSampling: false, hasAnswered: false, refusal };
}

function sampleOf(error: unknown): RedisSample {
  if (!(error instanceof OperationError)) return { outcome: 'silent' };
  const { code } = error;
  if (code === 'ECONNREFUSED') return { outcome: 'refused' };
  return isRedisError(error) ? { outcome: 'error', code } : { outcome: 'silent' };
}

async function readMinReplicas(watch: Watch): Promise<void> {
  const answer = await watch.connection.call('CONFIG', 'GET', 'min-replicas-to-write').catch((error: unknown) => {
    watch.refusal = error;
    return null;
  });
  const value = Array.isArray(answer) ? Number(answer[1]) : Number.NaN;
  watch.minReplicas = Number.isInteger(value) ? value : null;
}

class OwnRedisWatcher implements OwnRedis {
  readonly #options: OwnRedisOptions;
  readonly #sampleTimer: NodeJS.Timeout;
  #current: Watch | null = null;
  #isStopped = false;
  #retryTimer: NodeJS.Timeout | null = null;
  #closedInARow = 0;

  constructor(options: OwnRedisOptions) {
    this.#options = options;
    this.#sampleTimer = setInterval(() => this.sample(), options.sampleEveryMs);
    void this.#connect();
  }

  async execute(action: OwnAction): Promise<Outcome> {
    if (this.#current === null) return { ok: false, error: 'not connected to the own Redis', late: false };
    return await carryOut(this.#current.connection, this.#options.clock, action);
  }

  sample(): void {
    if (this.#current !== null) void this.#sampleOnce(this.#current);
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#sampleTimer);
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#current?.connection.close();
  }

  async #connect(): Promise<void> {
    if (this.#isStopped) return;
    let connection: RedisConnection;
    try {
      connection = await connectRedis(this.#options.target, this.#options.timeouts);
    } catch (error) {
      this.#lookAgain(error);
      return;
    }
    if (this.#hasStopped()) {
      connection.close();
      return;
    }
    const watch = newWatch(connection);
    this.#current = watch;
    connection.onClose(() => this.#onClosed(watch));
    await readMinReplicas(watch);
    await this.#sampleOnce(watch);
  }

  /** For after an `await`: it may have been stopped meanwhile. */
  #hasStopped(): boolean {
    return this.#isStopped;
  }

  async #sampleOnce(watch: Watch): Promise<void> {
    if (watch.isSampling) return;
    watch.isSampling = true;
    const sample = await askInfo(watch.connection).then(
      (info): RedisSample => ({ outcome: 'info', info }),
      (error: unknown) => (watch.connection.isOpen ? sampleOf(error) : null),
    );
    watch.isSampling = false;
    // A connection that closed is looked into by reconnecting: the answer to that is a fact.
    if (sample === null || this.#isStopped) return;
    if (sample.outcome !== 'silent') watch.hasAnswered = true;
    const { minReplicas } = watch;
    if (sample.outcome === 'info') watch.minReplicas = null;
    this.#options.onSample(sample, sample.outcome === 'info' ? minReplicas : null);
  }

  #onClosed(watch: Watch): void {
    if (this.#current === watch) this.#current = null;
    if (!watch.hasAnswered) {
      this.#lookAgain(watch.refusal);
      return;
    }
    this.#closedInARow = 0;
    void this.#connect();
  }

  /**
   * A dying process closes one socket after the other, so it may still take a connection, only to close it: look again at once.
   * But one that turns clients away, because there are too many, lives; and nobody is to be asked in a tight loop.
   */
  #lookAgain(error: unknown): void {
    const wasClosed = error instanceof OperationError && /^(CLOSED|ECONNRESET|EPIPE)$/.test(error.code);
    if (wasClosed) this.#closedInARow += 1;
    if (wasClosed && this.#closedInARow <= MAX_IN_A_ROW) void this.#connect();
    else this.#retryLater(error);
  }

  #retryLater(error: unknown): void {
    if (this.#isStopped) return;
    this.#options.onSample(sampleOf(error), null);
    this.#retryTimer = setTimeout(() => void this.#connect(), RECONNECT_MS);
  }
}

/**
 * Watches the Redis of this pod through one lasting connection. That it died is known when the socket closes and
 * reconnecting is refused, not by a timer.
 */
export function watchOwnRedis(options: OwnRedisOptions): OwnRedis {
  return new OwnRedisWatcher(options);
}

import type { Outcome, OwnAction, RedisSample } from '@sentinel-micro/core';
import type { Machine, Network } from './network.ts';
import type { Process } from './process.ts';
import { RedisClient, type CallResult } from './redis-client.ts';
import { carryOut } from './redis-orders.ts';

export interface OwnRedisOptions {
  readonly network: Network;
  readonly process: Process;
  readonly machine: Machine;
  readonly timeoutMs: number;
  readonly sampleEveryMs: number;
  /** After how long without an answer it counts as hung. */
  readonly downAfterMs: number;
  readonly now: () => number;
  readonly onSample: (sample: RedisSample, minReplicas: number | null) => void;
}

const RECONNECT_MS = 25;
/** As in the runtime. */
const DEADLINE_MARGIN_MS = 2;
/** An answer that came while the sidecar stood still is read before it says that there is none. */
const READ_FIRST_MS = 1;

/** One connection, from its beginning to its end. */
interface Watch {
  readonly connection: RedisClient;
  /** As read when the connection was new, until it is told. */
  minReplicas: number | null;
  isSampling: boolean;
}

function sampleOf(result: CallResult): RedisSample {
  if (result.ok) return result.info === null ? { outcome: 'silent' } : { outcome: 'info', info: result.info };
  return result.code === 'TIMEOUT' || result.code === 'CLOSED'
    ? { outcome: 'silent' }
    : { outcome: 'error', code: result.code };
}

/** Watches the Redis of the own pod through one lasting connection, as packages/runtime/src/own-redis.ts does. */
export class OwnRedisWatch {
  readonly #options: OwnRedisOptions;
  #current: Watch | null = null;
  /** When it last answered anything; null when it never has, or is dead. */
  #aliveAtMs: number | null = null;
  #isDeadlineSet = false;

  constructor(options: OwnRedisOptions) {
    this.#options = options;
    this.#everySample();
    this.#connect();
  }

  execute(action: OwnAction, done: (outcome: Outcome) => void): void {
    if (this.#current === null) done({ ok: false, error: 'not connected to the own Redis', late: false });
    else carryOut(this.#current.connection, this.#options.now, action, done);
  }

  /** Asks for INFO now. */
  sample(): void {
    if (this.#current !== null) this.#sampleOnce(this.#current);
  }

  #everySample(): void {
    const { process, sampleEveryMs } = this.#options;
    process.after(sampleEveryMs, () => {
      this.sample();
      this.#everySample();
    });
  }

  #sampleOnce(watch: Watch): void {
    if (watch.isSampling) return;
    watch.isSampling = true;
    watch.connection.call({ name: 'INFO' }, (result) => {
      watch.isSampling = false;
      // A connection that closed is looked into by reconnecting: the answer to that is a fact.
      if (!result.ok && !watch.connection.isOpen) return;
      const { minReplicas } = watch;
      if (result.ok) watch.minReplicas = null;
      this.#tell(sampleOf(result), result.ok ? minReplicas : null);
    });
  }

  #tell(sample: RedisSample, minReplicas: number | null): void {
    const { now, onSample } = this.#options;
    if (sample.outcome === 'silent') this.#lookAtDeadline();
    else this.#aliveAtMs = sample.outcome === 'refused' ? null : now();
    onSample(sample, minReplicas);
  }

  /** Whoever has been silent once is looked at again when it would count as hung, whatever question is under way then. */
  #lookAtDeadline(): void {
    const { process, now, downAfterMs } = this.#options;
    const aliveAtMs = this.#aliveAtMs;
    if (aliveAtMs === null || this.#isDeadlineSet) return;
    const leftMs = aliveAtMs + downAfterMs - now();
    if (leftMs <= 0) return;
    this.#isDeadlineSet = true;
    process.after(leftMs + DEADLINE_MARGIN_MS, () => {
      process.after(READ_FIRST_MS, () => {
        this.#isDeadlineSet = false;
        if (this.#aliveAtMs === aliveAtMs) this.#tell({ outcome: 'silent' }, null);
      });
    });
  }

  #connect(): void {
    const { network, process, machine, timeoutMs } = this.#options;
    const timeouts = { connectMs: timeoutMs, commandMs: timeoutMs };
    RedisClient.connect(network, process, machine, machine.ip, timeouts, (connection, error) => {
      if (connection === null) {
        this.#tell({ outcome: error === 'refused' ? 'refused' : 'silent' }, null);
        process.after(RECONNECT_MS, () => this.#connect());
        return;
      }
      const watch: Watch = { connection, minReplicas: null, isSampling: false };
      this.#current = watch;
      connection.onClose = () => {
        if (this.#current === watch) this.#current = null;
        this.#connect();
      };
      connection.call({ name: 'CONFIG GET min-replicas-to-write' }, (result) => {
        watch.minReplicas = result.ok ? result.number : null;
        this.#sampleOnce(watch);
      });
    });
  }
}

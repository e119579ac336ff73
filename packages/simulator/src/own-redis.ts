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
  readonly now: () => number;
  readonly onSample: (sample: RedisSample, minReplicas: number | null) => void;
}

const RECONNECT_MS = 25;

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
      this.#options.onSample(sampleOf(result), result.ok ? minReplicas : null);
    });
  }

  #connect(): void {
    const { network, process, machine, timeoutMs } = this.#options;
    const timeouts = { connectMs: timeoutMs, commandMs: timeoutMs };
    RedisClient.connect(network, process, machine, machine.ip, timeouts, (connection, error) => {
      if (connection === null) {
        this.#options.onSample({ outcome: error === 'refused' ? 'refused' : 'silent' }, null);
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

import type { Network, Machine } from './network.ts';
import { Process } from './process.ts';
import type { Random } from './random.ts';
import { RedisClient } from './redis-client.ts';

/** One write, and what its client knows of it. */
export interface Write {
  readonly value: number;
  readonly sentAtMs: number;
  outcome: 'unknown' | 'refused' | 'acknowledged' | 'confirmed';
  confirmedAtMs: number | null;
  readonly at: string;
}

export interface ClientOptions {
  readonly network: Network;
  readonly random: Random;
  readonly machine: Machine;
  readonly writeEveryMs: number;
  /** How many replicas WAIT asks for. */
  readonly waitFor: number;
  readonly addresses: () => readonly string[];
  readonly history: Write[];
}

const CONNECT_MS = 300;
const COMMAND_MS = 1000;
const LOOK_AGAIN_MS = 25;
const WAIT_SHARE = 0.5;

/** Writes unique values to whatever Redis lets it write, and stays there as long as it does. */
export class Client extends Process {
  readonly #options: ClientOptions;
  #connection: RedisClient | null = null;

  constructor(options: ClientOptions) {
    super(options.network.scheduler);
    this.#options = options;
    this.#look();
  }

  #look(): void {
    this.#connection = null;
    const { network, random, machine, addresses } = this.#options;
    const ips = addresses();
    if (ips.length === 0) {
      this.after(LOOK_AGAIN_MS, () => this.#look());
      return;
    }
    const timeouts = { connectMs: CONNECT_MS, commandMs: COMMAND_MS };
    RedisClient.connect(network, this, machine, random.pick(ips), timeouts, (connection) => {
      if (connection === null) {
        this.after(LOOK_AGAIN_MS, () => this.#look());
        return;
      }
      this.#connection = connection;
      connection.onClose = () => {
        if (this.#connection === connection) this.#leave(connection);
      };
      connection.call({ name: 'INFO' }, (result) => {
        if (this.#connection !== connection) return;
        if (result.ok && result.info?.role === 'master') this.#write(connection);
        else this.#leave(connection);
      });
    });
  }

  #leave(connection: RedisClient): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    connection.close();
    this.after(LOOK_AGAIN_MS, () => this.#look());
  }

  #write(connection: RedisClient): void {
    if (this.#connection !== connection) return;
    const { history, random, writeEveryMs, waitFor, network } = this.#options;
    const write: Write = {
      value: history.length,
      sentAtMs: network.scheduler.nowMs,
      outcome: 'unknown',
      confirmedAtMs: null,
      at: connection.ip,
    };
    history.push(write);
    connection.call({ name: 'SET', value: write.value }, (result) => {
      if (result.ok) write.outcome = 'acknowledged';
      else if (result.code === 'TIMEOUT' || result.code === 'CLOSED') {
        this.#leave(connection);
        return;
      } else {
        write.outcome = 'refused';
        if (result.code !== 'NOREPLICAS') this.#leave(connection);
      }
      this.after(random.between(0, writeEveryMs * 2), () => this.#write(connection));
    });
    if (!random.chance(WAIT_SHARE)) return;
    connection.call({ name: 'WAIT', count: waitFor, timeoutMs: COMMAND_MS / 2 }, (result) => {
      if (!result.ok || (result.number ?? 0) < waitFor || write.outcome !== 'acknowledged') return;
      write.outcome = 'confirmed';
      write.confirmedAtMs = network.scheduler.nowMs;
    });
  }
}

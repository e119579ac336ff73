import { createSentinel, type RedisSentinelOptions } from 'redis';
import type { ClientOrders, Found, Wait } from './orders.ts';
import type { CreateClient, Waited, WriteClient } from './write-client.ts';

type Options = Pick<RedisSentinelOptions, 'nodeClientOptions' | 'sentinelClientOptions'>;

/** The options that docs/clients.md recommends. */
export const RECOMMENDED: Options = {
  // A connection that is idle for so long is given up: it must not be idle, and a PING without an answer does not go on.
  nodeClientOptions: { pingInterval: 1000, socket: { connectTimeout: 1000, socketTimeout: 2000 } },
  sentinelClientOptions: { socket: { connectTimeout: 1000 } },
};

export function nodeRedis(options: Options, library: string): CreateClient {
  return (orders) => new NodeRedisClient(options, library, orders);
}

type Sentinel = ReturnType<typeof createSentinel>;

class NodeRedisClient implements WriteClient {
  readonly #library: string;
  readonly #all: Parameters<typeof createSentinel>[0];
  readonly #client: Sentinel;
  readonly #connected: Promise<unknown>;

  constructor(options: Options, library: string, { sentinels, masterName, password }: ClientOrders) {
    const login = password === undefined ? {} : { password };
    this.#library = library;
    this.#all = {
      name: masterName,
      sentinelRootNodes: sentinels.map(({ host, port }) => ({ host, port })),
      ...options,
      nodeClientOptions: { ...options.nodeClientOptions, ...login },
      sentinelClientOptions: { ...options.sentinelClientOptions, ...login },
    };
    this.#client = this.#create(0);
    this.#connected = this.#client.connect();
    // Looked at by the first write.
    this.#connected.catch(() => undefined);
  }

  async find(): Promise<Found> {
    await this.#connected;
    const reader = this.#create(1);
    await reader.connect();
    try {
      const master = reader.getMasterNode();
      const replicas = [...reader.getReplicaNodes().keys()].map(addressOf);
      return { master: master === undefined ? '?' : addressOf(master), replicas, library: this.#library };
    } finally {
      await reader.destroy();
    }
  }

  async set(key: string, value: string): Promise<void> {
    await this.#connected;
    await this.#client.set(key, value);
  }

  /**
   * As a pipeline, which is repeated as a whole or not at all. What `use` and `acquire` lend repeats each command by itself, and a
   * WAIT alone on a new connection is answered for another server's writes.
   */
  async setAndWait(key: string, value: string, wait: Wait): Promise<Waited> {
    await this.#connected;
    const pipeline = this.#client.multi().set(key, value).wait(wait.replicas, wait.timeoutMs);
    const [, replicas] = await pipeline.execAsPipeline();
    return { replicas: Number(replicas) };
  }

  async close(): Promise<void> {
    await this.#client.destroy();
  }

  #create(replicaPoolSize: number): Sentinel {
    const client = createSentinel({ ...this.#all, replicaPoolSize });
    // Without a listener the first of them ends the process.
    client.on('error', () => undefined);
    return client;
  }
}

function addressOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host}:${port}`;
}

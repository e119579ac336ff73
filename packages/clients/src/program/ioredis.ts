import { Redis as IoRedis } from 'ioredis';
import type { ClientOrders, Found, Wait } from './orders.ts';
import type { CreateClient, Waited, WriteClient } from './write-client.ts';

/** The options that are used here; both libraries have more. */
export interface IoOptions {
  readonly connectTimeout?: number;
  readonly sentinelCommandTimeout?: number;
  readonly socketTimeout?: number;
  readonly disconnectTimeout?: number;
  readonly retryStrategy?: (times: number) => number;
  readonly sentinelRetryStrategy?: (times: number) => number;
  readonly reconnectOnError?: (error: Error) => false | 2;
  readonly failoverDetector?: boolean;
}

export interface AllIoOptions extends IoOptions {
  readonly sentinels: { readonly host: string; readonly port: number }[];
  readonly name: string;
  readonly password?: string;
  readonly sentinelPassword?: string;
  readonly role?: 'slave';
  readonly preferredSlaves?: (found: ListedReplica[]) => ListedReplica | null;
}

/** What ioredis and iovalkey, which comes from it, have in common. */
export interface IoClient {
  set(key: string, value: string): Promise<unknown>;
  pipeline(): IoPipeline;
  info(section: string): Promise<string>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  disconnect(): void;
  readonly stream: { readonly remoteAddress?: string | undefined; readonly remotePort?: number | undefined };
}

interface IoPipeline {
  set(key: string, value: string): IoPipeline;
  wait(replicas: number, timeoutMs: number): IoPipeline;
  exec(): Promise<[Error | null, unknown][] | null>;
}

/** A replica as SENTINEL REPLICAS tells it. */
interface ListedReplica {
  readonly ip: string;
  readonly port: string;
}

/** What differs between the two, and from one set of options to another. */
export interface IoFlavour {
  readonly library: string;
  readonly connect: (options: AllIoOptions) => IoClient;
  readonly options: IoOptions;
}

/** The options that docs/clients.md recommends, for ioredis and iovalkey. */
export const RECOMMENDED: IoOptions = {
  connectTimeout: 1000,
  sentinelCommandTimeout: 1000,
  // A master that hangs keeps its connections open and says nothing.
  socketTimeout: 2000,
  disconnectTimeout: 200,
  retryStrategy: (times) => Math.min(20 * times, 500),
  sentinelRetryStrategy: (times) => Math.min(10 * times, 200),
  // 2: reconnect, and do it again there.
  reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
};

export function ioClient(flavour: IoFlavour): CreateClient {
  return (orders) => new IoWriteClient(flavour, orders);
}

export function ioredis(options: IoOptions, library: string): CreateClient {
  return ioClient({ library, connect: (all) => new IoRedis(all), options });
}

class IoWriteClient implements WriteClient {
  readonly #flavour: IoFlavour;
  readonly #options: AllIoOptions;
  readonly #client: IoClient;

  constructor(flavour: IoFlavour, { sentinels, masterName, password }: ClientOrders) {
    this.#flavour = flavour;
    this.#options = {
      sentinels: sentinels.map(({ host, port }) => ({ host, port })),
      name: masterName,
      ...(password === undefined ? {} : { password, sentinelPassword: password }),
      ...flavour.options,
    };
    this.#client = this.#connect(this.#options);
  }

  async find(): Promise<Found> {
    await this.#client.info('server');
    const { remoteAddress, remotePort } = this.#client.stream;
    const replicas: string[] = [];
    // The choice among the replicas is the only place where the library tells whom it found.
    const preferredSlaves = (found: ListedReplica[]): ListedReplica | null => {
      replicas.push(...found.map(({ ip, port }) => `${ip}:${port}`));
      return found[0] ?? null;
    };
    const reader = this.#connect({ ...this.#options, role: 'slave', preferredSlaves });
    try {
      await reader.info('server');
    } finally {
      reader.disconnect();
    }
    return { master: `${remoteAddress ?? '?'}:${remotePort ?? '?'}`, replicas, library: this.#flavour.library };
  }

  async set(key: string, value: string): Promise<void> {
    await this.#client.set(key, value);
  }

  /** In a pipeline: a WAIT that comes alone on a new connection would be answered for another server's writes. */
  async setAndWait(key: string, value: string, wait: Wait): Promise<Waited> {
    const results = await this.#client.pipeline().set(key, value).wait(wait.replicas, wait.timeoutMs).exec();
    const [set, waited] = results ?? [];
    if (set === undefined || waited === undefined) throw new Error('the pipeline has no results');
    if (set[0] !== null) throw set[0];
    if (waited[0] !== null) return { replicas: 0, reason: waited[0].message };
    return { replicas: Number(waited[1]) };
  }

  close(): void {
    this.#client.disconnect();
  }

  #connect(options: AllIoOptions): IoClient {
    const client = this.#flavour.connect(options);
    // Without a listener the library prints each of them. What they mean for the application it learns from its writes.
    client.on('error', () => undefined);
    return client;
  }
}

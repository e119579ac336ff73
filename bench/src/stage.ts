import {
  Cluster,
  HostNetwork,
  RemoteWriters,
  TestkitError,
  nowMs,
  sleep,
  type Host,
  type Pod,
  type WriterOrders,
} from '@sentinel-micro/testkit';
import type { Contestant } from './contestants.ts';

export interface StageOptions {
  readonly contestant: Contestant;
  readonly dir: string;
  /** A host of its own for each pod and each client. */
  readonly hasHosts: boolean;
}

/** The differences of a writer from the usual one. */
export type WriterOrder = Partial<Omit<WriterOrders[string], 'sentinels' | 'masterName'>>;

const INTERVAL_MS = 1;
const FIRST_WRITE_TIMEOUT_MS = 30_000;

/** The living set of one contestant, and who writes to it. */
export class Stage {
  readonly contestant: Contestant;
  readonly cluster: Cluster;
  readonly network: HostNetwork | undefined;
  readonly #dir: string;
  readonly #hosts = new Map<string, Host>();
  /** On the clock of `nowMs`. */
  readonly #wholeAtMs = nowMs();
  #writers = 0;

  /** Starts a set, and waits until nothing is left to be done. @throws TestkitError */
  static async start({ contestant, dir, hasHosts }: StageOptions): Promise<Stage> {
    const network = hasHosts ? await HostNetwork.create({ dir: `${dir}/network` }) : undefined;
    try {
      const { system, pods = 3 } = contestant;
      const place = network === undefined ? {} : { network };
      const cluster = await Cluster.start({ pods, dir: `${dir}/set`, ...place, ...system.clusterOptions });
      await system.settled(cluster);
      return new Stage(contestant, cluster, network, dir);
    } catch (error) {
      await network?.stop();
      throw error;
    }
  }

  private constructor(contestant: Contestant, cluster: Cluster, network: HostNetwork | undefined, dir: string) {
    this.contestant = contestant;
    this.cluster = cluster;
    this.network = network;
    this.#dir = dir;
  }

  /** Waits until nothing is left to be done. @returns the master. @throws TestkitError TIMEOUT */
  settled(): Promise<Pod> {
    return this.contestant.system.settled(this.cluster);
  }

  /** Starts writers in a process of their own, which write one value after the other, and waits until all have written. */
  async write(orders: Readonly<Record<string, WriterOrder>>, on = 'client'): Promise<RemoteWriters> {
    this.#writers++;
    const { masterName } = this.cluster.settings;
    const { sentinels } = this.cluster;
    const { listens = false } = this.contestant;
    const full = Object.entries(orders).map(([name, order]) => {
      const usual = { sentinels, masterName, intervalMs: INTERVAL_MS, failoverDetector: listens };
      const keyPrefix = `${name}-${this.#writers}`;
      return [name, { ...usual, keyPrefix, ...order }] as const;
    });
    const writers = RemoteWriters.start({
      name: `${on}-${this.#writers}`,
      dir: this.#dir,
      orders: Object.fromEntries(full),
      ...(this.network === undefined ? {} : { inside: await this.host(on) }),
    });
    try {
      await Promise.all(Object.keys(orders).map((name) => writers.waitForSuccess(name, FIRST_WRITE_TIMEOUT_MS)));
    } catch (error) {
      await writers.stop().catch(() => undefined);
      throw error;
    }
    return writers;
  }

  /** The host of a client; made when it is asked for first. @throws TestkitError BAD_USAGE without hosts. */
  async host(name: string): Promise<Host> {
    if (this.network === undefined) throw new TestkitError('BAD_USAGE', `${name} needs a host, and there are none`);
    const host = this.#hosts.get(name) ?? (await this.network.addHost(name));
    this.#hosts.set(name, host);
    return host;
  }

  /** Waits until the set is so old, from when it was whole for the first time. */
  async grown(ageMs: number): Promise<void> {
    await sleep(Math.max(0, this.#wholeAtMs + ageMs - nowMs()));
  }

  /**
   * Lets the set run for a while. How long differs from round to round, evenly spread over a second, so that no fault falls
   * into the same moment of everybody's timers each time.
   */
  async calm(round: number): Promise<void> {
    const GOLDEN = 0.618034;
    await sleep(500 + 1000 * ((round * GOLDEN) % 1));
  }

  async stop(): Promise<void> {
    await this.cluster.stop().catch(() => undefined);
    await this.network?.stop().catch(() => undefined);
  }
}

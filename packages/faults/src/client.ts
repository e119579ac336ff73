import { RemoteWriters, type Cluster, type Host, type HostNetwork, type Pod } from '@sentinel-micro/testkit';

/** WAIT may take so long. A write that nobody confirms in time is acknowledged, and no more. */
const WAIT_TIMEOUT_MS = 1000;
/** Between two writes of one writer. */
const INTERVAL_MS = 2;
/** Longer than any scenario stops a Redis, and shorter than stopping the writers may take. */
const PATIENT_MS = 6000;
const MAX_WRITES = 200_000;

/**
 * A client with a host of its own, and so on one side of each cut. Five writers write there, each value once:
 *
 * - `plain`: to the master that the sidecars name which it can reach
 * - `wait`: the same, and each write is to be confirmed by WAIT floor(N/2)
 * - `sticky-plain`, `sticky-wait`: to the Redis that was master at the beginning, as long as it takes writes
 * - `sticky-patient`: as `sticky-plain`, but it waits for an answer until the Redis that was stopped goes on
 */
export class Client {
  readonly name: string;
  readonly host: Host;
  readonly writers: RemoteWriters;

  static async start(name: string, network: HostNetwork, cluster: Cluster, master: Pod): Promise<Client> {
    const host = await network.addHost(name);
    const { masterName, username, password, replicas } = cluster.settings;
    const { sentinels } = cluster;
    const usual = { sentinels, masterName, username, password, intervalMs: INTERVAL_MS, maxWrites: MAX_WRITES };
    const wait = { replicas: Math.floor(replicas / 2), timeoutMs: WAIT_TIMEOUT_MS };
    const onlyTo = { host: master.redisTarget.host, port: master.redisTarget.port };
    const orders = {
      [`${name}-plain`]: usual,
      [`${name}-wait`]: { ...usual, wait },
      [`${name}-sticky-plain`]: { ...usual, onlyTo },
      [`${name}-sticky-wait`]: { ...usual, onlyTo, wait },
      [`${name}-sticky-patient`]: { ...usual, onlyTo, commandTimeoutMs: PATIENT_MS },
    };
    const named = Object.entries(orders).map(([writer, order]) => [writer, { ...order, keyPrefix: writer }] as const);
    const writers = RemoteWriters.start({ name, inside: host, dir: network.dir, orders: Object.fromEntries(named) });
    return new Client(name, host, writers);
  }

  private constructor(name: string, host: Host, writers: RemoteWriters) {
    this.name = name;
    this.host = host;
    this.writers = writers;
  }

  get ip(): string {
    return this.host.ip;
  }

  /** Waits until each of its writers has written something, from now on. @throws TestkitError TIMEOUT */
  async waitForAll(timeoutMs: number): Promise<void> {
    const names = [...this.writers.histories().keys()];
    await Promise.all(names.map((name) => this.writers.waitForSuccess(name, timeoutMs)));
  }
}

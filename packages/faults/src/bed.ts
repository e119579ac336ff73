import {
  Cluster,
  History,
  HostNetwork,
  Prober,
  TestkitError,
  findBundles,
  loadTools,
  messageOf,
  nowMs,
  sleep,
  waitForReplicas,
  waitUntil,
  waitUntilTrue,
  writeKeys,
  type Bundles,
  type ClusterOptions,
  type Cuts,
  type Host,
  type Pod,
  type ServerName,
  type System,
} from '@sentinel-micro/testkit';
import { Client } from './client.ts';
import type { Setup } from './setup.ts';
import { AFTERWARDS_MS } from './timings.ts';

export interface BedOptions {
  readonly setup: Setup | undefined;
  readonly system: System;
  readonly pods: number;
  readonly server: ServerName | undefined;
  /** Folder for everything that this run writes. */
  readonly dir: string;
  /** Folder with other builds of make-slave.mjs and sentinel.mjs, to try the suite itself. */
  readonly product: string | undefined;
}

/** Something that happened, for the timeline. */
export interface Moment {
  readonly atMs: number;
  readonly what: string;
}

const PATIENCE_MS = 30_000;
const SEED_KEYS = 500;
/** How long everything runs untouched before the first fault. */
const CALM_MS = 1000;

/**
 * A set on hosts of its own, with a client on either side and an observer that no cut touches. What a scenario does its
 * faults with; what it leaves broken is mended by `mend`.
 */
export class Bed {
  readonly network: HostNetwork;
  readonly cluster: Cluster;
  /** The master before the first fault, and the others. */
  readonly master: Pod;
  readonly replicas: readonly Pod[];
  /** The client that goes with the old master when the set is cut in two, and the one that stays with the others. */
  readonly near: Client;
  readonly far: Client;
  readonly prober: Prober;
  readonly timeline: Moment[] = [];
  readonly #system: System;
  readonly #wrong: string[] = [];
  #faultAtMs: number | undefined;
  #wipedAtMs = -Infinity;

  /** A settled set on which all writers write. @throws TestkitError; what has been started is stopped again. */
  static async start(options: BedOptions): Promise<Bed> {
    const undo: (() => Promise<unknown>)[] = [];
    try {
      return await Bed.#start(options, undo);
    } catch (error) {
      for (const step of undo.reverse()) await step().catch(() => undefined);
      throw error;
    }
  }

  static async #start(options: BedOptions, undo: (() => Promise<unknown>)[]): Promise<Bed> {
    const { system, dir } = options;
    const network = await HostNetwork.create({ dir: `${dir}/network` });
    undo.push(() => network.stop());
    const cluster = await Cluster.create(clusterOptions(options, network));
    undo.push(() => cluster.stop());
    let master: Pod;
    try {
      await cluster.startPods(system.clusterOptions.parallel);
      master = await system.settled(cluster);
      await seed(cluster, master);
    } catch (error) {
      const message = `the set could not be started: ${messageOf(error)}\n${await cluster.dump()}`;
      throw new TestkitError('PROCESS_FAILED', message, { cause: error });
    }
    const near = await Client.start('near', network, cluster, master);
    undo.push(() => near.writers.stop());
    const far = await Client.start('far', network, cluster, master);
    undo.push(() => far.writers.stop());
    await Promise.all([near.waitForAll(PATIENCE_MS), far.waitForAll(PATIENCE_MS)]);
    const bed = new Bed(network, cluster, system, master, near, far);
    undo.push(() => bed.prober.stop());
    const seen = { what: 'the observer to see the master take writes', timeoutMs: PATIENCE_MS };
    await waitUntilTrue(() => bed.prober.isTaking(master), seen);
    await sleep(CALM_MS);
    return bed;
  }

  private constructor(network: HostNetwork, cluster: Cluster, system: System, master: Pod, near: Client, far: Client) {
    this.network = network;
    this.cluster = cluster;
    this.#system = system;
    this.master = master;
    this.replicas = cluster.podsExcept(master);
    this.near = near;
    this.far = far;
    this.prober = new Prober(cluster.pods);
  }

  get cuts(): Cuts {
    return this.network.cuts;
  }

  /** When the first fault was done; undefined before. */
  get faultAtMs(): number | undefined {
    return this.#faultAtMs;
  }

  /** Does a fault, and notes when: the first one is what times are counted from. */
  async fault<T>(what: string, act: () => T | Promise<T>): Promise<T> {
    // Before it, not after: killing and cutting take a few milliseconds themselves.
    this.#faultAtMs ??= nowMs();
    this.note(what);
    return await act();
  }

  /** What came before was to disturb nobody: times are counted from the next fault. */
  countFromHere(): void {
    this.#faultAtMs = undefined;
  }

  /** One pod more in the set, with the next name; it is not started. */
  addPod(): Pod {
    const pod = this.cluster.addPod();
    this.prober.watch(pod);
    return pod;
  }

  /**
   * Closes the clients' connections to every Redis, and waits until they write again. As they connect they ask the sidecars, and
   * learn the new addresses of those: they know the sidecars by address, not by the name of the Service.
   */
  async letClientsLook(): Promise<void> {
    const clients = [this.near, this.far];
    for (const pod of this.cluster.pods) {
      const lines = (await pod.text('CLIENT', 'LIST').catch(() => '')).split('\n');
      for (const line of lines) {
        const [, address = '', ip = ''] = / addr=(([\d.]+):\d+) /.exec(line) ?? [];
        if (!clients.some((client) => client.ip === ip)) continue;
        await pod.command('CLIENT', 'KILL', 'ADDR', address).catch(() => undefined);
      }
    }
    const looks = clients.flatMap(({ name, writers }) =>
      ['plain', 'wait'].map((kind) => writers.waitForSuccess(`${name}-${kind}`, PATIENCE_MS)),
    );
    await Promise.all(looks);
  }

  /** All data was thrown away, and rightly so: what was tried until now is not read back. */
  forgetWrites(): void {
    this.#wipedAtMs = nowMs();
    this.note('everything that was written is gone by design: it does not count any more');
  }

  /** Something that must be so besides all else. `sentence` says what is wrong when it is not. */
  check(isSo: boolean, sentence: string): void {
    if (isSo) return;
    this.note(`WRONG: ${sentence}`);
    this.#wrong.push(sentence);
  }

  /** What was found wrong by `check`. */
  get wrong(): readonly string[] {
    return this.#wrong;
  }

  /** A line for the timeline. */
  note(what: string): void {
    this.timeline.push({ atMs: nowMs(), what });
  }

  /** The replica with this index, counted without the master. @throws TestkitError BAD_USAGE */
  replica(index: number): Pod {
    const replica = this.replicas[index];
    if (replica === undefined) throw new TestkitError('BAD_USAGE', `there is no replica ${index}`);
    return replica;
  }

  /** Waits until another pod than this one takes writes, as the observer sees it. @throws TestkitError TIMEOUT */
  async waitForNewMaster(old: Pod = this.master, timeoutMs = PATIENCE_MS): Promise<Pod> {
    const others = this.cluster.podsExcept(old);
    const found = await waitUntil(() => others.find((pod) => this.prober.isTaking(pod)), {
      what: `another master than ${old.name}`,
      timeoutMs,
    });
    this.note(`${found.name} takes writes`);
    return found;
  }

  /** Waits until another pod than this one takes writes, and a while longer. @returns the new master. @throws TestkitError TIMEOUT */
  async replaced(old: Pod = this.master): Promise<Pod> {
    const found = await this.waitForNewMaster(old);
    await sleep(AFTERWARDS_MS);
    return found;
  }

  /** Waits for the set to be whole again in the middle of a scenario. @returns the master. */
  async settled(): Promise<Pod> {
    const master = await this.#system.settled(this.cluster);
    this.note(`settled, the master is ${master.name}`);
    return master;
  }

  sleep(delayMs: number): Promise<void> {
    return sleep(delayMs);
  }

  /** Undoes every cut, wakes up what is stopped, starts what has died, and waits until the set is whole. @returns how long that took. */
  async mend(): Promise<{ readonly master: Pod; readonly tookMs: number }> {
    const startMs = nowMs();
    this.note('all faults are undone');
    await this.cuts.healAll();
    await this.cluster.setDnsView((_asking, pods) => pods);
    await Promise.all(this.network.hosts.map((host) => this.network.setLink(host, true)));
    await this.cluster.revivePods();
    await this.cluster.waitForHealthy({ timeoutMs: PATIENCE_MS });
    const tookMs = nowMs() - startMs;
    const master = await this.settled();
    // Whoever was cut off writes again, or the end of the history would not be tried.
    await this.far.writers.waitForSuccess('far-wait', PATIENCE_MS);
    await this.near.writers.waitForSuccess('near-wait', PATIENCE_MS);
    return { master, tookMs };
  }

  /** Ends the writers and the observer. @returns all histories by writer. @throws TestkitError PROCESS_FAILED */
  async stopWriting(): Promise<ReadonlyMap<string, History>> {
    const histories = await Promise.all([this.near.writers.stop(), this.far.writers.stop()]);
    await this.prober.stop();
    return new Map(histories.flatMap((byWriter) => [...byWriter].map(([name, all]) => [name, this.#counting(all)])));
  }

  #counting(all: History): History {
    const counting = new History();
    for (const record of all.between(this.#wipedAtMs, Infinity)) counting.add(record);
    return counting;
  }

  /** Ends everything. Never throws: there is nothing to be done about it, and the namespaces end with the process. */
  async stop(): Promise<void> {
    await this.prober.stop();
    await Promise.allSettled([this.near.writers.stop(), this.far.writers.stop()]);
    await this.cluster.stop().catch((error: unknown) => this.note(`the set could not be stopped: ${messageOf(error)}`));
    await this.network.stop().catch((error: unknown) => this.note(`hosts could not be removed: ${messageOf(error)}`));
  }
}

function clusterOptions(options: BedOptions, network: HostNetwork): ClusterOptions {
  const { system, setup, pods, server, dir, product } = options;
  const tools = loadTools({ server });
  const bundles = product === undefined ? findBundles() : bundlesIn(product);
  return { pods, network, tools, bundles, dir: `${dir}/set`, ...system.clusterOptions, ...setup };
}

/** The host of its own that each pod of a bed has. */
export function hostOf({ host }: { readonly host: Host | undefined }): Host {
  if (host === undefined) throw new TypeError('a bed has hosts');
  return host;
}

function bundlesIn(folder: string): Bundles {
  return { makeSlave: `${folder}/make-slave.mjs`, sentinel: `${folder}/sentinel.mjs` };
}

/** Keys that everybody has before anything happens: a replica that is wiped loses them. */
async function seed(cluster: Cluster, master: Pod): Promise<void> {
  await writeKeys(master, 'seed', SEED_KEYS, (n) => `value ${n}`);
  await waitForReplicas(cluster, master, PATIENCE_MS);
}

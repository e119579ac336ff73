import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeRoles, dump, judge, readRoles, timeoutError, type PodRole } from './cluster-health.ts';
import type { DnsServer } from './dns-server.ts';
import { TestkitError, messageOf } from './errors.ts';
import { HostGround, LoopbackGround, type DnsView, type Ground } from './ground.ts';
import type { HostNetwork } from './hosts/network.ts';
import type { PeerStatus } from './peer-status.ts';
import { Pod } from './pod.ts';
import { sentinelMicro, type PodProgram } from './pod-program.ts';
import type { PodSettings, RestartPolicy } from './pod-settings.ts';
import type { PodSurroundings } from './pod-surroundings.ts';
import { nowMs, sleep } from './time.ts';
import { findBundles, loadTools, type Bundles, type Tools } from './tools.ts';

export interface ClusterOptions extends Partial<RestartPolicy> {
  /** How many pods are made: redis-0, redis-1, ... Default 3. */
  readonly pods?: number;
  /** `--replicas`, when it is to differ from `pods`. */
  readonly replicas?: number;
  /** What `--replicas` says when that is no number. */
  readonly replicasFlag?: string;
  readonly username?: string;
  readonly password?: string;
  /** Extra lines of the user's redis.conf. */
  readonly baseConfig?: readonly string[];
  readonly sentinelFlags?: readonly string[];
  readonly makeSlaveFlags?: readonly string[];
  /** Start all pods at once (podManagementPolicy Parallel, the default) or one after the other. */
  readonly parallel?: boolean;
  /** Set the cluster up, DNS included, but start no pod. */
  readonly startPods?: boolean;
  readonly service?: string;
  readonly namespace?: string;
  readonly masterName?: string;
  /** Default 6379 and 26379, or 7379 and 27379 when something on this machine takes those on every address. */
  readonly redisPort?: number;
  readonly sentinelPort?: number;
  /** Each pod gets a host of its own on this network. Default: an address of 127.0.0.0/8 each. */
  readonly network?: HostNetwork;
  /** What runs beside redis-server. Default: make-slave and sentinel. */
  readonly program?: PodProgram;
  readonly tools?: Tools;
  readonly bundles?: Bundles;
  /** Folder for configuration, data and logs, left there by `stop`. Default: a temporary one that `stop` removes. */
  readonly dir?: string;
}

/** A set that was found healthy. */
export interface Healthy {
  readonly master: Pod;
  readonly tookMs: number;
  readonly roles: readonly PodRole[];
}

export interface WaitForHealthyOptions {
  /** Default 20000. */
  readonly timeoutMs?: number;
  /** Only these pods count. Default: all. */
  readonly pods?: readonly Pod[];
  /** Not enough: another master than this one. */
  readonly otherThan?: Pod;
}

const POLL_INTERVAL_MS = 10;

/** A whole StatefulSet on this machine: DNS, and pods with an address each and the same ports. */
export class Cluster {
  readonly settings: PodSettings;
  /** Configuration, data and logs. */
  readonly dir: string;
  readonly #ground: Ground;
  readonly #ownsDir: boolean;
  readonly #pods: Pod[] = [];
  readonly #surroundings: PodSurroundings;
  #stopping = false;

  /**
   * Starts a cluster. What has been started is stopped again when it fails.
   * @throws TestkitError of any code; the message carries the log of what failed.
   */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = await Cluster.create(options);
    try {
      if (options.startPods !== false) await cluster.startPods(options.parallel ?? true);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Sets a cluster up without starting any pod, so that the caller can stop it while it starts. */
  static async create(options: ClusterOptions = {}): Promise<Cluster> {
    const tools = options.tools ?? loadTools();
    const bundles = options.bundles ?? findBundles();
    const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'sentinel-micro-'));
    const { service = 'redis', namespace = 'default', redisPort, sentinelPort, network } = options;
    const place = { dnsmasq: tools.dnsmasq, service, namespace, dir, redisPort, sentinelPort };
    try {
      const ground = network === undefined ? await LoopbackGround.create(place) : new HostGround(network, place);
      const settings: PodSettings = {
        ...{ tools, bundles, service, namespace, ...ground.ports, dnsServers: ground.dnsServers },
        replicas: options.replicas ?? options.pods ?? 3,
        replicasFlag: options.replicasFlag,
        masterName: options.masterName ?? 'mymaster',
        username: options.username,
        password: options.password,
        baseConfig: options.baseConfig ?? [],
        makeSlaveFlags: options.makeSlaveFlags ?? [],
        sentinelFlags: options.sentinelFlags ?? [],
        restartPolicy: options.restartPolicy ?? 'never',
        redisRestartDelayMs: options.redisRestartDelayMs ?? 1000,
        sidecarRestartDelayMs: options.sidecarRestartDelayMs ?? 500,
      };
      return new Cluster(options, settings, ground, dir);
    } catch (error) {
      if (options.dir === undefined) removeFolder(dir);
      throw error;
    }
  }

  private constructor(options: ClusterOptions, settings: PodSettings, ground: Ground, dir: string) {
    this.settings = settings;
    this.dir = dir;
    this.#ground = ground;
    this.#ownsDir = options.dir === undefined;
    this.#surroundings = {
      program: options.program ?? sentinelMicro,
      settle: (name, ip) => ground.settle(name, ip),
      leave: (home) => ground.leave(home),
      publish: (name, ip) => this.#publish(name, ip),
      otherSidecars: (name) =>
        this.pods.filter((pod) => pod.exists && pod.name !== name).map((pod) => pod.sidecarTarget),
    };
    for (let index = 0; index < (options.pods ?? 3); index++) this.addPod();
  }

  get pods(): readonly Pod[] {
    return this.#pods;
  }

  /** One pod more, with the next name; it is not started. */
  addPod(): Pod {
    const name = `${this.settings.service}-${this.#pods.length}`;
    const pod = new Pod(name, join(this.dir, name), this.settings, this.#surroundings);
    this.#pods.push(pod);
    return pod;
  }

  /** The last pod belongs to the set no more. @throws TestkitError BAD_USAGE while it exists. */
  removePod(): void {
    if (this.#pods.at(-1)?.exists === true) throw new TestkitError('BAD_USAGE', 'the last pod must be deleted first');
    this.#pods.pop();
  }

  /** What `--replicas` says in pods that are made, and sidecars that are started, from now on. */
  setReplicas(replicas: number): void {
    this.settings.replicas = replicas;
  }

  /** The one DNS server of all pods. @throws TestkitError BAD_USAGE when they have one each: see `dnsOf`. */
  get dns(): DnsServer {
    if (this.#ground instanceof LoopbackGround) return this.#ground.dns;
    throw new TestkitError('BAD_USAGE', 'with hosts of their own, each pod has a DNS server of its own');
  }

  /** The DNS server that this pod asks. @throws TestkitError BAD_USAGE when it has none at the moment. */
  dnsOf(pod: Pod): DnsServer {
    return this.#ground.dnsOf(pod.name);
  }

  /** From now on DNS tells each pod this, also pods that come later. @throws TestkitError BAD_USAGE without hosts. */
  setDnsView(view: DnsView): Promise<void> {
    return this.#ground.setDnsView(view);
  }

  /** Starts every pod, all at once or one after the other. */
  async startPods(parallel = true): Promise<void> {
    if (parallel) {
      // All must have settled before anybody cleans up after a failure.
      const results = await Promise.allSettled(this.pods.map((pod) => pod.start()));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    } else {
      for (const pod of this.pods) await pod.start();
    }
  }

  /** Wakes up what is stopped and starts what does not run, pod by pod. @throws as `Pod.start` */
  async revivePods(): Promise<void> {
    for (const pod of this.pods) {
      pod.resumeRedis();
      pod.resumeSidecar();
      if (!pod.exists) await pod.start();
      if (!pod.isRedisAlive()) await pod.startRedis();
      if (!pod.isSidecarAlive()) await pod.startSidecar();
    }
  }

  /** The pod with this index. @throws TestkitError BAD_USAGE when there is none. */
  pod(index: number): Pod {
    const pod = this.pods[index];
    if (pod === undefined) throw new TestkitError('BAD_USAGE', `there is no pod ${index}`);
    return pod;
  }

  /** All pods but this one. */
  podsExcept(...pods: readonly Pod[]): Pod[] {
    return this.pods.filter((pod) => !pods.includes(pod));
  }

  /** The sidecars' addresses, for ioredis's `sentinels` option. Pods that do not exist are left out. */
  get sentinels(): { host: string; port: number }[] {
    return this.pods.filter((pod) => pod.exists).map((pod) => ({ host: pod.ip, port: this.settings.sentinelPort }));
  }

  /** Asks every sidecar PEER STATUS, all at once. `status` is undefined where none came. Never throws. */
  status(): Promise<
    { readonly pod: Pod; readonly status: PeerStatus | undefined; readonly error: string | undefined }[]
  > {
    return Promise.all(
      this.pods.map(async (pod) => {
        try {
          return { pod, status: await pod.peerStatus(), error: undefined };
        } catch (error) {
          return { pod, status: undefined, error: messageOf(error) };
        }
      }),
    );
  }

  /** Asks every Redis for INFO replication, all at once. Never throws. */
  redisRoles(pods: readonly Pod[] = this.pods): Promise<PodRole[]> {
    return readRoles(pods);
  }

  /** The newest term that any sidecar names; 0 when none answers. */
  async newestTerm(): Promise<number> {
    const terms = (await this.status()).map(({ status }) => status?.term ?? 0);
    return Math.max(0, ...terms);
  }

  /** The one pod whose Redis says it is master; undefined when there is none or more than one. */
  async findMaster(): Promise<Pod | undefined> {
    const masters = (await this.redisRoles()).filter(({ role }) => role?.role === 'master');
    return masters.length === 1 ? masters[0]?.pod : undefined;
  }

  /**
   * Waits until there is exactly one master and all others are its direct replicas with the link up, in the words of
   * the Redis instances themselves (polled every 10 ms).
   * @throws TestkitError TIMEOUT with roles, statuses and the ends of all logs.
   */
  async waitForHealthy(options: WaitForHealthyOptions = {}): Promise<Healthy> {
    const startMs = nowMs();
    const timeoutMs = options.timeoutMs ?? 20_000;
    let reason: string;
    do {
      const roles = await this.redisRoles(options.pods);
      const verdict = judge(roles, this.settings.redisPort);
      if (verdict.healthy && verdict.master !== options.otherThan) {
        return { master: verdict.master, tookMs: nowMs() - startMs, roles };
      }
      reason = verdict.healthy ? `the master is still ${verdict.master.name}` : verdict.reason;
      await sleep(POLL_INTERVAL_MS);
    } while (nowMs() - startMs < timeoutMs);
    throw await timeoutError(`the set is not healthy after ${timeoutMs} ms: ${reason}`, this.pods);
  }

  /**
   * Waits until exactly one Redis says it is master and that is not `pod` (which may be down).
   * @throws TestkitError TIMEOUT with a dump.
   */
  async waitForMasterOtherThan(
    pod: Pod,
    timeoutMs = 20_000,
  ): Promise<{ readonly master: Pod; readonly tookMs: number }> {
    const startMs = nowMs();
    do {
      const master = await this.findMaster();
      if (master !== undefined && master !== pod) return { master, tookMs: nowMs() - startMs };
      await sleep(POLL_INTERVAL_MS);
    } while (nowMs() - startMs < timeoutMs);
    throw await timeoutError(`no master other than ${pod.name} after ${timeoutMs} ms`, this.pods);
  }

  /** Roles as text, one line per pod. */
  async describe(): Promise<string[]> {
    return describeRoles(await this.redisRoles());
  }

  /** Everything there is to see, as text. */
  dump(logLines = 15): Promise<string> {
    return dump(this.pods, logLines);
  }

  /** Ends everything with SIGKILL, waits until it is gone, and removes the files. May be called more than once. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const results = await Promise.allSettled(this.pods.map((pod) => pod.delete()));
    results.push(...(await Promise.allSettled([this.#ground.stop()])));
    this.#removeFiles();
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** SIGKILL to everything, without waiting. For exit handlers. */
  killAllSync(): void {
    this.#stopping = true;
    for (const pod of this.pods) pod.killAllSync();
    this.#ground.killSync();
    this.#removeFiles();
  }

  async #publish(name: string, ip: string | undefined): Promise<void> {
    if (this.#stopping) return;
    await this.#ground.publish(name, ip);
  }

  #removeFiles(): void {
    if (this.#ownsDir) removeFolder(this.dir);
  }
}

/** Best effort: a process killed a moment ago may still be writing. */
function removeFolder(dir: string): void {
  try {
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    // A few small files in the folder for temporary files; nothing worth failing for.
  }
}

import {
  asPodName,
  LIMBO_HOST,
  LIMBO_PORT,
  type NodeConfig,
  type PeerObservation,
  type PodName,
} from '@sentinel-micro/core';
import type { Core } from './core.ts';
import type { Machine, Network } from './network.ts';
import type { Random } from './random.ts';
import { RedisModel, type RedisObserver } from './redis-model.ts';
import type { Snapshot } from './redis-protocol.ts';
import type { Scheduler } from './scheduler.ts';
import { Sidecar, type LocalClock, type SidecarEnvironment } from './sidecar.ts';
import type { RunSettings } from './settings.ts';

const REDIS_PORT = 6379;
const SIDECAR_PORT = 26379;
const CLUSTER = 'simulated';

/** What a Redis that starts again finds on its disk. */
export type DataKept =
  | 'empty'
  /** Everything, but not its place in the replication history. */
  | 'aof'
  /** What the last save has, with its place in the history. */
  | 'rdb';

/** What a pod needs of the world around it. */
interface Surroundings extends RedisObserver {
  readonly core: Core;
  readonly settings: RunSettings;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: Random;
  readonly pods: readonly Pod[];
  log(text: string): void;
  /** What DNS tells this pod; null when it does not answer. */
  resolve(asking: Pod): readonly string[] | null;
  sidecarEnvironment(pod: Pod): SidecarEnvironment;
}

/** One pod of the StatefulSet: its name stays, its UID, address and data belong to one life of it. */
export class Pod {
  readonly name: PodName;
  readonly index: number;
  uid = '';
  machine: Machine;
  redis: RedisModel | null = null;
  sidecar: Sidecar | null = null;
  /** When a Redis of this pod last started, i.e. lost what it had in memory. */
  dataLostAtMs: number[] = [];
  sidecarStarts = 0;
  clock: LocalClock = { offsetMs: 0, rate: 1 };
  #lives = 0;
  #incarnations = 0;
  #rendered = { host: LIMBO_HOST, port: LIMBO_PORT };
  #disk: { saved: Snapshot | null; log: Snapshot | null } = { saved: null, log: null };
  readonly #world: Surroundings;

  constructor(world: Surroundings, index: number) {
    this.#world = world;
    this.index = index;
    this.name = asPodName(`redis-${index}`);
    this.machine = { slot: index, ip: '', isUp: false, services: new Map() };
  }

  get exists(): boolean {
    return this.machine.isUp;
  }

  /** The pod is made: a new address, no data, make-slave, and then both containers. */
  create(disk: Snapshot | null = null): void {
    const world = this.#world;
    this.#lives += 1;
    this.uid = `${this.name}-uid-${this.#lives}`;
    this.machine = { slot: this.index, ip: `10.0.${this.#lives}.${this.index + 1}`, isUp: true, services: new Map() };
    const { driftPpm } = world.settings;
    const rate = 1 + world.random.between(-driftPpm, driftPpm) / 1e6;
    this.clock = { offsetMs: world.random.between(0, 1e7), rate };
    world.network.add(this.machine);
    this.#disk = { saved: disk, log: disk };
    const { machine } = this;
    world.scheduler.after(world.random.between(20, 300), () => {
      if (this.machine !== machine || !machine.isUp) return;
      this.#makeSlave();
      this.startRedis(disk === null ? 'empty' : 'rdb');
      this.startSidecar();
    });
  }

  delete(): void {
    if (!this.exists) return;
    this.#world.log(`${this.name}: pod deleted`);
    this.redis?.kill();
    this.sidecar?.kill();
    this.#world.network.remove(this.machine);
    this.redis = null;
    this.sidecar = null;
  }

  killRedis(): void {
    if (this.redis?.isAlive !== true) return;
    this.#world.log(`${this.name}: redis-server killed, ${this.redis.data.length} writes`);
    this.#disk.log = { ...this.redis.snapshot(), replid: null };
    this.redis.kill();
  }

  /** As a save point of redis.conf does. */
  save(): void {
    if (this.redis?.isAlive === true && !this.redis.isLoading) this.#disk.saved = this.redis.snapshot();
  }

  startRedis(kept: DataKept): void {
    if (!this.exists || this.redis?.isAlive === true) return;
    const { settings, network, random } = this.#world;
    const snapshot = kept === 'empty' ? null : kept === 'rdb' ? this.#disk.saved : this.#disk.log;
    this.dataLostAtMs.push(this.#world.scheduler.nowMs);
    const { host, port } = this.#rendered;
    this.redis = new RedisModel(
      network,
      random,
      this.machine,
      settings.redis,
      {
        masterHost: host,
        masterPort: port,
        minReplicas: settings.writeQuorum === 'off' ? 0 : this.#world.core.quorumOf(settings.pods) - 1,
        priority: settings.priorities[this.index] ?? 100,
        snapshot,
        loadMs: snapshot === null ? 0 : random.between(0, settings.redis.mostLoadMs),
      },
      this.#world,
    );
    const what = snapshot === null ? 'without data' : `with ${snapshot.data.length} writes (${kept})`;
    this.#world.log(`${this.name}: redis-server ${this.redis.runId.slice(0, 6)} started ${what}, replicaof ${host}`);
  }

  killSidecar(): void {
    if (this.sidecar?.isAlive !== true) return;
    this.#world.log(`${this.name}: sidecar killed`);
    this.sidecar.kill();
  }

  startSidecar(): void {
    if (!this.exists || this.sidecar?.isAlive === true) return;
    this.#incarnations += 1;
    this.sidecarStarts += 1;
    this.#world.log(`${this.name}: sidecar started`);
    // performance.now() counts from the start of the process.
    this.clock = { offsetMs: -this.#world.scheduler.nowMs * this.clock.rate, rate: this.clock.rate };
    this.sidecar = new Sidecar(this.#world.sidecarEnvironment(this), this.#nodeConfig());
  }

  #nodeConfig(): NodeConfig {
    const { settings, pods, core } = this.#world;
    return {
      cluster: CLUSTER,
      self: {
        pod: this.name,
        uid: this.uid,
        incarnation: `${this.uid}-${this.#incarnations}`,
        ip: this.machine.ip,
        redisPort: REDIS_PORT,
        port: SIDECAR_PORT,
      },
      members: pods.map(({ name }) => name),
      quorum: core.quorumOf(settings.pods),
      timings: core.deriveTimings(settings.timings),
      writeQuorum: settings.writeQuorum,
      durability: settings.durability,
    };
  }

  /** What make-slave would see and decide at this moment. */
  #makeSlave(): void {
    const world = this.#world;
    const peers: PeerObservation[] = world.pods
      .filter((pod) => pod.exists && (world.resolve(this) ?? []).includes(pod.machine.ip))
      .map((pod) => this.#observe(pod));
    const decision = world.core.decideBootstrap({
      self: { pod: this.name, ip: this.machine.ip },
      cluster: CLUSTER,
      members: world.pods.map(({ name }) => name),
      dnsProblem: world.resolve(this) === null ? 'DNS does not answer' : null,
      peers,
    });
    this.#rendered =
      decision.kind === 'replica'
        ? { host: decision.master.ip, port: decision.master.port }
        : { host: LIMBO_HOST, port: LIMBO_PORT };
    world.log(`${this.name}: make-slave at ${this.machine.ip}: ${decision.kind}: ${decision.reason}`);
  }

  #observe(pod: Pod): PeerObservation {
    const { network, core } = this.#world;
    const isReachable = network.passes(this.machine, pod.machine) && network.passes(pod.machine, this.machine);
    const silent = { ok: false as const, reason: 'no answer' };
    const { sidecar, redis } = pod;
    const answers = (process: { isAlive: boolean; isPaused: boolean } | null): boolean =>
      isReachable && process?.isAlive === true && !process.isPaused;
    return {
      ip: pod.machine.ip,
      redisPort: REDIS_PORT,
      podName: pod.name,
      sidecar:
        sidecar !== null && answers(sidecar)
          ? { ok: true, value: core.statusOf(sidecar.state, sidecar.localNow()) }
          : silent,
      redis: redis !== null && answers(redis) ? { ok: true, value: redis.info() } : silent,
    };
  }
}

import {
  asPodName,
  LIMBO_HOST,
  LIMBO_PORT,
  type Memory,
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
  readonly cluster: string;
  readonly settings: RunSettings;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: Random;
  readonly pods: readonly Pod[];
  /** False: a suspended machine's clock stands still, as CLOCK_MONOTONIC does; true: it goes on, as CLOCK_BOOTTIME does. */
  readonly clockCountsSuspension: boolean;
  log(text: string): void;
  /** What DNS tells this pod; null when it does not answer. */
  resolve(asking: Pod): readonly string[] | null;
  sidecarEnvironment(pod: Pod): SidecarEnvironment;
  sidecarStarted(pod: Pod): void;
}

const NOBODY = { host: LIMBO_HOST, port: LIMBO_PORT };

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
  /** When somebody last typed a command into its redis-cli that was not the sidecar's; true time. */
  tamperedAtMs = -Infinity;
  clock: LocalClock = { offsetMs: 0, rate: 1 };
  /** False for a pod beyond `spec.replicas`. */
  isWanted = true;
  /** `--replicas` as its sidecar is told when it starts. */
  replicas: number;
  #lives = 0;
  #incarnations = 0;
  /** What the sidecar has kept for its next life; it goes with the pod. */
  #memory: Memory | null = null;
  #rendered = NOBODY;
  #disk: { saved: Snapshot | null; log: Snapshot | null } = { saved: null, log: null };
  readonly #world: Surroundings;
  #isAbandoned = false;

  constructor(world: Surroundings, index: number) {
    this.#world = world;
    this.index = index;
    this.name = asPodName(`redis-${index}`);
    this.replicas = world.settings.pods;
    this.machine = this.#newMachine('', false);
  }

  get exists(): boolean {
    return this.machine.isUp;
  }

  /** This pod is not the one of its name any more: there will be no further life of it. @returns the pod that is. */
  abandon(ghostSlot: number): Pod {
    const heir = new Pod(this.#world, this.index);
    heir.#lives = this.#lives;
    heir.dataLostAtMs = this.dataLostAtMs;
    this.#isAbandoned = true;
    this.machine.slot = ghostSlot;
    return heir;
  }

  #newMachine(ip: string, isUp: boolean): Machine {
    return { slot: this.index, ip, realm: 'own', isUp, wallOffsetMs: 0, services: new Map() };
  }

  /** Both processes stand still, and so do their timers. @returns what ends it. */
  suspend(first: 'io' | 'timer'): () => void {
    const { redis, sidecar, clock } = this;
    const fromMs = this.#world.scheduler.nowMs;
    redis?.suspend();
    sidecar?.suspend();
    return () => {
      if (!this.#world.clockCountsSuspension) clock.offsetMs -= clock.rate * (this.#world.scheduler.nowMs - fromMs);
      redis?.wake(first);
      sidecar?.wake(first);
    };
  }

  /** The pod is made: a new address, no data, make-slave, and then both containers. */
  create(disk: Snapshot | null = null): void {
    if (this.#isAbandoned) return;
    const world = this.#world;
    this.#lives += 1;
    this.uid = `${this.name}-uid-${this.#lives}`;
    this.machine = this.#newMachine(`10.0.${this.#lives}.${this.index + 1}`, true);
    this.#memory = null;
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

  /** What a full sync brought is on the disk of a replica, with its place in the history, whatever its save points are. */
  snapshotStored(snapshot: Snapshot): void {
    this.#disk.saved = snapshot;
  }

  /** As a save point of redis.conf does. */
  save(): void {
    if (this.redis?.isAlive === true && !this.redis.isLoading) this.#disk.saved = this.redis.snapshot();
  }

  /** @param loadMs how long it takes to load what it finds; otherwise as the settings say */
  startRedis(kept: DataKept, loadMs: number | null = null): void {
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
        minReplicas: settings.writeQuorum === 'off' ? 0 : this.#world.core.quorumOf(this.replicas) - 1,
        priority: settings.priorities[this.index] ?? 100,
        snapshot,
        loadMs: snapshot === null ? 0 : (loadMs ?? random.between(0, settings.redis.mostLoadMs)),
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

  /** Called after each decision of its sidecar. */
  remember(): void {
    if (this.sidecar?.isAlive !== true) return;
    this.#memory = this.#world.core.memoryOf(this.sidecar.state);
    // As soon as its Redis runs the sidecar takes the master's address out of the rendered config.
    if (this.#world.settings.remembers && this.sidecar.state.own.info !== null) this.#rendered = NOBODY;
  }

  startSidecar(): void {
    if (!this.exists || this.sidecar?.isAlive === true) return;
    this.#incarnations += 1;
    this.#world.log(`${this.name}: sidecar started`);
    // performance.now() counts from the start of the process.
    this.clock = { offsetMs: -this.#world.scheduler.nowMs * this.clock.rate, rate: this.clock.rate };
    const environment = this.#world.sidecarEnvironment(this);
    this.sidecar = new Sidecar(environment, this.#nodeConfig(), this.#world.settings.remembers ? this.#memory : null);
    this.#world.sidecarStarted(this);
  }

  /** By how many pods its sidecar counts before anybody tells it. */
  get #firstSize(): number {
    return this.#world.settings.isResizable === true ? this.index + 1 : this.replicas;
  }

  #nodeConfig(): NodeConfig {
    const { settings, pods, core } = this.#world;
    const { isResizable = false } = settings;
    return {
      cluster: this.#world.cluster,
      self: {
        pod: this.name,
        uid: this.uid,
        incarnation: `${this.uid}-${this.#incarnations}`,
        ip: this.machine.ip,
        redisPort: REDIS_PORT,
        port: SIDECAR_PORT,
        replicas: isResizable ? 0 : this.replicas,
        ...(settings.leaseStore === 'kubernetes' ? { store: settings.leaseStore } : {}),
      },
      members: pods.slice(0, this.#firstSize).map(({ name }) => name),
      quorum: core.quorumOf(this.#firstSize),
      timings: core.deriveTimings(settings.timings),
      writeQuorum: settings.writeQuorum,
      durability: settings.durability,
      ...(isResizable ? { isResizable } : {}),
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
      cluster: world.cluster,
      members: world.pods.slice(0, this.#firstSize).map(({ name }) => name),
      isResizable: world.settings.isResizable === true,
      dnsProblem: world.resolve(this) === null ? 'DNS does not answer' : null,
      peers,
    });
    this.#rendered = decision.kind === 'replica' ? { host: decision.master.ip, port: decision.master.port } : NOBODY;
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

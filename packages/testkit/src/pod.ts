import { randomUUID } from 'node:crypto';
import type { ContainerEvent } from './container.ts';
import { TestkitError } from './errors.ts';
import type { Home } from './ground.ts';
import type { Host } from './hosts/host.ts';
import { tailOfJsonLog } from './json-log.ts';
import { tailOfFile } from './managed-process.ts';
import { parsePeerStatus, type PeerStatus } from './peer-status.ts';
import { PodClients } from './pod-clients.ts';
import { PodContainers, startRefused } from './pod-containers.ts';
import { PodFiles, type PodIdentity } from './pod-files.ts';
import type { PodContext } from './pod-program.ts';
import { redisTargetOf, sidecarTargetOf, type PodSettings } from './pod-settings.ts';
import type { PodSurroundings } from './pod-surroundings.ts';
import type { CommandArgs, RedisTarget } from './redis-client.ts';
import { parseRole, type RedisRole } from './redis-info.ts';

export interface RecreateOptions {
  /** A persistent volume: the new pod finds the old one's data. Default false. */
  readonly keepData?: boolean;
  /** The new pod gets the old one's address. Default false: a fresh one. */
  readonly sameIp?: boolean;
}

/**
 * A pod as Kubernetes would run it: make-slave to completion, then redis-server with the configuration that it
 * rendered, then the sentinel sidecar. Restarted containers keep identity, address, data and configuration; a
 * recreated pod keeps its name only.
 */
export class Pod {
  readonly name: string;
  readonly files: PodFiles;
  readonly #settings: PodSettings;
  readonly #surroundings: PodSurroundings;
  readonly #containers: PodContainers;
  readonly #clients: PodClients;
  #identity: PodIdentity | undefined;
  #home: Home | undefined;
  #lastIp: string | undefined;

  constructor(name: string, dir: string, settings: PodSettings, surroundings: PodSurroundings) {
    this.name = name;
    this.files = new PodFiles(dir);
    this.#settings = settings;
    this.#surroundings = surroundings;
    this.#containers = new PodContainers(name, settings, surroundings.program, () => this.#context());
    this.#clients = new PodClients(this);
  }

  /** @throws TestkitError PROCESS_FAILED while the pod has none (never started, or deleted). */
  get ip(): string {
    return this.#requireIdentity().ip;
  }

  /** Differs after every recreation. @throws as `ip`. */
  get uid(): string {
    return this.#requireIdentity().uid;
  }

  /** Its own host, when the cluster has a network of hosts. */
  get host(): Host | undefined {
    return this.#home?.host;
  }

  /** Whether the pod exists: has an address and a UID, be its containers up or not. */
  get exists(): boolean {
    return this.#identity !== undefined;
  }

  /** Where its Redis is. @throws as `ip`. */
  get redisTarget(): RedisTarget {
    return redisTargetOf(this.#settings, this.ip);
  }

  /** Where its sidecar is. @throws as `ip`. */
  get sidecarTarget(): RedisTarget {
    return sidecarTargetOf(this.#settings, this.ip);
  }

  get redisPid(): number | undefined {
    return this.isRedisAlive() ? this.#containers.redis.process?.pid : undefined;
  }

  get sidecarPid(): number | undefined {
    return this.isSidecarAlive() ? this.#containers.sidecar.process?.pid : undefined;
  }

  isRedisAlive(): boolean {
    return this.#containers.redis.isAlive();
  }

  isSidecarAlive(): boolean {
    return this.#containers.sidecar.isAlive();
  }

  /** Starts, exits and signals of the two containers, oldest first, on the clock of `nowMs`. */
  get events(): { readonly redis: readonly ContainerEvent[]; readonly sidecar: readonly ContainerEvent[] } {
    return { redis: this.#containers.redis.events, sidecar: this.#containers.sidecar.events };
  }

  /**
   * Creates the pod (unless it exists) and runs it: address, DNS, make-slave, Redis, sidecar.
   * @throws TestkitError PROCESS_FAILED with the log of what failed, TIMEOUT.
   */
  async start(): Promise<void> {
    if (this.#identity === undefined) {
      const { endings } = this.#containers;
      const home = await this.#surroundings.settle(this.name);
      // Ended meanwhile, before it existed: it must not come to life after that.
      if (endings !== this.#containers.endings) {
        await this.#surroundings.leave(home);
        throw startRefused(`pod ${this.name}`);
      }
      this.#create(home);
    }
    const identity = this.#requireIdentity();
    this.files.prepare(identity, this.#settings, this.host);
    // With publishNotReadyAddresses a pod is listed as soon as it has an address, before its init container runs.
    await this.#surroundings.publish(this.name, identity.ip);
    await this.#containers.start();
  }

  /** How long the last init container ran that ended, in milliseconds. */
  get initTookMs(): number | undefined {
    return this.#containers.initTookMs;
  }

  /** Signals redis-server. With restart policy `always` it comes back after the delay. Does not wait. */
  killRedis(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#containers.redis.requireProcess();
    this.#containers.redis.kill(signal);
  }

  /** Restarts the redis container: same configuration, same data, no make-slave. Waits until it answers. */
  startRedis(): Promise<void> {
    return this.#containers.redis.start();
  }

  /** SIGTERM to redis-server; it stays down until `startRedis`, whatever the restart policy. Waits. */
  stopRedis(graceMs = 3000): Promise<void> {
    return this.#containers.redis.stop(graceMs);
  }

  /** Signals the sidecar. With restart policy `always` it comes back after the delay. Does not wait. */
  killSidecar(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#containers.sidecar.requireProcess();
    this.#containers.sidecar.kill(signal);
  }

  /** Restarts the sidecar and waits until it answers. */
  startSidecar(): Promise<void> {
    return this.#containers.sidecar.start();
  }

  /** SIGTERM to the sidecar; it stays down until `startSidecar`, whatever the restart policy. Waits. */
  stopSidecar(graceMs = 5000): Promise<void> {
    return this.#containers.sidecar.stop(graceMs);
  }

  pauseRedis(): void {
    this.#containers.redis.requireProcess().pause();
  }

  resumeRedis(): void {
    this.#containers.redis.process?.resume();
  }

  pauseSidecar(): void {
    this.#containers.sidecar.requireProcess().pause();
  }

  resumeSidecar(): void {
    this.#containers.sidecar.process?.resume();
  }

  /** The node is gone: SIGKILL to everything at once, out of DNS, data gone unless told to keep it. */
  async delete(options: { readonly keepData?: boolean } = {}): Promise<void> {
    await this.#containers.kill();
    await this.#forget(options.keepData ?? false);
  }

  /**
   * `kubectl delete pod`: SIGTERM to both containers at once, SIGKILL after `graceMs`, out of DNS. `sidecarLast`
   * ends the sidecar only after Redis, as Kubernetes does with native sidecars.
   */
  async stop(
    options: { readonly graceMs?: number; readonly keepData?: boolean; readonly sidecarLast?: boolean } = {},
  ): Promise<void> {
    await this.#containers.stop(options.graceMs ?? 5000, options.sidecarLast ?? false);
    await this.#forget(options.keepData ?? false);
  }

  /** What the StatefulSet controller does after a deletion: same name, new UID, and as a rule new address and no data. */
  async recreate(options: RecreateOptions = {}): Promise<void> {
    const oldIp = this.#identity?.ip ?? this.#lastIp;
    const keepData = options.keepData ?? false;
    if (this.exists) await this.delete({ keepData });
    if (!keepData) this.files.wipe(false);
    if (options.sameIp === true && oldIp !== undefined) {
      this.#create(await this.#surroundings.settle(this.name, oldIp));
    }
    await this.start();
  }

  /** SIGKILL to everything, without waiting, and nothing is restarted. For exit handlers. */
  killAllSync(): void {
    this.#containers.killSync();
  }

  /** Sends a command to its Redis (500 ms). @throws as `RedisCommander.command`. */
  command(...args: CommandArgs): Promise<unknown> {
    return this.#clients.redis.command(...args);
  }

  /** `command`, for answers that are text, e.g. INFO. */
  text(...args: CommandArgs): Promise<string> {
    return this.#clients.redis.text(...args);
  }

  /** What its Redis says of itself. @throws as `command`. */
  async role(): Promise<RedisRole> {
    return parseRole(await this.text('INFO', 'replication'));
  }

  /** Sends a command to its sidecar (500 ms). @throws as `RedisCommander.command`. */
  sidecarCommand(...args: CommandArgs): Promise<unknown> {
    return this.#clients.sidecar.command(...args);
  }

  /** What its sidecar says. @throws as `command`, and TestkitError BAD_ANSWER. */
  async peerStatus(): Promise<PeerStatus> {
    return parsePeerStatus(await this.#clients.sidecar.text('PEER', 'STATUS'));
  }

  redisLogTail(lines = 20): string[] {
    return tailOfFile(this.files.redisLog, lines);
  }

  sidecarLogTail(lines = 20): string[] {
    return tailOfFile(this.files.sidecarLog, lines);
  }

  makeSlaveLogTail(lines = 20): string[] {
    return tailOfFile(this.files.makeSlaveLog, lines);
  }

  /** The last log lines of the sidecar as objects; lines that are no JSON objects are left out. */
  sidecarLog(lines = 1000): Record<string, unknown>[] {
    return tailOfJsonLog(this.files.sidecarLog, lines);
  }

  /** The last log lines of make-slave as objects; lines that are no JSON objects are left out. */
  makeSlaveLog(lines = 1000): Record<string, unknown>[] {
    return tailOfJsonLog(this.files.makeSlaveLog, lines);
  }

  #create(home: Home): void {
    this.#clients.close();
    this.#containers.allowStarts();
    this.#home = home;
    this.#lastIp = home.ip;
    this.#identity = { name: this.name, uid: randomUUID(), ip: home.ip };
  }

  async #forget(keepData: boolean): Promise<void> {
    this.#identity = undefined;
    this.#clients.close();
    this.files.wipe(keepData);
    await this.#surroundings.publish(this.name, undefined);
    const home = this.#home;
    this.#home = undefined;
    if (home !== undefined) await this.#surroundings.leave(home);
  }

  #requireIdentity(): PodIdentity {
    if (this.#identity !== undefined) return this.#identity;
    throw new TestkitError('PROCESS_FAILED', `pod ${this.name} does not exist at the moment`);
  }

  #context(): PodContext {
    return {
      identity: this.#requireIdentity(),
      files: this.files,
      settings: this.#settings,
      hasHost: this.host !== undefined,
      host: this.host,
      otherSidecars: this.#surroundings.otherSidecars(this.name),
    };
  }
}

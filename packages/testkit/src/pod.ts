import { randomUUID } from 'node:crypto';
import { Container, type ContainerEvent } from './container.ts';
import { TestkitError } from './errors.ts';
import { ManagedProcess, tailOfFile } from './managed-process.ts';
import { parsePeerStatus, type PeerStatus } from './peer-status.ts';
import type { Home } from './ground.ts';
import type { Host } from './hosts/host.ts';
import { PodFiles, type PodIdentity } from './pod-files.ts';
import type { PodContext, Program } from './pod-program.ts';
import type { PodSettings } from './pod-settings.ts';
import type { PodSurroundings } from './pod-surroundings.ts';
import { RedisCommander, type CommandArgs, type RedisTarget } from './redis-client.ts';
import { parseRole, type RedisRole } from './redis-info.ts';
import { RedisProcess } from './redis-process.ts';
import { SidecarProcess } from './sidecar-process.ts';
import { withTimeout } from './time.ts';

const INIT_TIMEOUT_MS = 30_000;
const READY_TIMEOUT_MS = 15_000;
const COMMAND_TIMEOUT_MS = 500;

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
  readonly #redis: Container;
  readonly #sidecar: Container;
  #identity: PodIdentity | undefined;
  #home: Home | undefined;
  #lastIp: string | undefined;
  /** Set before anything is killed, so that a `start` under way does not start the next container after that. */
  #ending = false;
  #endings = 0;
  #redisCommander: RedisCommander | undefined;
  #sidecarCommander: RedisCommander | undefined;
  #init: ManagedProcess | undefined;

  constructor(name: string, dir: string, settings: PodSettings, surroundings: PodSurroundings) {
    this.name = name;
    this.files = new PodFiles(dir);
    this.#settings = settings;
    this.#surroundings = surroundings;
    const always = settings.restartPolicy === 'always';
    this.#redis = new Container({
      name: `redis-server of ${name}`,
      spawn: () => this.#spawnRedis(),
      restartDelayMs: always ? settings.redisRestartDelayMs : undefined,
      readyTimeoutMs: READY_TIMEOUT_MS,
    });
    this.#sidecar = new Container({
      name: `sentinel of ${name}`,
      spawn: () => this.#spawnSidecar(),
      restartDelayMs: always ? settings.sidecarRestartDelayMs : undefined,
      readyTimeoutMs: READY_TIMEOUT_MS,
    });
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
    const { redisPort: port, username, password } = this.#settings;
    return { host: this.ip, port, username, password };
  }

  /** Where its sidecar is. @throws as `ip`. */
  get sidecarTarget(): RedisTarget {
    const { sentinelPort: port, username, password } = this.#settings;
    return { host: this.ip, port, username, password };
  }

  get redisPid(): number | undefined {
    return this.isRedisAlive() ? this.#redis.process?.pid : undefined;
  }

  get sidecarPid(): number | undefined {
    return this.isSidecarAlive() ? this.#sidecar.process?.pid : undefined;
  }

  isRedisAlive(): boolean {
    return this.#redis.isAlive();
  }

  isSidecarAlive(): boolean {
    return this.#sidecar.isAlive();
  }

  /** Starts, exits and signals of the two containers, oldest first, on the clock of `nowMs`. */
  get events(): { readonly redis: readonly ContainerEvent[]; readonly sidecar: readonly ContainerEvent[] } {
    return { redis: this.#redis.events, sidecar: this.#sidecar.events };
  }

  /**
   * Creates the pod (unless it exists) and runs it: address, DNS, make-slave, Redis, sidecar.
   * @throws TestkitError PROCESS_FAILED with the log of what failed, TIMEOUT.
   */
  async start(): Promise<void> {
    if (this.#identity === undefined) {
      const endings = this.#endings;
      const home = await this.#surroundings.settle(this.name);
      // Ended meanwhile, before it existed: it must not come to life after that.
      if (endings !== this.#endings) {
        await this.#surroundings.leave(home);
        this.#refuse(`pod ${this.name}`);
      }
      this.#create(home);
    }
    const identity = this.#requireIdentity();
    this.files.prepare(identity, this.#settings, this.host);
    // With publishNotReadyAddresses a pod is listed as soon as it has an address, before its init container runs.
    await this.#surroundings.publish(this.name, identity.ip);
    await this.#runInit();
    await this.#redis.start();
    await this.#sidecar.start();
  }

  /** Signals redis-server. With restart policy `always` it comes back after the delay. Does not wait. */
  killRedis(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#redis.requireProcess();
    this.#redis.kill(signal);
  }

  /** Restarts the redis container: same configuration, same data, no make-slave. Waits until it answers. */
  startRedis(): Promise<void> {
    return this.#redis.start();
  }

  /** SIGTERM to redis-server; it stays down until `startRedis`, whatever the restart policy. Waits. */
  stopRedis(graceMs = 3000): Promise<void> {
    return this.#redis.stop(graceMs);
  }

  /** Signals the sidecar. With restart policy `always` it comes back after the delay. Does not wait. */
  killSidecar(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#sidecar.requireProcess();
    this.#sidecar.kill(signal);
  }

  /** Restarts the sidecar and waits until it answers. */
  startSidecar(): Promise<void> {
    return this.#sidecar.start();
  }

  /** SIGTERM to the sidecar; it stays down until `startSidecar`, whatever the restart policy. Waits. */
  stopSidecar(graceMs = 5000): Promise<void> {
    return this.#sidecar.stop(graceMs);
  }

  pauseRedis(): void {
    this.#redis.requireProcess().pause();
  }

  resumeRedis(): void {
    this.#redis.process?.resume();
  }

  pauseSidecar(): void {
    this.#sidecar.requireProcess().pause();
  }

  resumeSidecar(): void {
    this.#sidecar.process?.resume();
  }

  /** The node is gone: SIGKILL to everything at once, out of DNS, data gone unless told to keep it. */
  async delete(options: { readonly keepData?: boolean } = {}): Promise<void> {
    this.killAllSync();
    await Promise.all([this.#redis.stop(0), this.#sidecar.stop(0), this.#init?.killAndWait()]);
    await this.#forget(options.keepData ?? false);
  }

  /**
   * `kubectl delete pod`: SIGTERM to both containers at once, SIGKILL after `graceMs`, out of DNS. `sidecarLast`
   * ends the sidecar only after Redis, as Kubernetes does with native sidecars.
   */
  async stop(
    options: { readonly graceMs?: number; readonly keepData?: boolean; readonly sidecarLast?: boolean } = {},
  ): Promise<void> {
    const graceMs = options.graceMs ?? 5000;
    this.#end();
    await this.#init?.killAndWait();
    if (options.sidecarLast === true) {
      await this.#redis.stop(graceMs);
      await this.#sidecar.stop(graceMs);
    } else {
      await Promise.all([this.#redis.stop(graceMs), this.#sidecar.stop(graceMs)]);
    }
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
    this.#end();
    this.#redis.unwant();
    this.#sidecar.unwant();
    this.#redis.process?.kill('SIGKILL');
    this.#sidecar.process?.kill('SIGKILL');
    this.#init?.kill('SIGKILL');
  }

  /** Sends a command to its Redis (500 ms). @throws as `RedisCommander.command`. */
  command(...args: CommandArgs): Promise<unknown> {
    return this.#redisClient().command(...args);
  }

  /** `command`, for answers that are text, e.g. INFO. */
  text(...args: CommandArgs): Promise<string> {
    return this.#redisClient().text(...args);
  }

  /** What its Redis says of itself. @throws as `command`. */
  async role(): Promise<RedisRole> {
    return parseRole(await this.text('INFO', 'replication'));
  }

  /** Sends a command to its sidecar (500 ms). @throws as `RedisCommander.command`. */
  sidecarCommand(...args: CommandArgs): Promise<unknown> {
    return this.#sidecarClient().command(...args);
  }

  /** What its sidecar says. @throws as `command`, and TestkitError BAD_ANSWER. */
  async peerStatus(): Promise<PeerStatus> {
    return parsePeerStatus(await this.#sidecarClient().text('PEER', 'STATUS'));
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
    return this.sidecarLogTail(lines).flatMap(parseLogLine);
  }

  /** The last log lines of make-slave as objects; lines that are no JSON objects are left out. */
  makeSlaveLog(lines = 1000): Record<string, unknown>[] {
    return this.makeSlaveLogTail(lines).flatMap(parseLogLine);
  }

  #create(home: Home): void {
    this.#closeCommanders();
    this.#ending = false;
    this.#home = home;
    this.#lastIp = home.ip;
    this.#identity = { name: this.name, uid: randomUUID(), ip: home.ip };
  }

  async #forget(keepData: boolean): Promise<void> {
    this.#identity = undefined;
    this.#closeCommanders();
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

  #refuseWhenEnding(what: string): void {
    if (this.#ending) this.#refuse(what);
  }

  #refuse(what: string): never {
    throw new TestkitError('PROCESS_FAILED', `${what} is not started: the pod is being ended`);
  }

  #end(): void {
    this.#ending = true;
    this.#endings++;
  }

  async #runInit(): Promise<void> {
    const program = await this.#surroundings.program.init(this.#context());
    if (program === undefined) return;
    const init = this.#startProgram(program, this.files.makeSlaveLog);
    this.#init = init;
    try {
      const { code } = await withTimeout(init.exited, INIT_TIMEOUT_MS, `${init.name} to end`);
      if (code === 0) return;
    } finally {
      init.kill('SIGKILL');
    }
    const log = init.logTail(20).join('\n');
    throw new TestkitError('PROCESS_FAILED', `${init.name} ${init.describeExit()}; it printed:\n${log}`);
  }

  #spawnRedis(): RedisProcess {
    this.#refuseWhenEnding(`redis-server of ${this.name}`);
    return RedisProcess.spawn({
      ...this.redisTarget,
      tool: this.#settings.tools.redisServer,
      name: `redis-server of ${this.name}`,
      dir: this.files.dataDir,
      configFile: this.files.renderedConfig,
      logFile: this.files.redisLog,
      inside: this.host,
    });
  }

  #spawnSidecar(): SidecarProcess {
    const program = this.#surroundings.program.sidecar(this.#context());
    return new SidecarProcess(this.#startProgram(program, this.files.sidecarLog), this.sidecarTarget);
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

  #startProgram({ what, ...program }: Program, logFile: string): ManagedProcess {
    const name = `${what} of ${this.name}`;
    this.#refuseWhenEnding(name);
    return ManagedProcess.start({ name, ...program, cwd: this.files.dir, logFile, inside: this.host });
  }

  #redisClient(): RedisCommander {
    this.#redisCommander ??= new RedisCommander(this.redisTarget, COMMAND_TIMEOUT_MS);
    return this.#redisCommander;
  }

  #sidecarClient(): RedisCommander {
    this.#sidecarCommander ??= new RedisCommander(this.sidecarTarget, COMMAND_TIMEOUT_MS);
    return this.#sidecarCommander;
  }

  #closeCommanders(): void {
    this.#redisCommander?.close();
    this.#sidecarCommander?.close();
    this.#redisCommander = undefined;
    this.#sidecarCommander = undefined;
  }
}

function parseLogLine(line: string): Record<string, unknown>[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? [value as Record<string, unknown>] : [];
  } catch {
    return [];
  }
}

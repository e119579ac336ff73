import { randomUUID } from 'node:crypto';
import {
  PodClients,
  TestkitError,
  parsePeerStatus,
  parseRole,
  type CommandArgs,
  type PeerStatus,
  type RedisRole,
  type RedisTarget,
} from '@sentinel-micro/testkit';
import type { Docker, Ended } from '../engine/index.ts';
import { OWN_LABEL } from '../images/index.ts';
import { commandsOf, volumesOf, type ContainerCommands, type PodPlan, type SetPlan } from './commands.ts';

const REDIS_PORT = 6379;
const SIDECAR_PORT = 26379;

export type Part = 'redis' | 'sentinel';

/** One pod: a container that holds the network, and make-slave, Redis and the sidecar that share it. */
export class ContainerPod {
  readonly name: string;
  readonly ip: string;
  /** What make-slave printed when it ran last. */
  makeSlaveLog = '';
  readonly #docker: Docker;
  readonly #set: SetPlan;
  readonly #index: number;
  readonly #clients: PodClients;
  #plan: PodPlan;
  #commands: ContainerCommands;

  constructor(docker: Docker, set: SetPlan, index: number) {
    this.#docker = docker;
    this.#set = set;
    this.#index = index;
    this.#plan = this.#newPlan();
    this.#commands = commandsOf(set, this.#plan);
    this.name = this.#plan.name;
    this.ip = this.#plan.ip;
    this.#clients = new PodClients(this);
  }

  get exists(): boolean {
    return true;
  }

  get redisTarget(): RedisTarget {
    return { host: this.ip, port: REDIS_PORT };
  }

  get sidecarTarget(): RedisTarget {
    return { host: this.ip, port: SIDECAR_PORT };
  }

  /** The name of a container. */
  containerOf(part: Part | 'holder'): string {
    return `${this.#plan.prefix}-${part}`;
  }

  /** As the kubelet does it: make-slave to its end, then Redis, then the sidecar. @throws TestkitError PROCESS_FAILED */
  async start(): Promise<void> {
    const { holder, makeSlave, redis, sentinel } = this.#commands;
    for (const { name, options } of volumesOf(this.#plan)) {
      await this.#docker.text(['volume', 'create', '--label', OWN_LABEL, ...options, name]);
    }
    await this.#docker.text(holder);
    const init = await this.#docker.end(makeSlave);
    this.makeSlaveLog = init.stdout + init.stderr;
    if (init.code !== 0) {
      throw new TestkitError(
        'PROCESS_FAILED',
        `make-slave of ${this.name} ended with ${String(init.code)}:\n${init.stderr}`,
      );
    }
    await this.#docker.text(redis);
    await this.#docker.text(sentinel);
  }

  /** Everything goes, data too, and a new pod of the same name and address comes. @throws as `start` */
  async replace(): Promise<void> {
    await this.#docker.text([
      'rm',
      '--force',
      ...(['sentinel', 'redis', 'holder'] as const).map((part) => this.containerOf(part)),
    ]);
    await this.#docker.text(['volume', 'rm', ...volumesOf(this.#plan).map(({ name }) => name)]);
    this.#plan = this.#newPlan();
    this.#commands = commandsOf(this.#set, this.#plan);
    await this.start();
  }

  /** An engine command on some of its containers: `kill`, `pause`, `start`. @throws TestkitError PROCESS_FAILED */
  async order(command: readonly string[], ...parts: readonly (Part | 'holder')[]): Promise<void> {
    await this.#docker.text([...command, ...parts.map((part) => this.containerOf(part))]);
  }

  /** Takes the pod off its network; its containers still reach each other. @throws TestkitError PROCESS_FAILED */
  async disconnect(): Promise<void> {
    await this.#docker.text(['network', 'disconnect', this.#set.network, this.containerOf('holder')]);
  }

  /** Puts it back, with its address and names. @throws TestkitError PROCESS_FAILED */
  async connect(): Promise<void> {
    const aliases = this.#plan.aliases.flatMap((alias) => ['--alias', alias]);
    const place = ['network', 'connect', '--ip', this.ip, ...aliases];
    await this.#docker.text([...place, this.#set.network, this.containerOf('holder')]);
  }

  /** Runs a program in one of its containers. @throws TestkitError TIMEOUT */
  exec(part: Part, ...command: readonly string[]): Promise<Ended> {
    return this.#docker.end(['exec', this.containerOf(part), ...command]);
  }

  /** Of a container that has ended. */
  async exitCode(part: Part): Promise<number> {
    return Number(await this.#docker.inspect(this.containerOf(part), '{{.State.ExitCode}}'));
  }

  async isRunning(part: Part): Promise<boolean> {
    return (await this.#docker.inspect(this.containerOf(part), '{{.State.Running}}')) === 'true';
  }

  /** All that a container has printed. */
  async log(part: Part): Promise<string> {
    const { stdout, stderr } = await this.#docker.end(['logs', this.containerOf(part)]);
    return stdout + stderr;
  }

  /** @throws as `RedisCommander.command` */
  command(...args: CommandArgs): Promise<unknown> {
    return this.#clients.redis.command(...args);
  }

  async role(): Promise<RedisRole> {
    return parseRole(await this.#clients.redis.text('INFO', 'replication'));
  }

  async peerStatus(): Promise<PeerStatus> {
    return parsePeerStatus(await this.#clients.sidecar.text('PEER', 'STATUS'));
  }

  close(): void {
    this.#clients.close();
  }

  #newPlan(): PodPlan {
    const name = `redis-${this.#index}`;
    const prefix = `${this.#set.network}-${name}`;
    const ip = `${this.#set.subnet}.${10 + this.#index}`;
    const { service } = this.#set;
    return { name, prefix, ip, uid: randomUUID(), aliases: [service, name, `${name}.${service}`] };
  }
}

import { LIMBO_HOST, LIMBO_PORT } from '@sentinel-micro/core';
import { Network, type Machine } from '../../src/network.ts';
import { Process } from '../../src/process.ts';
import { Random } from '../../src/random.ts';
import { RedisClient, type CallResult } from '../../src/redis-client.ts';
import { RedisModel } from '../../src/redis-model.ts';
import type { RedisCommand, Snapshot } from '../../src/redis-protocol.ts';
import type { RedisSettings } from '../../src/redis-state.ts';
import { Scheduler } from '../../src/scheduler.ts';
import type { Look, State } from './view.ts';
import {
  SERVERS,
  type Answer,
  type DataKept,
  type Master,
  type Server,
  type ServerConfig,
  type Step,
} from './vocabulary.ts';

/** In what the servers differ, see RedisSettings. `countsAlone` holds for those with an AOF. */
export type Habits = Required<Pick<RedisSettings, 'countsAlone' | 'hasRdbChannel'>>;

const PORT = 6379;
const NEVER_MS = 3_600_000;
const HELD_AFTER_MS = 300;
const TICK_MS = 1;
const CLIENT_IP = '10.0.0.99';
const TINY_BACKLOG_BYTES = 600;
/** What a large write adds to what the model takes for a write, three times what a tiny backlog holds. */
const LARGE_BYTES = 2000;
const SLOW_LOAD_MS = 3000;

/** One connection of a test, and the command that it is waiting for. */
interface Connection {
  readonly client: RedisClient;
  pending: CallResult | 'open' | null;
}

interface Host {
  readonly machine: Machine;
  redis: RedisModel | null;
  saved: Snapshot | null;
  log: Snapshot | null;
}

function machineAt(slot: number, ip: string): Machine {
  return { slot, ip, realm: 'own', isUp: true, wallOffsetMs: 0, services: new Map() };
}

function settingsOf(config: ServerConfig, { countsAlone, hasRdbChannel }: Habits): RedisSettings {
  return {
    maxLagSeconds: config.maxLagSeconds ?? 10,
    backlogBytes: config.backlog === 'tiny' ? TINY_BACKLOG_BYTES : 1_000_000,
    replTimeoutMs: (config.replTimeoutSeconds ?? 60) * 1000,
    pingEveryCrons: config.pingSeconds ?? 3600,
    countsAlone: countsAlone && config.hasAof === true,
    hasRdbChannel,
    hasPassword: false,
    syncDelayMs: (config.syncDelaySeconds ?? 0) * 1000,
    leastSyncMs: config.isSlowToSend === true ? SLOW_LOAD_MS : 5,
    mostSyncMs: config.isSlowToSend === true ? SLOW_LOAD_MS : 20,
    leastLoadMs: config.isSlowToLoad === true ? SLOW_LOAD_MS : 0,
    mostLoadMs: config.isSlowToLoad === true ? SLOW_LOAD_MS : 5,
  };
}

function answerOf(result: CallResult): Answer {
  if (!result.ok) return result.code === 'CLOSED' ? 'closed' : result.code;
  return result.number === null ? 'OK' : String(result.number);
}

/** Plays stories on the simulator's model, in simulated time. */
export class ModelStage {
  readonly #scheduler = new Scheduler();
  readonly #habits: Habits;
  readonly #random: Random;
  readonly #network: Network;
  readonly #tester: Process;
  readonly #testerMachine = machineAt(SERVERS.length, CLIENT_IP);
  readonly #hosts = new Map<Server, Host>();
  readonly #connections = new Map<string, Connection>();
  #values = 0;

  constructor(seed: number, habits: Habits) {
    this.#habits = habits;
    this.#random = new Random(seed, 1);
    this.#network = new Network(this.#scheduler, new Random(seed, 2), SERVERS.length + 1);
    this.#tester = new Process(this.#scheduler);
    this.#network.add(this.#testerMachine);
    for (const [slot, name] of SERVERS.entries()) {
      const machine = machineAt(slot, `10.0.0.${slot + 1}`);
      this.#network.add(machine);
      this.#hosts.set(name, { machine, redis: null, saved: null, log: null });
    }
  }

  /** Lets time go by. */
  pass(ms: number): void {
    const untilMs = this.#scheduler.nowMs + ms;
    while (this.#scheduler.step(untilMs));
  }

  perform(step: Step): Answer[] {
    switch (step.do) {
      case 'start':
        this.#start(step.server, step.follows, step.data, step.config);
        return [];
      case 'kill':
        this.#kill(step.server);
        return [];
      case 'freeze':
        this.#redis(step.server)?.pause();
        return [];
      case 'thaw':
        this.#redis(step.server)?.resume('io');
        return [];
      case 'script':
        this.#redis(step.server)?.startScript();
        return [];
      case 'script-ends':
        this.#redis(step.server)?.endScript();
        return [];
      case 'replicaof':
        return [this.#order(step.server, this.#replicaOf(step.server, step.to))];
      case 'write':
        return this.#write(step);
      case 'wait':
        return [
          this.#ask(`${step.client}@${step.server}`, step.server, step.timeoutMs + HELD_AFTER_MS, {
            name: 'WAIT',
            count: step.replicas,
            timeoutMs: step.timeoutMs,
          }),
        ];
      case 'answer':
        return [this.#await(this.#connections.get(`${step.client}@${step.server}`), HELD_AFTER_MS)];
      case 'pause-writes':
        return [this.#order(step.server, { name: 'CLIENT PAUSE', budgetMs: step.ms })];
      case 'unpause':
        return [this.#order(step.server, { name: 'CLIENT UNPAUSE' })];
      case 'kill-clients':
        return [this.#order(step.server, { name: 'CLIENT KILL TYPE normal' })];
      case 'min-replicas':
        return [this.#order(step.server, { name: 'CONFIG SET min-replicas-to-write', count: step.count })];
      case 'save':
        return [this.#save(step.server)];
      case 'pass':
        this.pass(step.ms);
        return [];
    }
  }

  look(): Look {
    const servers = new Map<Server, State>();
    for (const [name, { redis }] of this.#hosts) {
      if (redis?.isAlive !== true) servers.set(name, 'absent');
      else if (redis.isPaused || redis.isBusy) servers.set(name, 'frozen');
      else {
        servers.set(name, {
          info: redis.info(),
          data: redis.isLoading ? null : [...redis.data],
          syncs: { ...redis.feeding.syncs },
          goodReplicas: redis.minReplicas > 0 ? redis.feeding.goodReplicas : null,
        });
      }
    }
    const clients = new Map<string, 'open' | 'closed'>();
    for (const [name, { client }] of this.#connections) {
      if (!name.startsWith('admin')) clients.set(name, client.isOpen ? 'open' : 'closed');
    }
    return { servers, clients, nameOf: (ip) => this.#nameOf(ip) };
  }

  #nameOf(ip: string): Server | null {
    return SERVERS.find((name) => this.#host(name).machine.ip === ip) ?? null;
  }

  #host(server: Server): Host {
    const host = this.#hosts.get(server);
    if (host === undefined) throw new RangeError(`there is no server ${server}`);
    return host;
  }

  #redis(server: Server): RedisModel | null {
    return this.#host(server).redis;
  }

  #address(server: Server, to: Master): string {
    if (to === 'limbo') return LIMBO_HOST;
    return this.#host(to === 'itself' ? server : to).machine.ip;
  }

  #replicaOf(server: Server, to: Master | 'no one'): RedisCommand {
    if (to === 'no one') return { name: 'REPLICAOF', host: null, port: 0 };
    return { name: 'REPLICAOF', host: this.#address(server, to), port: to === 'limbo' ? LIMBO_PORT : PORT };
  }

  #start(server: Server, follows: Master, data: DataKept, config: ServerConfig): void {
    const host = this.#host(server);
    if (host.redis?.isAlive === true) return;
    if (data === 'none') host.saved = null;
    const snapshot = data === 'none' ? null : data === 'rdb' ? host.saved : host.log;
    const loadMs = snapshot === null ? 0 : config.isSlowToLoad === true ? SLOW_LOAD_MS : 5;
    host.redis = new RedisModel(
      this.#network,
      this.#random,
      host.machine,
      settingsOf(config, this.#habits),
      {
        masterHost: this.#address(server, follows),
        masterPort: follows === 'limbo' ? LIMBO_PORT : PORT,
        minReplicas: config.minReplicas ?? 0,
        priority: 100,
        snapshot,
        loadMs,
      },
      {
        roleChanged: () => undefined,
        fullSyncStarted: () => undefined,
        snapshotStored: (_, stored) => {
          host.saved = stored;
        },
      },
    );
    if (loadMs < SLOW_LOAD_MS) this.pass(loadMs + TICK_MS);
  }

  #kill(server: Server): void {
    const host = this.#host(server);
    if (host.redis?.isAlive !== true) return;
    host.log = { ...host.redis.snapshot(), replid: null };
    host.redis.kill();
    this.pass(TICK_MS * 10);
  }

  #save(server: Server): Answer {
    const host = this.#host(server);
    if (host.redis?.isAlive !== true) return 'refused';
    if (host.redis.isLoading) return 'LOADING';
    host.saved = host.redis.snapshot();
    return 'OK';
  }

  #write({ server, client, count, size }: Extract<Step, { do: 'write' }>): Answer[] {
    const answers: Answer[] = [];
    for (let done = 0; done < count; done += 1) {
      const value = this.#values++;
      const answer = this.#ask(`${client}@${server}`, server, HELD_AFTER_MS, { name: 'SET', value });
      // A large write is a value and so many bytes more, which nobody counts as data.
      if (size === 'large' && answer === 'OK') this.#redis(server)?.append(LARGE_BYTES, null);
      answers.push(answer);
    }
    return answers;
  }

  #order(server: Server, command: RedisCommand): Answer {
    return this.#ask(`admin@${server}`, server, HELD_AFTER_MS, command);
  }

  #ask(name: string, server: Server, patienceMs: number, command: RedisCommand): Answer {
    const connection = this.#connect(name, server);
    if (connection === null) return 'refused';
    connection.pending = 'open';
    connection.client.call(command, (result) => {
      connection.pending = result;
    });
    return this.#await(connection, patienceMs);
  }

  #await(connection: Connection | undefined, patienceMs: number): Answer {
    const untilMs = this.#scheduler.nowMs + patienceMs;
    while (connection?.pending === 'open' && this.#scheduler.nowMs < untilMs) this.pass(TICK_MS);
    const result = connection?.pending ?? null;
    return result === null ? 'nothing asked' : result === 'open' ? 'held' : answerOf(result);
  }

  #connect(name: string, server: Server): Connection | null {
    const known = this.#connections.get(name);
    if (known?.client.isOpen === true) return known;
    const attempt: { client: RedisClient | null; isDone: boolean } = { client: null, isDone: false };
    const timeouts = { connectMs: HELD_AFTER_MS, commandMs: NEVER_MS };
    const { ip } = this.#host(server).machine;
    RedisClient.connect(this.#network, this.#tester, this.#testerMachine, ip, timeouts, (client) => {
      attempt.client = client;
      attempt.isDone = true;
    });
    while (!attempt.isDone) this.pass(TICK_MS);
    if (attempt.client === null) return null;
    const connection: Connection = { client: attempt.client, pending: null };
    this.#connections.set(name, connection);
    return connection;
  }
}

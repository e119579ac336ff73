import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { LIMBO_HOST, LIMBO_PORT, parseReplicationInfo } from '@sentinel-micro/core';
import { RedisProcess, parseInfo, sleep, waitUntilTrue, withTimeout, type Tool } from '@sentinel-micro/testkit';
import { CLOSED, RawClient, RedisError, type Reply } from './raw-client.ts';
import type { Look, State, Testimony } from './view.ts';
import {
  SERVERS,
  type Answer,
  type DataKept,
  type Master,
  type Server,
  type ServerConfig,
  type Step,
} from './vocabulary.ts';

const PORT = 6379;
const LOOK_TIMEOUT_MS = 3000;
/** So soon a script is given up waiting for, and others are answered -BUSY. */
const BUSY_AFTER_MS = 50;
const SCRIPT_TIMEOUT_MS = 10_000;
/** What a large write adds, four times what a tiny backlog holds (16 KiB is the least that Redis takes). */
const LARGE_BYTES = 65_536;
const SMALLEST_BACKLOG = '16kb';
const SLOW_LOAD_MICROSECONDS = 300_000;

const KEY_PREFIX = 'value:';
const LOG_LINES = 20;
/** What a replica says each second when it cannot reach its master, and what every start says. */
const NOISE =
  /WARNING|Connecting to MASTER|sync started|Error condition on socket|monotonic|just started|Configuration|mode=/;

type Order = Extract<Step, { do: 'replicaof' | 'pause-writes' | 'unpause' | 'kill-clients' | 'min-replicas' | 'save' }>;

interface Connection {
  readonly client: RawClient;
  pending: Promise<Answer> | null;
}

interface Host {
  readonly ip: string;
  readonly dir: string;
  redis: RedisProcess | null;
  isFrozen: boolean;
}

function answerOf(reply: Reply): Answer {
  if (reply instanceof RedisError) return reply.code;
  if (reply === CLOSED) return 'closed';
  return typeof reply === 'number' ? String(reply) : 'OK';
}

/** Of an order whose number says nothing that matters. */
function answerToOrder(reply: Reply): Answer {
  return typeof reply === 'number' ? 'OK' : answerOf(reply);
}

function configLines(config: ServerConfig): string[] {
  return [
    `busy-reply-threshold ${BUSY_AFTER_MS}`,
    `repl-ping-replica-period ${config.pingSeconds ?? 3600}`,
    `repl-timeout ${config.replTimeoutSeconds ?? 60}`,
    `min-replicas-to-write ${config.minReplicas ?? 0}`,
    `min-replicas-max-lag ${config.maxLagSeconds ?? 10}`,
    `repl-backlog-size ${config.backlog === 'tiny' ? SMALLEST_BACKLOG : '1mb'}`,
    'rdbcompression no',
    `repl-diskless-sync-delay ${config.syncDelaySeconds ?? 0}`,
    ...(config.isSlowToSend === true ? [`rdb-key-save-delay ${SLOW_LOAD_MICROSECONDS}`] : []),
    ...(config.hasAof === true ? ['appendonly yes', 'appendfsync always'] : []),
    ...(config.isSlowToLoad === true
      ? [`key-load-delay ${SLOW_LOAD_MICROSECONDS}`, 'loading-process-events-interval-bytes 1024']
      : []),
  ];
}

/**
 * As the end of a container: with the child that writes or sends a snapshot. Redis 8 lets that one talk to the replica directly,
 * and left alone it would finish what it has begun.
 */
async function endWithChildren(redis: RedisProcess | null): Promise<void> {
  if (redis?.isAlive() !== true || redis.pid === undefined) return;
  // Each is started as the leader of a process group of its own.
  process.kill(-redis.pid, 'SIGKILL');
  await redis.process.exited;
}

/** Plays stories on real redis-server processes, each on an address of its own. */
export class RealStage {
  readonly #tool: Tool;
  readonly #hosts = new Map<Server, Host>();
  readonly #connections = new Map<string, Connection>();
  #values = 0;

  constructor(tool: Tool, dir: string, ips: readonly string[]) {
    this.#tool = tool;
    for (const [index, name] of SERVERS.entries()) {
      this.#hosts.set(name, { ip: ips[index] ?? '', dir: join(dir, name), redis: null, isFrozen: false });
    }
  }

  async stop(): Promise<void> {
    for (const { client } of this.#connections.values()) client.close();
    await Promise.all([...this.#hosts.values()].map(({ redis }) => endWithChildren(redis)));
  }

  /** The ends of the servers' logs, for a failed test. */
  logs(): string[] {
    return [...this.#hosts].flatMap(([name, { redis }]) =>
      redis === null
        ? []
        : [
            `-- ${name}`,
            ...redis
              .logTail(200)
              .filter((line) => !NOISE.test(line))
              .slice(-LOG_LINES),
          ],
    );
  }

  /** @param patienceMs how long an answer may take until it counts as held */
  async perform(step: Step, patienceMs: number): Promise<Answer[]> {
    switch (step.do) {
      case 'start':
        await this.#start(step.server, step.follows, step.data, step.config);
        return [];
      case 'kill':
        await endWithChildren(this.#host(step.server).redis);
        this.#host(step.server).isFrozen = false;
        return [];
      case 'freeze':
        this.#host(step.server).redis?.pause();
        this.#host(step.server).isFrozen = true;
        return [];
      case 'thaw':
        this.#host(step.server).redis?.resume();
        this.#host(step.server).isFrozen = false;
        return [];
      case 'script':
        await this.#runScript(step.server);
        return [];
      case 'script-ends':
        await this.#endScript(step.server, patienceMs);
        return [];
      case 'write':
        return this.#write(step, patienceMs);
      case 'wait': {
        const name = `${step.client}@${step.server}`;
        const args = ['WAIT', step.replicas, step.timeoutMs];
        return [await this.#ask(name, step.server, step.timeoutMs + patienceMs, args)];
      }
      case 'answer':
        return [await this.#await(this.#connections.get(`${step.client}@${step.server}`), patienceMs)];
      case 'pass':
        await sleep(step.ms);
        return [];
      case 'replicaof':
      case 'pause-writes':
      case 'unpause':
      case 'kill-clients':
      case 'min-replicas':
      case 'save':
        return [await this.#ask(`admin@${step.server}`, step.server, patienceMs, this.#orderOf(step), answerToOrder)];
    }
  }

  async look(): Promise<Look> {
    const servers = new Map<Server, State>();
    for (const [name, host] of this.#hosts) {
      if (host.redis?.isAlive() !== true) servers.set(name, 'absent');
      else if (host.isFrozen) servers.set(name, 'frozen');
      else servers.set(name, await withTimeout(this.#question(name), LOOK_TIMEOUT_MS, `${name} to show what it has`));
    }
    const clients = new Map<string, 'open' | 'closed'>();
    for (const [name, { client }] of this.#connections) {
      if (!name.startsWith('admin')) clients.set(name, client.isOpen ? 'open' : 'closed');
    }
    return { servers, clients, nameOf: (ip) => SERVERS.find((name) => this.#host(name).ip === ip) ?? null };
  }

  #host(server: Server): Host {
    const host = this.#hosts.get(server);
    if (host === undefined) throw new RangeError(`there is no server ${server}`);
    return host;
  }

  #address(server: Server, to: Master): readonly [string, number] {
    return to === 'limbo' ? [LIMBO_HOST, LIMBO_PORT] : [this.#host(to === 'itself' ? server : to).ip, PORT];
  }

  #orderOf(step: Order): (string | number)[] {
    switch (step.do) {
      case 'replicaof':
        return ['REPLICAOF', ...(step.to === 'no one' ? ['NO', 'ONE'] : this.#address(step.server, step.to))];
      case 'pause-writes':
        return ['CLIENT', 'PAUSE', step.ms, 'WRITE'];
      case 'unpause':
        return ['CLIENT', 'UNPAUSE'];
      case 'kill-clients':
        return ['CLIENT', 'KILL', 'TYPE', 'normal'];
      case 'min-replicas':
        return ['CONFIG', 'SET', 'min-replicas-to-write', step.count];
      case 'save':
        return ['SAVE'];
    }
  }

  async #start(server: Server, follows: Master, data: DataKept, config: ServerConfig): Promise<void> {
    const host = this.#host(server);
    if (host.redis?.isAlive() === true) return;
    if (data === 'none') rmSync(host.dir, { recursive: true, force: true });
    const [ip, port] = this.#address(server, follows);
    host.redis = await RedisProcess.start({
      tool: this.#tool,
      host: host.ip,
      port: PORT,
      dir: host.dir,
      config: [...configLines(config), `replicaof ${ip} ${port}`],
    });
    host.isFrozen = false;
  }

  async #write({ server, client, count, size }: Extract<Step, { do: 'write' }>, patienceMs: number): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (let done = 0; done < count; done += 1) {
      const padding = 'x'.repeat(size === 'large' ? LARGE_BYTES : 1);
      const args = ['SET', `${KEY_PREFIX}${this.#values++}`, padding];
      answers.push(await this.#ask(`${client}@${server}`, server, patienceMs, args));
    }
    return answers;
  }

  /** @returns when it is known to run, which is when everybody else is turned away */
  async #runScript(server: Server): Promise<void> {
    const admin = `admin@${server}`;
    this.#host(server).isFrozen = true;
    // Taken also by a replica, and while writes are paused.
    await this.#ask(`admin-script@${server}`, server, 0, ['EVAL_RO', 'while true do end', 0]);
    const what = `the script of ${server} to run`;
    await waitUntilTrue(() => this.#isBusy(admin, server), { what, timeoutMs: SCRIPT_TIMEOUT_MS });
  }

  /** @returns when it has ended: one that is killed is answered for before it looks whether it was. */
  async #endScript(server: Server, patienceMs: number): Promise<void> {
    const admin = `admin@${server}`;
    await this.#ask(admin, server, patienceMs, ['SCRIPT', 'KILL']);
    const what = `the script of ${server} to end`;
    await waitUntilTrue(async () => !(await this.#isBusy(admin, server)), { what, timeoutMs: SCRIPT_TIMEOUT_MS });
    this.#host(server).isFrozen = false;
  }

  async #isBusy(admin: string, server: Server): Promise<boolean> {
    return (await this.#ask(admin, server, LOOK_TIMEOUT_MS, ['PING'])) === 'BUSY';
  }

  async #ask(
    name: string,
    server: Server,
    patienceMs: number,
    args: readonly (string | number)[],
    read: (reply: Reply) => Answer = answerOf,
  ): Promise<Answer> {
    const connection = await this.#connect(name, server);
    if (connection === null) return 'refused';
    connection.pending = connection.client.call(...args).then(read);
    return this.#await(connection, patienceMs);
  }

  async #await(connection: Connection | undefined, patienceMs: number): Promise<Answer> {
    const pending = connection?.pending ?? null;
    if (pending === null) return 'nothing asked';
    let timer: NodeJS.Timeout | undefined;
    const held = new Promise<Answer>((resolve) => {
      timer = setTimeout(() => resolve('held'), patienceMs);
    });
    const answer = await Promise.race([pending, held]);
    clearTimeout(timer);
    return answer;
  }

  async #connect(name: string, server: Server): Promise<Connection | null> {
    const known = this.#connections.get(name);
    if (known?.client.isOpen === true) return known;
    const client = await RawClient.connect(this.#host(server).ip, PORT);
    if (client === null) return null;
    const connection: Connection = { client, pending: null };
    this.#connections.set(name, connection);
    return connection;
  }

  async #question(server: Server): Promise<Testimony> {
    const connection = await this.#connect(`admin@${server}`, server);
    if (connection === null) throw new Error(`${server} does not accept`);
    const [text, keys] = await Promise.all([
      connection.client.call('INFO'),
      connection.client.call('KEYS', `${KEY_PREFIX}*`),
    ]);
    const info = typeof text === 'string' ? parseReplicationInfo(text) : null;
    if (info === null || typeof text !== 'string') throw new Error(`${server} gives no INFO`);
    const fields = parseInfo(text);
    const good = fields.get('min_slaves_good_slaves');
    return {
      info,
      data: Array.isArray(keys) ? keys.map((key) => Number(String(key).slice(KEY_PREFIX.length))) : null,
      syncs: {
        full: Number(fields.get('sync_full')),
        partial: Number(fields.get('sync_partial_ok')),
        refused: Number(fields.get('sync_partial_err')),
      },
      goodReplicas: good === undefined ? null : Number(good),
    };
  }
}

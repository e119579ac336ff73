import { asOffset, asReplicationId, asRunId, LIMBO_HOST, LIMBO_PORT, type ReplicationInfo } from '@sentinel-micro/core';
import type { Machine, Network, Socket } from './network.ts';
import { Process } from './process.ts';
import type { Random } from './random.ts';
import type { Backlog } from './redis-backlog.ts';
import { FeedingSide } from './redis-feeding.ts';
import { FollowingSide } from './redis-following.ts';
import { OK, type RedisCommand, type RedisMessage, type RedisReply, type Snapshot } from './redis-protocol.ts';
import type { RedisSettings, RedisState } from './redis-state.ts';

export interface RedisBoot {
  readonly masterHost: string;
  readonly masterPort: number;
  readonly minReplicas: number;
  readonly priority: number;
  readonly snapshot: Snapshot | null;
  readonly loadMs: number;
}

/** What the rest of the world wants to know about a Redis. */
export interface RedisObserver {
  roleChanged(redis: RedisModel, text: string): void;
  fullSyncStarted(from: RedisModel, to: Socket): void;
  /** What a replica was sent is on its disk now, as its RDB (repl-diskless-load disabled, the default). */
  snapshotStored?(redis: RedisModel, snapshot: Snapshot): void;
  /** A client's write has taken effect. */
  writeAccepted?(redis: RedisModel, value: number): void;
}

interface HeldWrite {
  readonly socket: Socket;
  readonly id: number;
  readonly value: number;
}

const WRITE_BYTES = 60;
const SELECT_BYTES = 23;
const CRON_MS = 1000;

/**
 * One redis-server process: replication as in Redis 7.0 (replication.c), as far as it matters for who has which data.
 * Its data is the list of written values in their order.
 */
export class RedisModel extends Process implements RedisState {
  readonly runId: string;
  readonly startedAtMs: number;
  readonly machine: Machine;
  readonly network: Network;
  readonly random: Random;
  readonly settings: RedisSettings;
  readonly observer: RedisObserver;
  readonly priority: number;
  readonly feeding: FeedingSide;
  readonly following: FollowingSide;
  masterHost: string | null;
  masterPort: number;
  replid: string;
  replid2: string | null = null;
  secondOffset = -1;
  offset = 0;
  data: number[] = [];
  backlog: Backlog | null = null;
  minReplicas: number;
  #isLoading = false;
  /** When it was last done with loading; until then it takes no orders. True time. */
  loadedAtMs = -Infinity;
  /** The next write is preceded by a SELECT of its own: in a new history, and for a new replica (slaveseldb). */
  isSelectDue = true;
  #isBusy = false;
  /** What waits for the end of the script, in its order. */
  #afterScript: (() => void)[] = [];
  pausedUntilMs = -Infinity;
  /** When it was last promoted by REPLICAOF NO ONE in the life of this process; true time. */
  wasPromotedAtMs = -Infinity;
  /** Then it was not a sidecar that ordered it: somebody typed it. */
  wasPromotedByHand = false;
  isTamperedWith = false;
  readonly #lastWriteOf = new WeakMap<Socket, number>();
  readonly #accepted = new Set<Socket>();
  #held: HeldWrite[] = [];
  #unsent: (() => void)[] | null = null;

  constructor(
    network: Network,
    random: Random,
    machine: Machine,
    settings: RedisSettings,
    boot: RedisBoot,
    observer: RedisObserver,
  ) {
    super(network.scheduler);
    this.runId = random.id();
    this.startedAtMs = network.scheduler.nowMs;
    this.replid = random.id();
    this.machine = machine;
    this.network = network;
    this.random = random;
    this.settings = settings;
    this.observer = observer;
    this.priority = boot.priority;
    this.minReplicas = boot.minReplicas;
    this.masterHost = boot.masterHost;
    this.masterPort = boot.masterPort;
    this.feeding = new FeedingSide(this);
    this.following = new FollowingSide(this);
    machine.services.set('redis', this);
    this.after(random.between(0, CRON_MS), () => this.#cron());
    this.#load(boot);
  }

  get isLoading(): boolean {
    return this.#isLoading;
  }

  set isLoading(isLoading: boolean) {
    if (this.#isLoading && !isLoading) this.loadedAtMs = this.scheduler.nowMs;
    this.#isLoading = isLoading;
  }

  /** A script runs for too long: commands are answered -BUSY, acknowledgements of replicas are taken in, and all else waits for its end. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  startScript(): void {
    this.#isBusy = true;
  }

  /** A process that is stopped goes on with its script first. */
  endScript(): void {
    this.deliver('io', () => {
      if (!this.#isBusy) return;
      this.#isBusy = false;
      this.runsSinceMs = this.scheduler.nowMs;
      const due = this.#afterScript;
      this.#afterScript = [];
      for (const run of due) run();
      this.feeding.settleWaiters();
    });
  }

  afterScript(run: () => void): void {
    if (this.#isBusy) this.#afterScript.push(run);
    else run();
  }

  get isMaster(): boolean {
    return this.masterHost === null;
  }

  get isInLimbo(): boolean {
    return this.masterHost === LIMBO_HOST && this.masterPort === LIMBO_PORT;
  }

  /** The wall clock: Redis reads it for lags, time-outs of replication and CLIENT PAUSE (mstime(), server.unixtime). */
  get nowMs(): number {
    return this.scheduler.nowMs + this.machine.wallOffsetMs;
  }

  /** Redis's cached clock has a resolution of one second. */
  get unixSeconds(): number {
    return Math.floor(this.nowMs / 1000);
  }

  /** Would a client that writes now be answered OK? */
  get acceptsWrites(): boolean {
    return this.isAlive && !this.isPaused && this.whyNotWritable() === null && this.nowMs >= this.pausedUntilMs;
  }

  whyNotWritable(): string | null {
    // In the order in which processCommand() looks.
    if (!this.isMaster) return 'READONLY';
    if (this.minReplicas > 0 && this.feeding.goodReplicas < this.minReplicas) return 'NOREPLICAS';
    if (this.isLoading) return 'LOADING';
    if (this.isBusy) return 'BUSY';
    return null;
  }

  snapshot(): Snapshot {
    const hasPlace = this.isMaster ? this.backlog !== null : this.following.hasPlace;
    return { data: [...this.data], replid: hasPlace ? this.replid : null, offset: this.offset };
  }

  tellFullSync(to: Socket): void {
    this.observer.fullSyncStarted(this, to);
  }

  store(snapshot: Snapshot): void {
    this.observer.snapshotStored?.(this, snapshot);
  }

  override accept(socket: Socket): void {
    this.#accepted.add(socket);
    socket.onMessage = (message) => this.#take(socket, message as RedisMessage);
    socket.onClose = () => {
      this.#accepted.delete(socket);
      this.feeding.remove(socket);
    };
  }

  /** What has piled up is read in one go; answers are sent after all of it has taken effect (beforeSleep). */
  override resume(first: 'io' | 'timer'): void {
    const answers: (() => void)[] = [];
    this.#unsent = answers;
    super.resume(first);
    this.#unsent = null;
    for (const send of answers) send();
  }

  #reply(socket: Socket, id: number, reply: RedisReply): void {
    this.#inTurn(() => socket.send({ kind: 'reply', id, reply } satisfies RedisMessage));
  }

  /** Behind the answers that are still to be sent. */
  #inTurn(send: () => void): void {
    if (this.#unsent === null) send();
    else this.#unsent.push(send);
  }

  /** Takes in one piece of the replication stream, as a master or from one. */
  append(bytes: number, value: number | null, asksForAck = false): void {
    // Without a backlog nothing is counted: there is no replica that could need it.
    if (this.backlog === null) {
      if (value !== null) this.data.push(value);
      if (this.settings.countsAlone === true) this.offset += 1;
      return;
    }
    if (value !== null && this.isSelectDue) {
      this.isSelectDue = false;
      this.feeding.feed({
        firstByte: this.offset + 1,
        lastByte: this.offset + SELECT_BYTES,
        value: null,
        asksForAck: false,
      });
    }
    this.feeding.feed({ firstByte: this.offset + 1, lastByte: this.offset + bytes, value, asksForAck });
  }

  #load(boot: RedisBoot): void {
    const ready = (): void => {
      this.isLoading = false;
      const { snapshot } = boot;
      if (snapshot !== null) {
        this.data = [...snapshot.data];
        if (snapshot.replid !== null) {
          this.replid = snapshot.replid;
          this.offset = snapshot.offset;
          this.following.cacheMaster();
        }
      }
      this.following.start();
    };
    if (boot.loadMs <= 0) {
      ready();
      return;
    }
    this.isLoading = true;
    this.after(boot.loadMs, ready);
  }

  #cron(): void {
    this.after(CRON_MS, () => this.#cron());
    // While a script runs Redis answers others that it is busy, and does nothing else: timers wait for its end.
    if (this.isBusy) return;
    this.following.cron();
    this.feeding.cron();
  }

  #take(socket: Socket, message: RedisMessage): void {
    switch (message.kind) {
      case 'command':
        this.#execute(socket, message.id, message.command);
        return;
      case 'ping':
        socket.send({ kind: 'pong', isRefused: this.isLoading || this.isBusy } satisfies RedisMessage);
        return;
      case 'psync':
        // Where the password is wrong, AUTH fails and the replica tries again each second, as it does after -NOMASTERLINK.
        if (this.#isStranger(socket)) socket.send({ kind: 'no-master-link' } satisfies RedisMessage);
        else this.feeding.serve(socket, message);
        return;
      case 'ack':
        this.feeding.takeAck(socket, message.offset);
        return;
      case 'newline':
        this.feeding.takeNewline(socket);
        return;
      case 'reply':
      case 'pong':
      case 'no-master-link':
      case 'continue':
      case 'full-resync':
      case 'rdb':
      case 'stream':
        return;
    }
  }

  #execute(socket: Socket, id: number, command: RedisCommand): void {
    const reply = (answer: RedisReply): void => this.#reply(socket, id, answer);
    if (this.isBusy || this.#isStranger(socket)) {
      reply({ ok: false, code: this.isBusy ? 'BUSY' : 'NOAUTH' });
      return;
    }
    switch (command.name) {
      case 'INFO':
        reply({ ok: true, info: this.info(), number: null });
        return;
      case 'REPLICAOF':
        if (this.isLoading) reply({ ok: false, code: 'LOADING' });
        else {
          this.#replicaOf(command.host, command.port, false);
          reply(OK);
        }
        return;
      case 'CONFIG GET min-replicas-to-write':
        reply({ ok: true, info: null, number: this.minReplicas });
        return;
      case 'CONFIG SET min-replicas-to-write':
        this.minReplicas = command.count;
        this.feeding.countGood();
        reply(OK);
        return;
      case 'CLIENT PAUSE':
        this.pausedUntilMs = Math.max(this.pausedUntilMs, this.nowMs + command.budgetMs);
        this.after(command.budgetMs, () => this.afterScript(() => this.#letThrough()));
        reply(OK);
        return;
      case 'CLIENT UNPAUSE':
        this.pausedUntilMs = -Infinity;
        this.#letThrough();
        reply(OK);
        return;
      case 'CLIENT KILL TYPE normal':
        for (const other of [...this.#accepted]) if (other !== socket && this.#isClient(other)) this.#cut(other);
        reply(OK);
        return;
      case 'SET':
        if (this.nowMs < this.pausedUntilMs && this.whyNotWritable() === null) {
          this.#held.push({ socket, id, value: command.value });
        } else reply(this.#write(socket, command.value));
        return;
      case 'WAIT':
        this.#wait(socket, command.count, command.timeoutMs, reply);
        return;
    }
  }

  #isStranger(socket: Socket): boolean {
    return this.settings.hasPassword && socket.remoteMachine?.realm !== this.machine.realm;
  }

  #isClient(socket: Socket): boolean {
    return !this.feeding.owns(socket);
  }

  #cut(socket: Socket): void {
    this.#held = this.#held.filter((write) => write.socket !== socket);
    this.#accepted.delete(socket);
    socket.close();
  }

  #write(socket: Socket, value: number): RedisReply {
    const why = this.whyNotWritable();
    if (why !== null) return { ok: false, code: why };
    this.append(WRITE_BYTES, value);
    this.#lastWriteOf.set(socket, this.offset);
    this.observer.writeAccepted?.(this, value);
    return OK;
  }

  #wait(socket: Socket, count: number, timeoutMs: number, reply: (answer: RedisReply) => void): void {
    if (!this.isMaster) reply({ ok: false, code: 'ERR' });
    else {
      this.feeding.wait(this.#lastWriteOf.get(socket) ?? 0, count, timeoutMs, (answer) => {
        reply(answer);
        // Whoever waits on a master that is demoted is told so, and cut (disconnectAllBlockedClients()).
        if (!answer.ok) this.#inTurn(() => this.#cut(socket));
      });
    }
  }

  #letThrough(): void {
    if (this.nowMs < this.pausedUntilMs) return;
    this.following.letThrough();
    const held = this.#held;
    this.#held = [];
    for (const { socket, id, value } of held) {
      this.#reply(socket, id, this.#write(socket, value));
    }
    this.feeding.askForAcks();
  }

  /** Somebody types REPLICAOF into redis-cli, while it takes commands. */
  replicaOfByHand(host: string | null): void {
    this.#replicaOf(host, 6379, true);
    this.isTamperedWith = true;
  }

  #replicaOf(host: string | null, port: number, isByHand: boolean): void {
    if (host === null) {
      if (this.isMaster) return;
      this.masterHost = null;
      this.following.stop();
      // shiftReplicationId(): a new history that shares everything up to here with the old one.
      this.replid2 = this.replid;
      this.secondOffset = this.offset + 1;
      this.replid = this.random.id();
      this.isSelectDue = true;
      this.wasPromotedAtMs = this.scheduler.nowMs;
      this.wasPromotedByHand = isByHand;
      this.feeding.disconnectAll();
      this.observer.roleChanged(this, `is a master now, offset ${this.offset}, ${this.data.length} writes`);
      return;
    }
    if (this.masterHost === host && this.masterPort === port) return;
    const wasMaster = this.isMaster;
    this.feeding.unblockAll();
    this.following.stop();
    this.masterHost = host;
    this.masterPort = port;
    if (wasMaster) this.following.cacheMaster();
    this.observer.roleChanged(this, this.isInLimbo ? `is in limbo now, offset ${this.offset}` : `follows ${host} now`);
    this.following.start();
  }

  info(): ReplicationInfo {
    const isReplica = !this.isMaster;
    return {
      runId: asRunId(this.runId),
      role: isReplica ? 'replica' : 'master',
      masterHost: this.masterHost,
      masterPort: isReplica ? this.masterPort : null,
      ...this.following.info(),
      priority: isReplica ? this.priority : null,
      replid: asReplicationId(this.replid),
      replid2: this.replid2 === null ? null : asReplicationId(this.replid2),
      secondReplOffset: this.secondOffset < 0 ? null : asOffset(this.secondOffset),
      // A replica without any master in its memory says 1 (genRedisInfoString).
      offset: asOffset(isReplica && !this.following.hasPlace ? 1 : this.offset),
      replicas: this.feeding.info(),
      loading: this.isLoading,
      keys: this.isLoading ? 0 : this.data.length,
    };
  }
}

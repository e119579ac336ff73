import { asOffset, type ConnectedReplica } from '@sentinel-micro/core';
import type { Socket } from './network.ts';
import { Backlog } from './redis-backlog.ts';
import type { RedisState } from './redis-state.ts';
import { OK, type RedisMessage, type RedisReply, type StreamEntry } from './redis-protocol.ts';
import type { Timer } from './scheduler.ts';

interface Replica {
  readonly socket: Socket;
  readonly ip: string;
  readonly askedAtMs: number;
  /**
   * A full sync waits for others to join it (`waiting`), then data is sent (`sending`). `online` means that everything was
   * sent, not that it was loaded: the stream goes on (`isStreaming`) with the first acknowledgement.
   */
  phase: 'waiting' | 'sending' | 'online';
  isStreaming: boolean;
  ackOffset: number;
  ackAtMs: number;
  /** What has happened since the snapshot that is being sent. */
  buffered: StreamEntry[];
}

interface Waiter {
  readonly offset: number;
  readonly count: number;
  readonly reply: (answer: RedisReply) => void;
  readonly timer: Timer;
}

const PING_EVERY_CRONS = 10;
const PING_BYTES = 14;
const GETACK_BYTES = 37;

/** The master's half of replication, which a replica has too: other replicas may be chained behind it. */
export class FeedingSide {
  goodReplicas = 0;
  /** What became of each PSYNC that was not sent away; as in INFO (sync_full, sync_partial_ok, sync_partial_err). */
  readonly syncs = { full: 0, partial: 0, refused: 0 };
  readonly #redis: RedisState;
  readonly #replicas = new Map<Socket, Replica>();
  #waiters: Waiter[] = [];
  #crons = 0;

  constructor(redis: RedisState) {
    this.#redis = redis;
  }

  owns(socket: Socket): boolean {
    return this.#replicas.has(socket);
  }

  /** Takes one piece of the stream over into the own history, and passes it on. */
  feed(entry: StreamEntry): void {
    const redis = this.#redis;
    redis.offset = entry.lastByte;
    redis.backlog?.add(entry);
    if (entry.value !== null) redis.data.push(entry.value);
    for (const replica of this.#replicas.values()) {
      if (replica.isStreaming) replica.socket.send({ kind: 'stream', entry } satisfies RedisMessage);
      else if (replica.phase !== 'waiting') replica.buffered.push(entry);
    }
  }

  /** PSYNC: what a replica gets. */
  serve(socket: Socket, request: Extract<RedisMessage, { kind: 'psync' }>): void {
    const redis = this.#redis;
    if (redis.isLoading || redis.isBusy || (!redis.isMaster && !redis.following.isUp)) {
      socket.send({ kind: 'no-master-link' } satisfies RedisMessage);
      return;
    }
    const { replid, nextByte } = request;
    const isKnown =
      replid !== null && (replid === redis.replid || (replid === redis.replid2 && nextByte <= redis.secondOffset));
    const missing = isKnown ? (redis.backlog?.from(nextByte, redis.offset) ?? null) : null;
    if (missing !== null) {
      this.syncs.partial += 1;
      socket.send({ kind: 'continue', replid: redis.replid } satisfies RedisMessage);
      for (const entry of missing) socket.send({ kind: 'stream', entry } satisfies RedisMessage);
      this.#add(socket, request.ip, 'online');
      this.countGood();
      return;
    }
    if (replid !== null) this.syncs.refused += 1;
    this.syncs.full += 1;
    this.#planFullSync(this.#add(socket, request.ip, 'waiting'));
  }

  #add(socket: Socket, ip: string, phase: 'waiting' | 'online'): Replica {
    const { nowMs } = this.#redis;
    const isStreaming = phase === 'online';
    const replica = { socket, ip, askedAtMs: nowMs, phase, isStreaming, ackOffset: 0, ackAtMs: nowMs, buffered: [] };
    this.#replicas.set(socket, replica);
    return replica;
  }

  #planFullSync(replica: Replica): void {
    const redis = this.#redis;
    if (redis.backlog === null) {
      // There is no history that anybody could share, so it gets a name of its own.
      redis.replid = redis.random.id();
      redis.replid2 = null;
      redis.secondOffset = -1;
      redis.backlog = new Backlog(redis.offset + 1, redis.settings.backlogBytes);
    }
    if ((redis.settings.syncDelayMs ?? 0) === 0) this.#startFullSync(replica);
  }

  #startFullSync(replica: Replica): void {
    const redis = this.#redis;
    const { socket } = replica;
    replica.phase = 'sending';
    replica.isStreaming = redis.settings.hasRdbChannel === true;
    redis.isSelectDue = true;
    redis.tellFullSync(socket);
    socket.send({ kind: 'full-resync' } satisfies RedisMessage);
    const snapshot = { data: [...redis.data], replid: redis.replid, offset: redis.offset };
    redis.after(redis.random.between(redis.settings.leastSyncMs, redis.settings.mostSyncMs), () => {
      if (this.#replicas.get(socket) !== replica) return;
      socket.send({ kind: 'rdb', snapshot } satisfies RedisMessage);
      replica.phase = 'online';
      replica.ackAtMs = redis.nowMs;
      this.countGood();
    });
  }

  takeAck(socket: Socket, offset: number): void {
    const replica = this.#replicas.get(socket);
    if (replica === undefined) return;
    replica.ackOffset = Math.max(replica.ackOffset, offset);
    replica.ackAtMs = this.#redis.nowMs;
    if (replica.phase === 'online' && !replica.isStreaming) {
      replica.isStreaming = true;
      for (const entry of replica.buffered) socket.send({ kind: 'stream', entry } satisfies RedisMessage);
      replica.buffered = [];
    }
    if (!this.#redis.isBusy) this.settleWaiters();
  }

  /** A replica that loads sends an empty line each second: it has acknowledged nothing new, but it is there. */
  takeNewline(socket: Socket): void {
    const replica = this.#replicas.get(socket);
    if (replica !== undefined) replica.ackAtMs = this.#redis.nowMs;
  }

  remove(socket: Socket): void {
    if (this.#replicas.delete(socket)) this.countGood();
  }

  disconnectAll(): void {
    for (const socket of this.#replicas.keys()) socket.close();
    this.#replicas.clear();
    this.countGood();
  }

  countGood(): void {
    const { settings } = this.#redis;
    let count = 0;
    for (const replica of this.#replicas.values()) {
      if (replica.phase === 'online' && this.#lagOf(replica) <= settings.maxLagSeconds) count += 1;
    }
    this.goodReplicas = count;
  }

  cron(): void {
    const redis = this.#redis;
    const everyCrons = redis.settings.pingEveryCrons ?? PING_EVERY_CRONS;
    if (redis.isMaster && this.#replicas.size > 0 && this.#crons % everyCrons === 0) redis.append(PING_BYTES, null);
    this.#crons += 1;
    this.#cronOfWaiting();
    for (const replica of [...this.#replicas.values()]) {
      if (replica.phase !== 'online' || redis.nowMs - replica.ackAtMs <= redis.settings.replTimeoutMs) continue;
      replica.socket.close();
      this.#replicas.delete(replica.socket);
    }
    this.countGood();
  }

  /** All that wait begin together, when the first of them has waited long enough. */
  #cronOfWaiting(): void {
    const redis = this.#redis;
    const replicas = [...this.#replicas.values()];
    // Those that are given nothing yet are told that somebody is there.
    for (const { phase, socket } of replicas) {
      if (phase !== 'online') socket.send({ kind: 'newline' } satisfies RedisMessage);
    }
    const waiting = replicas.filter(({ phase }) => phase === 'waiting');
    const longestMs = Math.max(...waiting.map(({ askedAtMs }) => redis.unixSeconds * 1000 - askedAtMs));
    if (longestMs < (redis.settings.syncDelayMs ?? 0)) return;
    for (const replica of waiting) this.#startFullSync(replica);
  }

  wait(offset: number, count: number, timeoutMs: number, reply: (answer: RedisReply) => void): void {
    const reached = this.#acknowledging(offset);
    if (reached >= count) {
      reply({ ...OK, number: reached });
      return;
    }
    // A time-out of 0 is none.
    const giveUp = (): void => {
      if (!this.#waiters.includes(waiter)) return;
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      reply({ ...OK, number: this.#acknowledging(offset) });
    };
    const timer = this.#redis.after(timeoutMs === 0 ? Infinity : timeoutMs, () => this.#redis.afterScript(giveUp));
    const waiter = { offset, count, reply, timer };
    this.#waiters.push(waiter);
    this.askForAcks();
  }

  /** As in beforeSleep of Redis: not while writes are paused, for a request for an acknowledgement is a part of the stream. */
  askForAcks(): void {
    if (this.#waiters.length > 0 && this.#redis.nowMs >= this.#redis.pausedUntilMs)
      this.#redis.append(GETACK_BYTES, null, true);
  }

  /** Blocked clients of a master that becomes a replica are sent away. */
  unblockAll(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reply, timer } of waiters) {
      timer.isCancelled = true;
      reply({ ok: false, code: 'UNBLOCKED' });
    }
  }

  info(): ConnectedReplica[] {
    return [...this.#replicas.values()].map((replica) => ({
      ip: replica.ip,
      port: 6379,
      state: replica.phase === 'online' ? 'online' : 'wait_bgsave',
      offset: asOffset(replica.ackOffset),
      lagSeconds: this.#lagOf(replica),
    }));
  }

  #lagOf(replica: Replica): number {
    return this.#redis.unixSeconds - Math.floor(replica.ackAtMs / 1000);
  }

  #acknowledging(offset: number): number {
    let count = 0;
    for (const replica of this.#replicas.values())
      if (replica.phase === 'online' && replica.ackOffset >= offset) count += 1;
    return count;
  }

  /** Answers those who wait for what has been acknowledged by now. */
  settleWaiters(): void {
    const open: Waiter[] = [];
    for (const waiter of this.#waiters) {
      const reached = this.#acknowledging(waiter.offset);
      if (reached < waiter.count) open.push(waiter);
      else {
        waiter.timer.isCancelled = true;
        waiter.reply({ ...OK, number: reached });
      }
    }
    this.#waiters = open;
  }
}

import { asOffset, type ConnectedReplica } from '@sentinel-micro/core';
import type { Socket } from './network.ts';
import { Backlog } from './redis-backlog.ts';
import type { RedisState } from './redis-state.ts';
import { OK, type RedisMessage, type RedisReply, type StreamEntry } from './redis-protocol.ts';
import type { Timer } from './scheduler.ts';

interface Replica {
  readonly socket: Socket;
  readonly ip: string;
  isOnline: boolean;
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

const PING_EVERY_MS = 10_000;
const PING_BYTES = 14;
const GETACK_BYTES = 37;

/** The master's half of replication, which a replica has too: other replicas may be chained behind it. */
export class FeedingSide {
  goodReplicas = 0;
  readonly #redis: RedisState;
  readonly #replicas = new Map<Socket, Replica>();
  #waiters: Waiter[] = [];
  #pingAtMs = PING_EVERY_MS;

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
      if (replica.isOnline) replica.socket.send({ kind: 'stream', entry } satisfies RedisMessage);
      else replica.buffered.push(entry);
    }
  }

  /** PSYNC: what a replica gets. */
  serve(socket: Socket, request: Extract<RedisMessage, { kind: 'psync' }>): void {
    const redis = this.#redis;
    if (redis.isLoading || (!redis.isMaster && !redis.following.isUp)) {
      socket.send({ kind: 'no-master-link' } satisfies RedisMessage);
      return;
    }
    const { replid, nextByte, ip } = request;
    const replica: Replica = { socket, ip, isOnline: false, ackOffset: 0, ackAtMs: redis.nowMs, buffered: [] };
    const isKnown =
      replid !== null && (replid === redis.replid || (replid === redis.replid2 && nextByte <= redis.secondOffset));
    const missing = isKnown ? (redis.backlog?.from(nextByte, redis.offset) ?? null) : null;
    if (missing !== null) {
      socket.send({ kind: 'continue', replid: redis.replid } satisfies RedisMessage);
      for (const entry of missing) socket.send({ kind: 'stream', entry } satisfies RedisMessage);
      this.#replicas.set(socket, { ...replica, isOnline: true });
      this.countGood();
      return;
    }
    this.#startFullSync(replica);
  }

  #startFullSync(replica: Replica): void {
    const redis = this.#redis;
    const { socket } = replica;
    if (redis.backlog === null) {
      // There is no history that anybody could share, so it gets a name of its own.
      redis.replid = redis.random.id();
      redis.replid2 = null;
      redis.secondOffset = -1;
      redis.backlog = new Backlog(redis.offset + 1, redis.settings.backlogBytes);
    }
    this.#replicas.set(socket, replica);
    redis.tellFullSync(socket);
    socket.send({ kind: 'full-resync' } satisfies RedisMessage);
    const snapshot = { data: [...redis.data], replid: redis.replid, offset: redis.offset };
    redis.after(redis.random.between(redis.settings.leastSyncMs, redis.settings.mostSyncMs), () => {
      if (this.#replicas.get(socket) !== replica) return;
      socket.send({ kind: 'rdb', snapshot } satisfies RedisMessage);
      for (const entry of replica.buffered) socket.send({ kind: 'stream', entry } satisfies RedisMessage);
      replica.buffered = [];
      replica.isOnline = true;
      replica.ackAtMs = redis.nowMs;
      this.countGood();
    });
  }

  takeAck(socket: Socket, offset: number): void {
    const replica = this.#replicas.get(socket);
    if (replica === undefined) return;
    replica.ackOffset = Math.max(replica.ackOffset, offset);
    replica.ackAtMs = this.#redis.nowMs;
    this.#settleWaiters();
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
      if (replica.isOnline && this.#lagOf(replica) <= settings.maxLagSeconds) count += 1;
    }
    this.goodReplicas = count;
  }

  cron(): void {
    const redis = this.#redis;
    if (redis.isMaster && this.#replicas.size > 0 && redis.nowMs >= this.#pingAtMs) {
      this.#pingAtMs = redis.nowMs + PING_EVERY_MS;
      redis.append(PING_BYTES, null);
    }
    for (const replica of [...this.#replicas.values()]) {
      if (!replica.isOnline || redis.nowMs - replica.ackAtMs <= redis.settings.replTimeoutMs) continue;
      replica.socket.close();
      this.#replicas.delete(replica.socket);
    }
    this.countGood();
  }

  wait(offset: number, count: number, timeoutMs: number, reply: (answer: RedisReply) => void): void {
    const reached = this.#acknowledging(offset);
    if (reached >= count) {
      reply({ ...OK, number: reached });
      return;
    }
    const timer = this.#redis.after(timeoutMs, () => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      reply({ ...OK, number: this.#acknowledging(offset) });
    });
    const waiter = { offset, count, reply, timer };
    this.#waiters.push(waiter);
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
      state: replica.isOnline ? 'online' : 'send_bulk',
      offset: asOffset(replica.ackOffset),
      lagSeconds: this.#lagOf(replica),
    }));
  }

  #lagOf(replica: Replica): number {
    return this.#redis.unixSeconds - Math.floor(replica.ackAtMs / 1000);
  }

  #acknowledging(offset: number): number {
    let count = 0;
    for (const replica of this.#replicas.values()) if (replica.isOnline && replica.ackOffset >= offset) count += 1;
    return count;
  }

  #settleWaiters(): void {
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

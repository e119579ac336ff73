import type { ReplicationInfo } from '@sentinel-micro/core';
import type { Socket } from './network.ts';
import { Backlog } from './redis-backlog.ts';
import type { RedisMessage, Snapshot, StreamEntry } from './redis-protocol.ts';
import type { RedisState } from './redis-state.ts';

type LinkState = 'none' | 'connect' | 'connecting' | 'handshake' | 'sync' | 'loading' | 'connected';

/** What INFO says of the link to the master. */
type LinkInfo = Pick<ReplicationInfo, 'linkUp' | 'syncInProgress' | 'lastIoSecondsAgo' | 'linkDownSinceSeconds'>;

/** The replica's half of replication: the link to the master. */
export class FollowingSide {
  readonly #redis: RedisState;
  #state: LinkState = 'none';
  #socket: Socket | null = null;
  #hasCachedMaster = false;
  #lastIoMs = 0;
  /** When a link was last lost; null when there never was one since it became a replica (repl_down_since). */
  #downSinceMs: number | null = null;
  /** Grows with each attempt, so that what belongs to an earlier one is told apart. */
  #attempt = 0;
  /** What came beside a snapshot that is not loaded yet, see `hasRdbChannel`. */
  #beforeLoaded: StreamEntry[] = [];
  /** What came under a pause: from the first write on, nothing is taken in. */
  #held: StreamEntry[] = [];

  constructor(redis: RedisState) {
    this.#redis = redis;
  }

  get isUp(): boolean {
    return this.#state === 'connected';
  }

  /** When the link was last lost; null when there never was one. */
  get downSinceMs(): number | null {
    return this.#downSinceMs;
  }

  /** True when its position in a replication history is known. */
  get hasPlace(): boolean {
    return this.#state === 'connected' || this.#hasCachedMaster;
  }

  /** Where it stands itself is where it would go on from. That alone makes no backlog: promoted before it has followed anybody, it has none. */
  cacheMaster(): void {
    this.#hasCachedMaster = true;
  }

  start(): void {
    if (this.#redis.isMaster) return;
    this.#state = 'connect';
    this.#connect();
  }

  stop(): void {
    if (this.#state === 'connected') {
      this.#cacheConnected();
      this.#downSinceMs = this.#redis.nowMs;
    }
    this.#attempt += 1;
    this.#socket?.close();
    this.#socket = null;
    if (this.#state === 'loading') this.#redis.isLoading = false;
    this.#state = 'none';
    if (!this.#redis.isMaster) return;
    this.#hasCachedMaster = false;
    this.#downSinceMs = null;
  }

  cron(): void {
    const redis = this.#redis;
    if (this.#state === 'loading') this.#send({ kind: 'newline' });
    if (redis.isMaster || redis.isLoading) return;
    if (this.#state === 'connect') this.#connect();
    if (this.#state === 'connected') this.#send({ kind: 'ack', offset: redis.offset });
    const isWaiting = this.#state === 'connected' || this.#state === 'handshake' || this.#state === 'sync';
    if (isWaiting && redis.nowMs - this.#lastIoMs > redis.settings.replTimeoutMs) this.#lost();
  }

  info(): LinkInfo {
    const redis = this.#redis;
    const isUp = this.isUp;
    const downSinceMs = isUp || redis.isMaster ? null : this.#downSinceMs;
    return {
      linkUp: isUp,
      syncInProgress: this.#state === 'sync' || this.#state === 'loading',
      lastIoSecondsAgo: isUp ? Math.floor((redis.nowMs - this.#lastIoMs) / 1000) : null,
      linkDownSinceSeconds: downSinceMs === null ? null : Math.floor((redis.nowMs - downSinceMs) / 1000),
    };
  }

  #send(message: RedisMessage): void {
    this.#socket?.send(message);
  }

  #connect(): void {
    const redis = this.#redis;
    const { masterHost } = redis;
    // Nothing listens at the address that stands for nobody.
    if (masterHost === null || redis.isInLimbo) return;
    this.#state = 'connecting';
    this.#attempt += 1;
    const attempt = this.#attempt;
    redis.network.connect(redis, redis.machine, masterHost, 'redis', redis.settings.replTimeoutMs, (socket) => {
      if (attempt !== this.#attempt) {
        socket?.close();
        return;
      }
      if (socket === null) {
        this.#state = 'connect';
        return;
      }
      this.#socket = socket;
      this.#state = 'handshake';
      this.#lastIoMs = redis.nowMs;
      socket.onMessage = (message) => this.#receive(socket, message as RedisMessage);
      socket.onClose = () => this.#closed(socket);
      this.#send({ kind: 'ping' });
    });
  }

  /** replicationHandleMasterDisconnection(): tries again at once, and then each second. */
  #lost(): void {
    const wasConnected = this.#state === 'connected';
    const isLoading = this.#state === 'loading';
    if (wasConnected) this.#cacheConnected();
    this.#socket?.close();
    this.#socket = null;
    if (isLoading) return;
    this.#attempt += 1;
    this.#state = 'connect';
    if (wasConnected) {
      this.#downSinceMs = this.#redis.nowMs;
      this.#connect();
    }
  }

  /**
   * While a script runs the handshake goes on, but data is neither loaded nor taken in from the stream, nor acknowledged: it is read and
   * kept (processInputBuffer()), and lost with the connection.
   */
  #receive(socket: Socket, message: RedisMessage): void {
    this.#lastIoMs = this.#redis.nowMs;
    if (message.kind !== 'stream' && message.kind !== 'rdb') this.#take(message);
    else {
      this.#redis.afterScript(() => {
        if (this.#socket === socket) this.#take(message);
      });
    }
  }

  #closed(socket: Socket): void {
    const lose = (): void => {
      if (this.#socket === socket) this.#lost();
    };
    // What is being transferred is not even read: all that came before the end comes first.
    if (this.#state === 'sync') this.#redis.afterScript(lose);
    else lose();
  }

  #take(message: RedisMessage): void {
    const redis = this.#redis;
    switch (message.kind) {
      case 'pong': {
        if (message.isRefused) {
          this.#lost();
          return;
        }
        const replid = this.#hasCachedMaster ? redis.replid : null;
        this.#send({ kind: 'psync', replid, nextByte: redis.offset + 1, ip: redis.machine.ip });
        return;
      }
      case 'no-master-link':
        this.#lost();
        return;
      case 'continue':
        this.#continue(message.replid);
        return;
      case 'full-resync':
        this.#state = 'sync';
        this.#beforeLoaded = [];
        return;
      case 'rdb':
        this.#loadFrom(message.snapshot);
        return;
      case 'stream':
        if (this.#state === 'connected') this.#follow(message.entry);
        else this.#beforeLoaded.push(message.entry);
        return;
      case 'command':
      case 'reply':
      case 'ping':
      case 'psync':
      case 'newline':
      case 'ack':
        return;
    }
  }

  #continue(replid: string): void {
    const redis = this.#redis;
    this.#state = 'connected';
    this.#hasCachedMaster = false;
    redis.backlog ??= new Backlog(redis.offset + 1, redis.settings.backlogBytes);
    if (replid === redis.replid) return;
    redis.replid2 = redis.replid;
    redis.secondOffset = redis.offset + 1;
    redis.replid = replid;
    redis.feeding.disconnectAll();
  }

  #loadFrom(snapshot: Snapshot): void {
    const redis = this.#redis;
    this.#state = 'loading';
    redis.store(snapshot);
    // Until here a transfer that is broken off has changed nothing (replicationAttachToNewMaster()).
    this.#hasCachedMaster = false;
    redis.isLoading = true;
    redis.data = [];
    redis.backlog = null;
    redis.feeding.disconnectAll();
    const attempt = this.#attempt;
    redis.after(redis.random.between(redis.settings.leastLoadMs ?? 0, redis.settings.mostLoadMs), () => {
      if (attempt !== this.#attempt) return;
      redis.isLoading = false;
      redis.data = [...snapshot.data];
      redis.replid = snapshot.replid ?? redis.replid;
      redis.replid2 = null;
      redis.secondOffset = -1;
      redis.offset = snapshot.offset;
      redis.backlog = new Backlog(redis.offset + 1, redis.settings.backlogBytes);
      this.#state = 'connected';
      this.#lastIoMs = redis.nowMs;
      for (const entry of this.#beforeLoaded) this.#follow(entry);
      this.#beforeLoaded = [];
      if (this.#socket?.isOpen !== true) this.#lost();
      else this.#send({ kind: 'ack', offset: redis.offset });
    });
  }

  /** freeClient() caches no master that is held back in the middle of a command: the place in the history is lost then. */
  #cacheConnected(): void {
    this.#hasCachedMaster = this.#held.length === 0;
    this.#held = [];
  }

  /** The pause is over. */
  letThrough(): void {
    const held = this.#held;
    this.#held = [];
    for (const entry of held) this.#follow(entry);
  }

  #follow(entry: StreamEntry): void {
    const redis = this.#redis;
    if (this.#held.length > 0 || (entry.value !== null && redis.nowMs < redis.pausedUntilMs)) {
      this.#held.push(entry);
      return;
    }
    redis.feeding.feed(entry);
    if (entry.asksForAck) this.#send({ kind: 'ack', offset: redis.offset });
  }
}

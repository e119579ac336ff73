import type { Machine, Network, Socket } from './network.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';
import type { Backlog } from './redis-backlog.ts';
import type { Snapshot, StreamEntry } from './redis-protocol.ts';

/** What is the same for every Redis of one run. */
export interface RedisSettings {
  readonly maxLagSeconds: number;
  readonly backlogBytes: number;
  readonly replTimeoutMs: number;
  /** repl-diskless-sync-delay: how long a full sync waits for other replicas before it begins. Default 0. */
  readonly syncDelayMs?: number;
  /** repl-ping-replica-period: how often a master tells its replicas that it is there, in rounds of its 1 Hz cron. Default 10. */
  readonly pingEveryCrons?: number;
  readonly leastSyncMs: number;
  readonly mostSyncMs: number;
  /** Default 0. */
  readonly leastLoadMs?: number;
  readonly mostLoadMs: number;
  /**
   * The offset grows with each write also when there is no backlog yet: Redis from 7.2 on and Valkey, with an AOF (for WAITAOF).
   * Default false, as in Redis 7.0.
   */
  readonly countsAlone?: boolean;
  /**
   * A full sync comes over a connection of its own (repl-rdb-channel), so that the replica takes in the stream at the same time
   * and keeps it until it has loaded: the default of Redis 8. Default false, as in Redis 7 and Valkey 8.
   */
  readonly hasRdbChannel?: boolean;
  /** Then a Redis of another cluster neither answers nor feeds anybody of this one. */
  readonly hasPassword: boolean;
}

/** One redis-server, as its two halves of replication see it and each other. */
export interface RedisState extends Process {
  readonly network: Network;
  readonly machine: Machine;
  readonly random: Random;
  readonly settings: RedisSettings;
  readonly nowMs: number;
  readonly unixSeconds: number;
  readonly isMaster: boolean;
  readonly isInLimbo: boolean;
  readonly masterHost: string | null;
  /** Until when CLIENT PAUSE WRITE holds writes back, those of its master too. */
  readonly pausedUntilMs: number;
  readonly feeding: { feed(entry: StreamEntry): void; disconnectAll(): void };
  readonly following: { readonly isUp: boolean };
  replid: string;
  replid2: string | null;
  secondOffset: number;
  offset: number;
  data: number[];
  backlog: Backlog | null;
  isLoading: boolean;
  /** A script has run for longer than `busy-reply-threshold`: whatever is asked is answered -BUSY. */
  readonly isBusy: boolean;
  isSelectDue: boolean;
  append(bytes: number, value: number | null, asksForAck?: boolean): void;
  tellFullSync(to: Socket): void;
  store(snapshot: Snapshot): void;
  /** Does it now, or as soon as the script that runs has ended. */
  afterScript(run: () => void): void;
}

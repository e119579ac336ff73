import type { Machine, Network, Socket } from './network.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';
import type { Backlog } from './redis-backlog.ts';
import type { StreamEntry } from './redis-protocol.ts';

/** What is the same for every Redis of one run. */
export interface RedisSettings {
  readonly maxLagSeconds: number;
  readonly backlogBytes: number;
  readonly replTimeoutMs: number;
  readonly leastSyncMs: number;
  readonly mostSyncMs: number;
  readonly mostLoadMs: number;
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
  readonly feeding: { feed(entry: StreamEntry): void; disconnectAll(): void };
  readonly following: { readonly isUp: boolean };
  replid: string;
  replid2: string | null;
  secondOffset: number;
  offset: number;
  data: number[];
  backlog: Backlog | null;
  isLoading: boolean;
  append(bytes: number, value: number | null, asksForAck?: boolean): void;
  tellFullSync(to: Socket): void;
}

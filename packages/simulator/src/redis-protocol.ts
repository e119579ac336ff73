import type { ReplicationInfo } from '@sentinel-micro/core';

/** The commands that the simulated Redis understands. */
export type RedisCommand =
  | { readonly name: 'INFO' }
  /** `host` is null for NO ONE. */
  | { readonly name: 'REPLICAOF'; readonly host: string | null; readonly port: number }
  | { readonly name: 'CONFIG GET min-replicas-to-write' }
  | { readonly name: 'CONFIG SET min-replicas-to-write'; readonly count: number }
  | { readonly name: 'CLIENT PAUSE'; readonly budgetMs: number }
  | { readonly name: 'CLIENT UNPAUSE' }
  | { readonly name: 'CLIENT KILL TYPE normal' }
  | { readonly name: 'SET'; readonly value: number }
  | { readonly name: 'WAIT'; readonly count: number; readonly timeoutMs: number };

export type RedisReply =
  | { readonly ok: true; readonly info: ReplicationInfo | null; readonly number: number | null }
  | { readonly ok: false; readonly code: string };

/** One piece of the replication stream; only writes carry a value. */
export interface StreamEntry {
  readonly firstByte: number;
  readonly lastByte: number;
  readonly value: number | null;
  readonly asksForAck: boolean;
}

/** A data set as it was at one moment, with its place in a replication history. */
export interface Snapshot {
  readonly data: readonly number[];
  /** Null when the place in the history is not stored with the data (an AOF, a master without backlog). */
  readonly replid: string | null;
  readonly offset: number;
}

export type RedisMessage =
  | { readonly kind: 'command'; readonly id: number; readonly command: RedisCommand }
  | { readonly kind: 'reply'; readonly id: number; readonly reply: RedisReply }
  | { readonly kind: 'ping' }
  /** `isRefused`: -LOADING or -BUSY instead of PONG. */
  | { readonly kind: 'pong'; readonly isRefused: boolean }
  | { readonly kind: 'psync'; readonly replid: string | null; readonly nextByte: number; readonly ip: string }
  | { readonly kind: 'no-master-link' }
  | { readonly kind: 'continue'; readonly replid: string }
  | { readonly kind: 'full-resync' }
  | { readonly kind: 'rdb'; readonly snapshot: Snapshot }
  | { readonly kind: 'stream'; readonly entry: StreamEntry }
  /** An empty line: whoever waits for the other, or keeps it waiting, is there. */
  | { readonly kind: 'newline' }
  | { readonly kind: 'ack'; readonly offset: number };

export const OK = { ok: true, info: null, number: null } as const satisfies RedisReply;

import type { Offset, PodName, RunId } from './brand.ts';
import type { History, Lineage } from './lineage.ts';
import type { AnswerBody, PeerRequest, ReleaseCause } from './messages.ts';
import type { ReplicationInfo } from './replication-info.ts';
import type { StoreRequest } from './store.ts';

/** A request of a peer that waits for its answer; opaque to the core. */
export type RequestRef = number;

/** What may be done to the Redis of the own pod. */
export type OwnAction =
  /** REPLICAOF nobody: refuse writes from now on, feed nobody. */
  | {
      readonly kind: 'limbo';
      readonly why: string;
      readonly cutClients: boolean;
      /** Redis hangs: what it reads when it wakes up must take effect before any answer that it has ready is sent. */
      readonly atOnce: boolean;
    }
  | {
      readonly kind: 'follow';
      readonly ip: string;
      readonly port: number;
      readonly why: string;
      /** Clients of a demoted master stay on it until they are cut. */
      readonly cutClients: boolean;
    }
  /** REPLICAOF NO ONE. Makes the Redis writable, so it carries the end of the lease: too late means fence. */
  | { readonly kind: 'promote'; readonly deadlineMs: number; readonly minReplicas: number | null }
  /**
   * REPLICAOF NO ONE behind a write quorum that can not be met: a replica of nobody feeds nobody, a master does; and this one
   * refuses every write.
   */
  | { readonly kind: 'donate' }
  /** Lowering it makes a Redis writable too. */
  | { readonly kind: 'set-min-replicas'; readonly count: number; readonly deadlineMs: number }
  /** Hold writes back, at the latest until `budgetMs` are over. */
  | { readonly kind: 'pause-writes'; readonly budgetMs: number }
  | { readonly kind: 'unpause' }
  /** Ask for INFO now, ahead of the heartbeat. */
  | { readonly kind: 'sample' };

/** What may be done to the Redis of another pod, and only when it is still the process that was meant. */
export type RemoteAction =
  | { readonly kind: 'probe' }
  | { readonly kind: 'pause-writes'; readonly budgetMs: number }
  | { readonly kind: 'limbo'; readonly why: string }
  | { readonly kind: 'follow'; readonly ip: string; readonly port: number; readonly why: string };

/** What a person orders, or a client, or a hook of the pod's. */
export type Command =
  /** Planned, and loses nothing; null: to whoever would be promoted next. */
  | { readonly kind: 'switchover'; readonly to: PodName | null }
  /** The master is sick, but not dead: it is moved, also when the successor lacks something. */
  | { readonly kind: 'failover' }
  /** This pod is leaving: a switchover if it is master, otherwise there is nothing to do. */
  | { readonly kind: 'handover' }
  /** Automatic failover of the whole set. */
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' };

/** How a command ended; the text is one sentence for people. */
export type CommandResult =
  | { readonly ok: true; readonly text: string }
  | {
      readonly ok: false;
      readonly code: 'NOTLEADER' | 'INPROG' | 'NOGOODSLAVE' | 'TIMEOUT' | 'ERR';
      readonly text: string;
    };

/** What the outside world is to do. Nothing here is retried behind the core's back. */
export type Action =
  | { readonly type: 'ask'; readonly to: PodName; readonly request: PeerRequest; readonly sentAtMs: number }
  | { readonly type: 'answer'; readonly ref: RequestRef; readonly body: AnswerBody }
  | { readonly type: 'own'; readonly id: number; readonly action: OwnAction }
  | {
      readonly type: 'remote';
      readonly id: number;
      readonly pod: PodName;
      readonly ip: string;
      readonly port: number;
      /** It is the one that is meant when it has this run id, */
      readonly runId: RunId | null;
      /** or a replication id in common with this one: no stranger has that. */
      readonly history: History | Lineage | null;
      /** Until when the one who orders it holds the lease: later it changes nothing. */
      readonly deadlineMs: number;
      readonly action: RemoteAction;
    }
  /** A question to the store of the lease; one at a time. */
  | { readonly type: 'store'; readonly id: number; readonly sentAtMs: number; readonly request: StoreRequest }
  /** The own answer to "who is master" has changed. */
  | { readonly type: 'master-changed'; readonly from: Address | null; readonly to: Address }
  | { readonly type: 'command-done'; readonly ref: RequestRef; readonly result: CommandResult }
  /** All that had to be done before stopping is done. */
  | { readonly type: 'stopped' };

export interface Address {
  readonly pod: PodName;
  readonly ip: string;
  readonly port: number;
}

/** How an own or remote action ended. `info` is INFO as asked right after it, `before` that of another pod's Redis before it. */
export type Outcome =
  | { readonly ok: true; readonly info: ReplicationInfo | null; readonly before?: ReplicationInfo }
  | { readonly ok: false; readonly error: string; readonly late: boolean };

/** One line for people: something changed, and why. */
export interface Note {
  readonly level: 'info' | 'warn' | 'error';
  readonly event: string;
  readonly text: string;
  readonly fields?: Readonly<Record<string, string | number | boolean | null>>;
}

/** How far two positions are apart, for the line that tells what is lost. */
export function bytesBetween(ahead: Offset, behind: Offset): number {
  return Math.max(0, ahead - behind);
}

/** How an action on a Redis reads in a log. */
export function describeOwnAction(action: OwnAction): string {
  switch (action.kind) {
    case 'limbo':
      return `detach into limbo: ${action.why}`;
    case 'follow':
      return `replicate from ${action.ip}:${String(action.port)}: ${action.why}`;
    case 'promote':
      return 'become master';
    case 'donate':
      return 'feed the chosen pod, without taking writes';
    case 'set-min-replicas':
      return `min-replicas-to-write ${String(action.count)}`;
    case 'pause-writes':
      return `hold writes back for at most ${String(action.budgetMs)} ms`;
    case 'unpause':
      return 'let writes through again';
    case 'sample':
      return 'ask for INFO';
  }
}

export function describeRelease(cause: ReleaseCause): string {
  switch (cause) {
    case 'redis-dead':
      return 'its Redis is dead';
    case 'redis-hung':
      return 'its Redis does not answer';
    case 'fenced':
      return 'its Redis is fenced';
    case 'withdrawn':
      return 'it did not win it';
    case 'switchover':
      return 'a switchover was ordered';
    case 'handover':
      return 'its pod is leaving';
    case 'failover':
      return 'a failover was ordered';
  }
}

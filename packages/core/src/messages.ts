import type { PodName, RunId, Term } from './brand.ts';
import type { HolderId, RefusalReason } from './lease.ts';
import type { History, Lineage } from './lineage.ts';

/** Where a pod can be reached, and which life of which pod speaks. */
export interface PodIdentity extends HolderId {
  /** New at each start of the sidecar. */
  readonly incarnation: string;
  readonly ip: string;
  readonly redisPort: number;
  readonly port: number;
  /** Its `--replicas`: pods that do not agree on it count different quorums. 0 when that follows the StatefulSet, and is not known yet. */
  readonly replicas: number;
  /** Its `--lease-store`, where that is not the peers themselves: pods that do not agree on it win different leases. */
  readonly store?: 'kubernetes';
}

/** Why the master moved. */
export const CHANGE_CAUSES = [
  'bootstrap',
  'redis-dead',
  'redis-hung',
  /** Its sidecar was not heard any more, or lost its lease. */
  'silent',
  'switchover',
  'handover',
  'failover',
  /** The master had been made a replica, or had restarted, under its own lease. */
  'repair',
] as const;
export type ChangeCause = (typeof CHANGE_CAUSES)[number];

/** How the master came to its role, as the one who was promoted has seen it. */
export interface Succession {
  readonly from: PodName | null;
  readonly cause: ChangeCause;
  /** How long each phase took, in milliseconds, as far as it was seen. */
  readonly phasesMs: Readonly<Record<string, number>>;
}

/** Who is master: written by the holder of the lease of `term`, and by nobody else. */
export interface Announcement {
  readonly term: Term;
  readonly pod: PodName;
  readonly uid: string;
  readonly ip: string;
  readonly port: number;
  readonly runId: RunId | null;
  /**
   * It was promoted empty, as the first of its set, when not all pods had shown that they are empty too. As long as that is so,
   * a pod with data of its own does not follow, and is not thrown away.
   */
  readonly isFounded: boolean;
  /** The master's history just after its promotion. */
  readonly history: Lineage;
  /** Not told by those that do not know of it yet. */
  readonly succession?: Succession;
}

/** One move of the master, as a sidecar remembers it. */
export interface Change extends Succession {
  readonly term: Term;
  readonly to: PodName;
  /** How long ago this sidecar heard of it, in milliseconds. */
  readonly ageMs: number;
  /** What diverged masters threw away when they followed, as far as this sidecar has seen it; null when nothing of that is known. */
  readonly discardedBytes: number | null;
}

/** What one Redis has, as its own sidecar knows it. */
export interface Position extends History {
  readonly runId: RunId | null;
  readonly role: 'master' | 'replica';
  readonly masterHost: string | null;
  readonly masterPort: number | null;
  readonly linkUp: boolean;
  readonly priority: number | null;
  readonly lastIoSecondsAgo: number | null;
  /**
   * This process has been seen in step with a master since it started, so its memory is what it was. Null when its sidecar
   * has itself started later: others may know.
   */
  readonly synced: boolean | null;
  /** False while a full sync is going on: the old data may be gone, and the new is not there. */
  readonly intact: boolean;
  /** It was made a master without a lease, by hand say, and has not followed one since: its history is not the set's. */
  readonly astray: boolean;
  readonly keys: number | null;
  readonly ageMs: number;
  /** False when its last save has failed; not told otherwise. */
  readonly canSave?: boolean;
  /**
   * True when its sidecar, which remembers another master, found it as one when it started: no lease was ever told of it, so what it has
   * written since proves no promotion. Not told otherwise.
   */
  readonly unannounced?: boolean;
}

/** One pod beside the master, as the holder of the lease sees it; it travels with the renewals, so that every sidecar can tell. */
export interface MemberView {
  readonly pod: PodName;
  readonly ip: string;
  readonly port: number;
  readonly runId: RunId | null;
  readonly offset: number;
  readonly priority: number | null;
  readonly linkUp: boolean;
  readonly lastIoSecondsAgo: number | null;
  /** Its sidecar has answered within a lease. */
  readonly isReachable: boolean;
}

/** Why a lease is given back: what it means for the Redis that was master under it. */
export type ReleaseCause =
  | 'redis-dead'
  | 'redis-hung'
  | 'fenced'
  /** The lease was never won: says nothing about any Redis. */
  | 'withdrawn'
  /** Fenced, and for these reasons. */
  | PlannedCause;

/** The master moves because somebody wants it to. */
export type PlannedCause = 'switchover' | 'handover' | 'failover';

export function isPlanned(cause: ReleaseCause): cause is PlannedCause {
  return cause === 'switchover' || cause === 'handover' || cause === 'failover';
}

interface Envelope {
  readonly v: 1;
  readonly cluster: string;
  readonly from: PodIdentity;
  readonly term: Term;
  /**
   * How often automatic failover was paused or resumed; it is paused while this is odd. The greatest number that is heard of counts.
   * None is 0.
   */
  readonly pauses?: number;
}

export type RequestBody =
  | { readonly type: 'PREVOTE' }
  | { readonly type: 'ACQUIRE' }
  | {
      readonly type: 'RENEW';
      readonly announcement: Announcement | null;
      /** All pods in the order in which they would be promoted. */
      readonly ranking: readonly PodName[];
      readonly members: readonly MemberView[];
      /** The holder is about to count only so many pods. Only told when N follows the StatefulSet. */
      readonly keeps?: number;
    }
  | { readonly type: 'RELEASE'; readonly to: PodName | null; readonly cause: ReleaseCause }
  | { readonly type: 'FREEZE' }
  /** To a frozen pod that is never promoted but has the most data: feed the chosen one, and take no writes. */
  | { readonly type: 'DONATE' }
  | { readonly type: 'ANNOUNCE'; readonly announcement: Announcement };

/** A question from one sidecar to another. */
export type PeerRequest = Envelope & RequestBody;

/** A lease that a voter had promised before: whoever had it may have promoted itself, announced or not. */
export interface PreviousPromise {
  readonly term: Term;
  readonly holder: HolderId;
}

export type AnswerBody =
  | {
      readonly type: 'granted';
      readonly position: Position | null;
      readonly announcement: Announcement | null;
      /** What this voter has promised to others since the newest announcement, the newest of each pod. */
      readonly promises: readonly PreviousPromise[];
      /** What the last holder told this voter of the others: the new one may have forgotten it, or never heard. */
      readonly members: readonly MemberView[];
    }
  | {
      readonly type: 'refused';
      readonly reason: RefusalReason | 'other-cluster' | 'not-a-member' | 'no-lease';
      readonly retryAfterMs: number;
      readonly announcement: Announcement | null;
    }
  | { readonly type: 'frozen'; readonly position: Position | null }
  | { readonly type: 'ok' };

/** The answer to a question; its `term` is the newest that the answering sidecar knows. */
export type PeerAnswer = Envelope & AnswerBody;

/** The answer to PEER STATUS: everything that make-slave, `status` and a person with redis-cli want to know. */
export interface PeerStatus extends Envelope {
  readonly role: 'follower' | 'candidate' | 'holder';
  readonly phase: string | null;
  readonly reason: string;
  readonly leaseHolder: HolderId | null;
  readonly leaseRemainingMs: number;
  readonly mutedForMs: number;
  readonly master: Announcement | null;
  readonly masterIsFresh: boolean;
  readonly redis: { readonly health: string; readonly reason: string; readonly position: Position | null };
  readonly members: readonly MemberView[];
  readonly ranking: readonly PodName[];
  readonly refusedMessages: number;
  /** The last moves of the master, the oldest first. */
  readonly changes?: readonly Change[];
  /** The store of the lease, where it is not the peers themselves. */
  readonly store?: StoreStatus;
}

/** What a sidecar knows of the store of the lease. */
export interface StoreStatus {
  readonly kind: 'kubernetes';
  /** Why the last question to it came to nothing; null when it was answered, or not asked yet. */
  readonly trouble: string | null;
  /** How long ago it answered last, in milliseconds; null for never. */
  readonly answeredAgoMs: number | null;
  /** The holder's lease stands only because all pods agree, for the store does not answer it. */
  readonly isFailsafe: boolean;
}

import type { Action, Address, Command, Note, Outcome, OwnAction, RequestRef } from './action.ts';
import type { PodName, RunId, Term } from './brand.ts';
import type { Health, RedisSample } from './health.ts';
import type { Grants, Voter } from './lease.ts';
import type { History, Lineage } from './lineage.ts';
import type {
  Announcement,
  Change,
  MemberView,
  PeerAnswer,
  PeerRequest,
  PlannedCause,
  PodIdentity,
  Position,
  PreviousPromise,
  ReleaseCause,
} from './messages.ts';
import type { ReplicationInfo } from './replication-info.ts';
import type { StatefulSetView } from './size-rule.ts';
import type { GivenBack, Sighting, StoreOutcome } from './store.ts';
import type { Timings } from './timings.ts';

/** What the flags say. With `isResizable`, N and what follows from it (members, quorum, `self.replicas`) change while the sidecar runs. */
export interface NodeConfig {
  readonly cluster: string;
  readonly self: PodIdentity;
  /** Names of the N configured pods: only they vote, and only they can be master. */
  readonly members: readonly PodName[];
  readonly quorum: number;
  readonly timings: Timings;
  readonly writeQuorum: 'auto' | 'strict' | 'off';
  readonly durability: 'available' | 'strict';
  /** N follows the StatefulSet (resize.ts); `self.replicas` is 0 as long as it is not known. */
  readonly isResizable?: boolean;
}

/** What is known of the Redis of this pod. */
export interface OwnRedis {
  readonly health: Health;
  /** The newest INFO, or null when none since it was last down. */
  readonly info: ReplicationInfo | null;
  readonly infoAtMs: number;
  /** `replica-priority` as last told in the role of a replica. */
  readonly priority: number | null;
  readonly runId: RunId | null;
  /** Seen in step with a master since it started; null when this sidecar can not know. */
  readonly synced: boolean | null;
  /** Seen to become a master without having been ordered to, and not in step with one since. */
  readonly astray: boolean;
  /** The process that was master by this sidecar's memory when it started; null without a memory. */
  readonly remembered: RunId | null;
  /** Met as a master by a sidecar that remembers another one, and not in step with one since. */
  readonly unannounced: boolean;
  /** A full sync of this process has been seen under way. */
  readonly hasBegunToCopy: boolean;
  readonly minReplicas: number | null;
  /** It has been master, and its clients have not been cut since: they would stay on it. */
  readonly hasWriters: boolean;
  /** Whom it followed last, and what it had then: also when it has been detached since. */
  readonly lastMaster: { readonly ip: string; readonly port: number; readonly history: History } | null;
  /** The founder that it does not follow, for its data's sake. */
  readonly keptFrom: PodName | null;
  /** What went wrong with the order before; null when it went well. */
  readonly failure: string | null;
  /** A fence that Redis refused (it is loading, say) is tried again at this time. */
  readonly fenceRetryAtMs: number;
  /** An order that makes it writable or feeding, in more than one step: another order does not overtake it. */
  readonly promotingId: number | null;
  readonly pending: { readonly id: number; readonly action: OwnAction; readonly sinceMs: number } | null;
  readonly retryAtMs: number;
}

/** What is known of another pod. */
export interface PeerView {
  readonly identity: PodIdentity | null;
  readonly position: Position | null;
  readonly answeredAtMs: number | null;
  readonly strayCheckAtMs: number;
  /**
   * The pod of this name (its uid) whose sidecar was lost, until it is reached again. What still arrives from it may have been sent before:
   * its address may be anybody's.
   */
  readonly lostUid: string | null;
}

/** The master before this election, and what is known of its end. */
export interface OldMaster {
  readonly announcement: Announcement;
  /** Its sidecar said that the Redis is dead or fenced: nothing is to be asked of it. */
  readonly isGone: boolean;
}

export type Frozen = Readonly<Partial<Record<PodName, Position>>>;

/** The steps after the lease is won; each one can be resumed by whoever wins the next term. */
export type Phase =
  /** Is the old master's Redis reachable? */
  | { readonly name: 'assess'; readonly untilMs: number; readonly remoteId: number }
  /** Writes are held back on the old master; wait until the own Redis has everything. */
  | {
      readonly name: 'drain';
      readonly step: 'pause' | 'catch-up' | 'demote';
      readonly remoteId: number;
      readonly targetOffset: number;
      readonly untilMs: number;
    }
  | {
      readonly name: 'freeze';
      readonly startedAtMs: number;
      readonly frozen: Frozen;
      readonly answered: readonly PodName[];
      /** Redis instances that may have been promoted in secret, and are being detached directly. */
      readonly suspects: readonly { readonly id: number; readonly pod: PodName }[];
      /** Pods whose sidecar is silent, and whose Redis was asked directly. */
      readonly asked: readonly PodName[];
      readonly askAgainAtMs: number;
      /** Pods that refused, for the release had not reached them, and that are asked again at `refusedAskAtMs`. */
      readonly refused: readonly PodName[];
      readonly refusedAskAtMs: number;
      /** Pods that are never promoted, and whose data could not be fetched: another one may have it as well, else what there is has to do. */
      readonly failedDonors: readonly PodName[];
    }
  /** A pod that is never promoted has more than the chosen one, this one: fetch it first. */
  | {
      readonly name: 'borrow';
      readonly donor: PodName;
      /** What the donor has since it was made a master to feed this pod; null as long as it has not answered. */
      readonly given: History | null;
      readonly untilMs: number;
      /** Why this pod was chosen. */
      readonly reason: string;
      /** As in the freeze before it. */
      readonly failedDonors: readonly PodName[];
    }
  | {
      readonly name: 'promote';
      readonly ownId: number;
      /** The process that was chosen. */
      readonly runId: RunId | null;
      /** It is promoted empty, without knowing of all the others whether they are. */
      readonly isFounded: boolean;
      /** The history that it goes on from, as far as that is known. */
      readonly before: Lineage | null;
    }
  | { readonly name: 'lead'; readonly sinceMs: number }
  /** Writes are held back until `to` has everything; then it gets the lease. */
  | {
      readonly name: 'handover';
      readonly step: 'pause' | 'catch-up';
      readonly purpose: 'stop' | PlannedCause;
      readonly to: PodName;
      readonly targetOffset: number;
      readonly remoteId: number;
      readonly ownId: number;
      readonly untilMs: number;
    };

/** One of the phases, by its name. */
export type PhaseOf<Name extends Phase['name']> = Extract<Phase, { name: Name }>;

export type Role =
  | {
      readonly kind: 'follower';
      readonly electAtMs: number;
      /** The lease was released to this pod: how often it may still ask for it in quick succession; 0 when it was not. */
      readonly handedTries: number;
    }
  | {
      readonly kind: 'candidate';
      /** As of a follower. */
      readonly handedTries: number;
      readonly step: 'prevote' | 'acquire';
      readonly term: Term;
      readonly grants: Grants;
      readonly refusedBy: readonly PodName[];
      readonly retryAfterMs: number;
      readonly newest: Announcement | null;
      /** What a voter remembers of the pods beside the last master. */
      readonly members: readonly MemberView[];
      readonly previous: readonly PreviousPromise[];
      readonly untilMs: number;
      readonly probeId: number | null;
      /** Those who have promised the lease to somebody else, or know a newer term. */
      readonly objecting: readonly PodName[];
      /** With a store: what it has shown since this moment counts. */
      readonly sinceMs: number;
      readonly stored: Stored | 'wanted' | 'failed' | null;
    }
  | {
      readonly kind: 'holder';
      readonly term: Term;
      readonly grants: Grants;
      /** With a store: the last write that has succeeded. */
      readonly stored: Stored | null;
      readonly renewAtMs: number;
      readonly old: OldMaster | null;
      /** Pods that had the lease since the old master was announced: their Redis may be a master that nobody knows of. */
      readonly suspects: readonly PodName[];
      readonly phase: Phase;
    };

/** A write of the own lease that the store has confirmed. */
export interface Stored {
  /** When it was sent. */
  readonly atMs: number;
  /** Which N was written. */
  readonly replicas: number;
}

/** What is known of the store of the lease, where it is not the peers themselves. */
export interface StoreView {
  readonly sighting: Sighting | null;
  /** The version may have moved on since: it is read before anything is written. */
  readonly isStale: boolean;
  /** When the last question was sent, answered or not. */
  readonly askedAtMs: number;
  /** When the last question was sent that was answered with a record. */
  readonly readAtMs: number;
  /** When any answer came last. */
  readonly answeredAtMs: number;
  readonly pending: {
    readonly id: number;
    readonly purpose: 'read' | 'acquire' | 'renew' | 'release';
    readonly term: Term;
  } | null;
  /** It is left alone until then, after a failure. */
  readonly holdOffUntilMs: number;
  /** When the last failure was taken in. */
  readonly failedAtMs: number;
  readonly trouble: string | null;
  /** The own lease that is still to be given back there. */
  readonly releasing: { readonly term: Term; readonly to: PodName | null; readonly sinceMs: number } | null;
  /** What the holders themselves said they gave back; the newest of each pod. */
  readonly givenBack: readonly GivenBack[];
}

export interface RunningCommand {
  readonly ref: RequestRef;
  readonly kind: PlannedCause;
  /** Nobody was ready yet when it was given. */
  readonly isWaiting: boolean;
  /** Null when anybody but the present master will do. */
  readonly to: PodName | null;
  /** The term that it began in: the next master has a newer one. */
  readonly term: Term;
  readonly startedAtMs: number;
  readonly untilMs: number;
}

/** The moments of an election: asking for the lease, holding it, detaching everybody, having chosen. */
export type Mark = 'asked' | 'won' | 'frozen' | 'chosen';

/** One move of the master, at `atMs` on the own clock. */
export type ChangeRecord = Omit<Change, 'ageMs'> & { readonly atMs: number };

/** What is known while N follows the StatefulSet. */
export interface Resizing {
  /** What the StatefulSet says; null when the Kubernetes API has not told yet. */
  readonly view: StatefulSetView | null;
  /** When the API was asked for that. */
  readonly readAtMs: number;
  /** When this sidecar began to count as it does now. */
  readonly countedSinceMs: number;
  /** What the others count by, as each has told last in answer to a question. */
  readonly heard: Readonly<Partial<Record<PodName, HeardSize>>>;
  /** The leader is about to count only so many pods: those beyond leave their master now; null when it is not. */
  readonly keeps: number | null;
  /** Up to here the others have to have the data before this leader takes the step to `to`. */
  readonly mark: { readonly to: number; readonly offset: number } | null;
  /** Since when no lease has been known; null while there is one. */
  readonly leaderlessSinceMs: number | null;
  /** When the others are asked next what they count by, or the lease is handed on. */
  readonly nextTryAtMs: number;
  /** Why the next step is not taken; null when there is none to take. */
  readonly waitsFor: string | null;
  /** Since when; Infinity when it has been told. */
  readonly waitsSinceMs: number;
}

export interface HeardSize {
  readonly replicas: number;
  readonly sentAtMs: number;
  /** It has renewed a lease with that answer. */
  readonly isRenewal: boolean;
}

/** What was asked of the Redis of the old master, and what came of it. */
interface OldMasterProbe {
  readonly id: number;
  readonly runId: RunId;
  readonly sentAtMs: number;
  readonly outcome: Outcome | null;
}

/** Everything one sidecar knows. Immutable: `decide` returns a new one. */
export interface NodeState {
  readonly config: NodeConfig;
  readonly startedAtMs: number;
  readonly term: Term;
  readonly voter: Voter;
  readonly role: Role;
  readonly own: OwnRedis;
  /** The newest announced topology, also after its lease has run out: its history tells whose data counts. */
  readonly announcement: Announcement | null;
  /** Until when the announced master's lease may be alive, as far as this sidecar has heard. */
  readonly announcedUntilMs: number;
  /** Set when the announced master's own sidecar gave the lease back. */
  readonly masterGone: boolean;
  /** How the announced master gave its lease back, if it did. */
  readonly release: { readonly cause: ReleaseCause; readonly to: PodName | null } | null;
  /** See Envelope: odd while automatic failover is paused. */
  readonly pauses: number;
  /** A switchover or its like that this sidecar carries out, and answers when it is seen how it ended. */
  readonly command: RunningCommand | null;
  /** A pod of better priority that was passed over at the last promotion, for it lacked data. */
  readonly passedOver: PodName | null;
  /** When the steps of the present election were taken. */
  readonly marks: Readonly<Partial<Record<Mark, number>>>;
  /** The last moves of the master, the oldest first. */
  readonly changes: readonly ChangeRecord[];
  /** When the master moved because the one before was not heard any more. */
  readonly changesAtMs: readonly number[];
  readonly ranking: readonly PodName[];
  /** The pods beside the master, as the holder told last. */
  readonly members: readonly MemberView[];
  readonly peers: Readonly<Partial<Record<PodName, PeerView>>>;
  /** Addresses that DNS names, and when those that no sidecar has spoken from are looked at next. */
  readonly addresses: { readonly ips: readonly string[]; readonly checkAtMs: number };
  /** Leases promised since the newest announcement: their holders may have promoted themselves without anybody knowing. */
  readonly promises: readonly PreviousPromise[];
  /** Requests to freeze that wait until the own Redis has detached. */
  readonly freezing: readonly { readonly ref: RequestRef; readonly term: Term }[];
  /** The own Redis feeds the chosen pod of the election of `term`, at the latest until `untilMs`. */
  readonly donating: { readonly ref: RequestRef | null; readonly term: Term; readonly untilMs: number } | null;
  readonly probe: OldMasterProbe | null;
  /** The master that clients were told of last. */
  readonly toldMaster: Address | null;
  readonly stopping: boolean;
  /** A lease that is to be given back as soon as the own Redis is known to be fenced. */
  readonly releaseAfterFence: {
    readonly term: Term;
    readonly to: PodName | null;
    readonly cause: ReleaseCause;
    readonly byMs: number;
  } | null;
  /** Not of use while the peers themselves are the store. */
  readonly store: StoreView;
  readonly nextId: number;
  readonly reason: string;
  readonly refusedMessages: number;
  /** Null when N is given by a flag. */
  readonly resizing: Resizing | null;
}

/**
 * What survives a restart of the sidecar, where there is a place for it. Terms are only as good as the memory of those who have
 * heard of them: a voter that has forgotten all helps to elect under a term that is long past.
 */
export interface Memory {
  readonly term: Term;
  readonly announcement: Announcement | null;
  readonly pauses?: number;
  /** By how many pods it counted; only kept when that follows the StatefulSet. */
  readonly replicas?: number;
}

/** What can happen to a sidecar. */
export type Input =
  | { readonly type: 'tick' }
  | { readonly type: 'redis'; readonly sample: RedisSample; readonly minReplicas: number | null }
  | { readonly type: 'request'; readonly ref: RequestRef; readonly request: PeerRequest }
  | {
      readonly type: 'answer';
      readonly from: PodName;
      readonly request: PeerRequest;
      readonly sentAtMs: number;
      /** Null when the peer could not be asked or did not answer in time. */
      readonly answer: PeerAnswer | null;
    }
  | { readonly type: 'own-done'; readonly id: number; readonly action: OwnAction; readonly outcome: Outcome }
  | { readonly type: 'remote-done'; readonly id: number; readonly pod: PodName; readonly outcome: Outcome }
  /** The answer to a question to the store. */
  | {
      readonly type: 'store-done';
      readonly id: number;
      readonly sentAtMs: number;
      readonly outcome: StoreOutcome;
    }
  /** A peer was met (its address and life are known). */
  | {
      readonly type: 'peer-met';
      readonly identity: PodIdentity;
      readonly announcement: Announcement | null;
      readonly term: Term;
      readonly pauses?: number;
    }
  /** The last connection to a peer's sidecar has ended. */
  | { readonly type: 'peer-lost'; readonly identity: PodIdentity }
  /** What DNS names: addresses of pods, whose sidecars may be gone. */
  | { readonly type: 'addresses'; readonly ips: readonly string[] }
  /** What the StatefulSet says, when N follows it, in answer to a question of `readAtMs`. */
  | { readonly type: 'resize'; readonly view: StatefulSetView; readonly readAtMs: number }
  | { readonly type: 'command'; readonly ref: RequestRef; readonly command: Command }
  | { readonly type: 'stop' };

export interface Decision {
  readonly state: NodeState;
  readonly actions: readonly Action[];
  readonly notes: readonly Note[];
  /** When to be asked again, at the latest; on the clock of `nowMs`. */
  readonly wakeAtMs: number;
}

/** The moment of one decision: time and randomness come in as values. */
export interface Moment {
  /** Monotonic milliseconds. */
  readonly nowMs: number;
  /** A number in [0, 1). */
  readonly random: number;
}

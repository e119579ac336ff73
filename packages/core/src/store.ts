import type { PodName, Term } from './brand.ts';
import { isSameHolder, type Asker, type Grants, type HolderId } from './lease.ts';
import type { Announcement } from './messages.ts';
import type { Timings } from './timings.ts';

/** The lease as it is written down beside the pods, where only one of several writes at the same moment succeeds. */
export interface StoredLease {
  /** Who has it, or had it last. */
  readonly holder: Asker;
  /** It was given back: the holder's Redis is fenced, or dead. */
  readonly isReleased: boolean;
  /** Whom it was released to. */
  readonly to: PodName | null;
  readonly term: Term;
  /** How long others must see it unchanged before they may take it, in milliseconds. */
  readonly grantMs: number;
  /** The holder's N: it goes on without the store as long as all of the first N pods agree. */
  readonly replicas: number;
  readonly announcement: Announcement | null;
}

/** What stands in the store. The version is another one after each write, whoever wrote. */
export type StoreRecord =
  /** There is none, or nobody has ever held it. Without a version the first write creates it. */
  | { readonly kind: 'none'; readonly version: string | null }
  | { readonly kind: 'lease'; readonly version: string; readonly lease: StoredLease }
  /** It is this set's, but who holds it can not be read. */
  | { readonly kind: 'broken'; readonly version: string; readonly why: string }
  /** Somebody else's, who has the same name for something else. */
  | { readonly kind: 'foreign'; readonly version: string; readonly why: string };

/** One question to the store. A write takes effect only while the record still has this version. */
export type StoreRequest =
  { readonly do: 'read' } | { readonly do: 'write'; readonly version: string | null; readonly lease: StoredLease };

export type StoreOutcome =
  /** What was read, or written. */
  | { readonly kind: 'record'; readonly record: StoreRecord }
  /** Certainly not written: the record has another version. */
  | { readonly kind: 'conflict' }
  /** No answer. What was to be written may be there, or may yet come. */
  | { readonly kind: 'away'; readonly error: string }
  /** Certainly not done, and the store says why. */
  | { readonly kind: 'refused'; readonly error: string; readonly retryAfterMs: number | null };

/** Which votes of the pods themselves an acquisition needs beside the write. */
export type VotesNeeded =
  | 'none'
  /** The own one: as long as it stands, the former holder does not have the consent of all. */
  | 'own'
  /** The own one and those of a quorum. */
  | 'quorum';

export type Claim =
  | { readonly free: true; readonly votes: VotesNeeded }
  | { readonly free: false; readonly retryAfterMs: number; readonly why: string };

/** A lease that its holder said it gave back. */
export interface GivenBack {
  readonly holder: Asker;
  readonly term: Term;
}

/** The record as one pod has seen it, on its own clock. */
export interface Sighting {
  readonly record: StoreRecord;
  /** When this version was first seen: the *receipt* of the answer that showed it. */
  readonly seenAtMs: number;
}

/** A write is asked for at most so often without need, in milliseconds; others that wait for the lease look as often. */
export function storeEveryMs({ heartbeatMs, leaseMs }: Timings): number {
  return Math.max(heartbeatMs, Math.floor(leaseMs / 4));
}

/** Has the holder told that it gave this very lease back? Another life of its sidecar may have taken it anew. */
function isGivenBack({ holder, term, isReleased }: StoredLease, told: readonly GivenBack[]): boolean {
  const isSameLife = (one: Asker): boolean => isSameHolder(one, holder) && one.incarnation === holder.incarnation;
  return isReleased || told.some((given) => isSameLife(given.holder) && given.term >= term);
}

function unchangedFor(sighting: Sighting, forMs: number, nowMs: number, who: string): Claim | null {
  const freeAtMs = sighting.seenAtMs + forMs;
  if (nowMs >= freeAtMs) return null;
  return { free: false, retryAfterMs: freeAtMs - nowMs, why: `${who} may hold it still` };
}

interface Candidate {
  readonly self: HolderId;
  readonly members: readonly PodName[];
  readonly timings: Timings;
  /** What was heard from the holders themselves. */
  readonly givenBack: readonly GivenBack[];
}

/**
 * May this pod write itself into the record, and with which votes of the pods? While a record stands unchanged nobody but its holder can
 * have the lease, so what has to be certain is that this one has it no more, and will not have it again without a write:
 * - its own, also of an earlier life of this pod: nobody else has it;
 * - given back: the holder is fenced;
 * - another's: unchanged for so long that its last write has run out, and the own vote, for all would have to consent;
 * - none: nobody knows what was before, so a quorum has to agree as if there were no store.
 */
export function claimOn(sighting: Sighting, candidate: Candidate, nowMs: number): Claim {
  const { self, members, timings, givenBack } = candidate;
  const { record, seenAtMs } = sighting;
  switch (record.kind) {
    case 'foreign':
      return { free: false, retryAfterMs: timings.leaseMs, why: record.why };
    case 'none':
      return (
        unchangedFor(sighting, timings.grantMs, nowMs, 'somebody whose record was deleted') ?? {
          free: true,
          votes: 'quorum',
        }
      );
    case 'broken':
      return (
        unchangedFor(sighting, timings.grantMs, nowMs, 'somebody') ?? {
          free: true,
          votes: 'own',
        }
      );
    case 'lease': {
      const { lease } = record;
      const { holder, to, replicas } = lease;
      const keptUntilMs = seenAtMs + timings.reservationMs;
      if (lease.isReleased && to !== null && to !== self.pod && nowMs < keptUntilMs) {
        return { free: false, retryAfterMs: keptUntilMs - nowMs, why: `it was released to ${to}` };
      }
      if (isGivenBack(lease, givenBack) || isSameHolder(holder, self)) return { free: true, votes: 'none' };
      const waitMs = Math.max(timings.grantMs, lease.grantMs);
      if (!members.slice(0, replicas).includes(self.pod)) {
        const why = `${holder.pod} did not count ${self.pod} when it wrote the lease, and need not ask for its consent`;
        return { free: false, retryAfterMs: timings.leaseMs, why };
      }
      return unchangedFor(sighting, waitMs, nowMs, holder.pod) ?? { free: true, votes: 'own' };
    }
  }
}

/** Are these grants the votes that are needed? The own one is the only one that this pod can not forget without knowing. */
export function hasVotes(votes: VotesNeeded, grants: Grants, self: PodName, quorum: number): boolean {
  switch (votes) {
    case 'none':
      return true;
    case 'own':
      return self in grants;
    case 'quorum':
      return self in grants && Object.keys(grants).length >= quorum;
  }
}

/** True when both are the same record, unchanged. */
export function isSameRecord(a: StoreRecord | null, b: StoreRecord): boolean {
  return a !== null && a.kind === b.kind && a.version === b.version;
}

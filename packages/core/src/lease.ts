import type { PodName, Term } from './brand.ts';

/** Who holds a lease: the pod, and the UID that tells it from a later pod of the same name. */
export interface HolderId {
  readonly pod: PodName;
  readonly uid: string;
}

/** Who asks for a lease, or gives it back: a holder, in one life of its sidecar. */
export interface Asker extends HolderId {
  readonly incarnation: string;
}

/** One voter's promise. Times are on the voter's own monotonic clock. */
export interface Grant {
  readonly holder: Asker;
  readonly term: Term;
  readonly expiresAtMs: number;
}

/** The voter's half of the lease. Nothing of it is on disk: a restarted voter is mute until all it may have promised has run out. */
export interface Voter {
  readonly mutedUntilMs: number;
  readonly promisedTerm: Term;
  readonly grant: Grant | null;
  /** Who held the lease of `promisedTerm` in this voter's former life, and may go on with it. */
  readonly remembered: HolderId | null;
  /** A released lease is kept for a moment for the pod that it was released to. */
  readonly reservation: { readonly pod: PodName; readonly untilMs: number } | null;
}

export type RefusalReason = 'mute' | 'stale-term' | 'held' | 'reserved';

export type Verdict =
  | { readonly granted: true }
  | { readonly granted: false; readonly reason: RefusalReason; readonly retryAfterMs: number };

/** A voter that has just started: it grants nothing for as long as a promise of its former life may last. */
export function startVoter(nowMs: number, grantMs: number, term: Term, remembered: HolderId | null = null): Voter {
  return { mutedUntilMs: nowMs + grantMs, promisedTerm: term, grant: null, remembered, reservation: null };
}

export function isSameHolder(a: HolderId, b: HolderId): boolean {
  return a.pod === b.pod && a.uid === b.uid;
}

/** A restarted sidecar does not know what it has asked for and given back before: the two are told apart. */
function isSameLife(a: Asker, b: Asker): boolean {
  return isSameHolder(a, b) && a.incarnation === b.incarnation;
}

/** The grant that stands at `nowMs`, or null. */
export function standingGrant(voter: Voter, nowMs: number): Grant | null {
  return voter.grant !== null && voter.grant.expiresAtMs > nowMs ? voter.grant : null;
}

/**
 * Would this voter grant the lease of `term` to `holder` at `nowMs`? Changes nothing; serves pre-vote, acquire and renew alike.
 * Granted when the term is not older than any promised, and no unexpired grant stands for another holder (PaxosLease, Trencseni 2012).
 */
export function judge(voter: Voter, holder: Asker, term: Term, nowMs: number): Verdict {
  if (nowMs < voter.mutedUntilMs) {
    return { granted: false, reason: 'mute', retryAfterMs: voter.mutedUntilMs - nowMs };
  }
  const standing = standingGrant(voter, nowMs);
  if (standing !== null && !isSameHolder(standing.holder, holder)) {
    return { granted: false, reason: 'held', retryAfterMs: standing.expiresAtMs - nowMs };
  }
  const isOfGrant = voter.grant !== null && term === voter.grant.term && isSameLife(voter.grant.holder, holder);
  const isRenewal = isOfGrant || (voter.remembered !== null && isSameHolder(voter.remembered, holder));
  if (term < voter.promisedTerm || (term === voter.promisedTerm && !isRenewal)) {
    return { granted: false, reason: 'stale-term', retryAfterMs: 0 };
  }
  if (voter.reservation !== null && voter.reservation.untilMs > nowMs && voter.reservation.pod !== holder.pod) {
    return { granted: false, reason: 'reserved', retryAfterMs: voter.reservation.untilMs - nowMs };
  }
  return { granted: true };
}

/** The voter after it has granted; call only after `judge` said yes. */
export function promise(voter: Voter, asker: Asker, term: Term, nowMs: number, grantMs: number): Voter {
  const { pod, uid, incarnation } = asker;
  const holder = { pod, uid, incarnation };
  return {
    ...voter,
    promisedTerm: term,
    grant: { holder, term, expiresAtMs: nowMs + grantMs },
    remembered: null,
    reservation: null,
  };
}

/**
 * The voter after the holder has given the lease back: the grant is gone at once, and may be kept for `to`. What an earlier life of
 * the holder's sidecar gave back, and arrives only now, is not what this one holds.
 */
export function release(
  voter: Voter,
  holder: Asker,
  term: Term,
  to: PodName | null,
  nowMs: number,
  reservationMs: number,
): Voter {
  if (voter.grant === null || !isSameLife(voter.grant.holder, holder) || term < voter.grant.term) return voter;
  const reservation = to === null ? null : { pod: to, untilMs: nowMs + reservationMs };
  return { ...voter, grant: null, reservation };
}

/** floor(N/2)+1 of the N configured pods, never of those that happen to answer. */
export function quorumOf(replicas: number): number {
  return Math.floor(replicas / 2) + 1;
}

/** The holder's half: for each voter, when the newest request that it granted was *sent*, on the holder's clock. */
export type Grants = Readonly<Partial<Record<PodName, number>>>;

/** Counts an answer from when its request was sent; an older answer that comes late changes nothing. */
export function withGrant(grants: Grants, voter: PodName, sentAtMs: number): Grants {
  return { ...grants, [voter]: Math.max(grants[voter] ?? -Infinity, sentAtMs) };
}

/**
 * Until when the holder may act on its lease: a quorum of voters has promised it until then.
 * @returns milliseconds on the holder's clock; -Infinity when there is no quorum.
 */
export function leaseUntilMs(grants: Grants, quorum: number, leaseMs: number): number {
  const newestFirst = Object.values(grants)
    .filter((sentAtMs) => sentAtMs !== undefined)
    .sort((a, b) => b - a);
  const sentAtMs = newestFirst[quorum - 1];
  return sentAtMs === undefined ? -Infinity : sentAtMs + leaseMs;
}

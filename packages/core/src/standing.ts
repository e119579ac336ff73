import type { PodName } from './brand.ts';
import { isSameHolder, judge, type HolderId } from './lease.ts';
import type { PreviousPromise } from './messages.ts';
import { dataQuorumOf, isEmpty, ownPosition } from './position.ts';
import { claimOn, hasVotes } from './store.ts';
import { otherMembers, peerView, type CandidateRole, type Turn } from './turn.ts';

/** How a campaign stands that a store decides. */
export type Standing =
  | { readonly kind: 'wait' }
  /** The step is won. */
  | { readonly kind: 'won' }
  /** All that is missing is the write. */
  | { readonly kind: 'write' }
  | { readonly kind: 'lost'; readonly retryAfterMs: number; readonly why: string };

const WAIT: Standing = { kind: 'wait' };

/** Those who have not answered yet, and may still do so. */
function mayAnswer(turn: Turn, role: CandidateRole): readonly PodName[] {
  if (turn.nowMs >= role.untilMs) return [];
  return otherMembers(turn.state).filter((pod) => !(pod in role.grants) && !role.refusedBy.includes(pod));
}

/**
 * Have the pods had their say? The store gives the lease, but they tell what is known of the data, and whoever has promised to follow
 * another one freezes only for that one: its promise runs out soon, for the store says that the other one's lease has.
 */
function heard(turn: Turn, role: CandidateRole): 'yes' | 'no' | 'wait' {
  if (Object.keys(role.grants).length >= turn.state.config.quorum) return 'yes';
  if (mayAnswer(turn, role).length > 0) return 'wait';
  return role.objecting.length === 0 ? 'yes' : 'no';
}

/** How many other pods have answered anything since then. */
function answeredSince({ state }: Turn, sinceMs: number): number {
  return otherMembers(state).filter((pod) => (peerView(state, pod).answeredAtMs ?? -Infinity) >= sinceMs).length;
}

/**
 * Why this pod could do nothing with the lease, with so many pods in touch; null when it could. A store gives it to one that is alone, too:
 * an empty Redis must not become the master of pods that it can not hear, and a lease that is of no use keeps others from it.
 */
function whyOfNoUse(turn: Turn, inTouch: number): string | null {
  const { config, announcement } = turn.state;
  const { members, durability, quorum } = config;
  if (announcement === null || inTouch >= quorum) return null;
  const position = ownPosition(turn.state, turn.nowMs);
  const isEmptyHanded = position !== null && isEmpty(position, announcement.history);
  const few = `only ${String(inTouch)} of ${String(members.length)} pods can be heard`;
  if (isEmptyHanded) return `its Redis has nothing of what there was, and ${few}`;
  const needed = dataQuorumOf(members.length);
  return durability === 'strict' && inTouch < needed
    ? `${few}, and ${String(needed)} have to show their data (--durability strict)`
    : null;
}

/** Where a candidate stands: by what it has seen in the store since its campaign began, and by the votes that this needs. */
export function standingOf(turn: Turn, role: CandidateRole): Standing {
  const { store, config, voter } = turn.state;
  const { heartbeatMs } = config.timings;
  const { stored } = role;
  if (stored === 'failed') return { kind: 'lost', retryAfterMs: heartbeatMs, why: 'the write did not succeed' };
  if (stored !== null && stored !== 'wanted') return heard(turn, role) === 'wait' ? WAIT : { kind: 'won' };
  if (stored === 'wanted') return WAIT;
  if (store.readAtMs < role.sinceMs || store.sighting === null || store.isStale) {
    if (store.failedAtMs < role.sinceMs || store.pending !== null) return WAIT;
    return { kind: 'lost', retryAfterMs: heartbeatMs, why: store.trouble ?? 'the lease store was not read' };
  }
  const { self, members, timings, quorum } = config;
  const { givenBack } = store;
  const claim = claimOn(store.sighting, { self, members, timings, givenBack }, turn.nowMs);
  if (!claim.free) return { kind: 'lost', retryAfterMs: claim.retryAfterMs, why: claim.why };
  const { reservation } = voter;
  if (reservation !== null && reservation.pod !== self.pod && reservation.untilMs > turn.nowMs) {
    const retryAfterMs = reservation.untilMs - turn.nowMs;
    return { kind: 'lost', retryAfterMs, why: `it was released to ${reservation.pod}` };
  }
  if (!hasVotes(claim.votes, role.grants, self.pod, quorum)) {
    if (claim.votes === 'quorum' && mayAnswer(turn, role).length > 0) return WAIT;
    const ownVote = judge(voter, self, role.term, turn.nowMs);
    const retryAfterMs = ownVote.granted ? 0 : ownVote.retryAfterMs;
    const why =
      claim.votes === 'own' ? 'this pod has agreed that another one goes on' : 'there is no record, and no quorum';
    return { kind: 'lost', retryAfterMs, why };
  }
  if (role.step === 'acquire') return { kind: 'write' };
  const isHeard = heard(turn, role);
  if (isHeard === 'wait') return WAIT;
  const lack = whyOfNoUse(turn, answeredSince(turn, role.sinceMs) + 1);
  if (lack !== null) return { kind: 'lost', retryAfterMs: heartbeatMs, why: lack };
  const why = `${role.objecting.join(', ')} follow another one`;
  return isHeard === 'yes' ? { kind: 'won' } : { kind: 'lost', retryAfterMs: 0, why };
}

/** Who had the lease last, by the record: he may have promoted himself without anybody else knowing. */
export function holderBefore(turn: Turn): readonly PreviousPromise[] {
  const { store, config } = turn.state;
  const record = store.sighting?.record;
  if (record?.kind !== 'lease') return [];
  const { holder, term } = record.lease;
  const { pod, uid }: HolderId = holder;
  return isSameHolder(holder, config.self) ? [] : [{ term, holder: { pod, uid } }];
}

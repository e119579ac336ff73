import { describeRelease, type RequestRef } from './action.ts';
import type { Term } from './brand.ts';
import { endDonation, startDonation } from './donate.ts';
import { campaignDelayMs, HANDED_TRIES, standBack } from './election.ts';
import { remember } from './chronicle.ts';
import { rememberChange } from './flapping.ts';
import { isSameHolder, judge, promise, release, standingGrant, type RefusalReason, type Voter } from './lease.ts';
import type { AnswerBody, Announcement, PeerRequest, PodIdentity } from './messages.ts';
import { convergeWithoutLease, holdInLimbo } from './own.ts';
import { hearPauses } from './pause.ts';
import { ownPosition } from './position.ts';
import { isInLimbo } from './replication-info.ts';
import type { NodeState } from './state.ts';
import { countAsLeader } from './resize.ts';
import { countsOtherwise } from './size-rule.ts';
import { forgetPromises, isPodOfSet, note, patch, patchPeer, peerView, rememberPromise, type Turn } from './turn.ts';
import { heldUntilMs, usesStore } from './view.ts';

type RequestOf<Type extends PeerRequest['type']> = Extract<PeerRequest, { type: Type }>;

function reply(turn: Turn, ref: RequestRef, body: AnswerBody): void {
  turn.actions.push({ type: 'answer', ref, body });
}

function refuse(
  turn: Turn,
  ref: RequestRef,
  reason: Extract<AnswerBody, { type: 'refused' }>['reason'],
  retryAfterMs = 0,
): void {
  reply(turn, ref, { type: 'refused', reason, retryAfterMs, announcement: turn.state.announcement });
}

/** Remembers where a pod is and which life of it speaks. */
export function meet(turn: Turn, identity: PodIdentity): void {
  const known = peerView(turn.state, identity.pod).identity;
  const isSame = known?.incarnation === identity.incarnation && known.ip === identity.ip;
  if (isSame && known.replicas === identity.replicas) return;
  const { isResizable = false, self } = turn.state.config;
  const { replicas } = self;
  const isNewLife = known?.incarnation !== identity.incarnation;
  if (isNewLife && identity.store !== self.store) {
    const text = `${identity.pod} runs with --lease-store ${identity.store ?? 'peers'}, this pod with ${self.store ?? 'peers'}: pause automatic failover until all pods have the same`;
    note(turn, 'warn', 'store-differs', text);
  }
  if (isNewLife && countsOtherwise(isResizable, replicas, identity.replicas)) {
    const text = `${identity.pod} runs with --replicas ${String(identity.replicas)}, this pod with ${String(replicas)}: change it on all pods, one pod more or less at a time`;
    note(turn, 'warn', 'replicas-differ', text);
  }
  const isNewPod = known !== null && known.uid !== identity.uid;
  patchPeer(turn, identity.pod, isNewPod ? { identity, position: null, answeredAtMs: null } : { identity });
}

function isStranger(turn: Turn, request: PeerRequest): 'other-cluster' | 'not-a-member' | null {
  if (request.cluster !== turn.state.config.cluster) return 'other-cluster';
  return isPodOfSet(turn.state, request.from) ? null : 'not-a-member';
}

/** Remembers the newest term that was ever heard of, whoever named it: the next campaign has to be newer still. */
function raiseTerm(turn: Turn, request: PeerRequest): void {
  if (request.term > turn.state.term) patch(turn, { term: request.term });
}

/** Answers one question of a peer. */
export function takeRequest(turn: Turn, ref: RequestRef, request: PeerRequest): void {
  const stranger = isStranger(turn, request);
  if (stranger !== null) {
    patch(turn, { refusedMessages: turn.state.refusedMessages + 1 });
    refuse(turn, ref, stranger);
    return;
  }
  // Who is behind the times has nothing to tell of itself either: it is met when it has caught up.
  if (request.term >= turn.state.voter.promisedTerm) meet(turn, request.from);
  hearPauses(turn, request.pauses);
  switch (request.type) {
    case 'PREVOTE':
      answerPrevote(turn, ref, request);
      return;
    case 'ACQUIRE':
    case 'RENEW':
      answerLeaseRequest(turn, ref, request);
      return;
    case 'RELEASE':
      takeRelease(turn, request);
      reply(turn, ref, { type: 'ok' });
      return;
    case 'FREEZE':
      takeFreeze(turn, ref, request);
      return;
    case 'DONATE':
      takeDonate(turn, ref, request);
      return;
    case 'ANNOUNCE':
      takeAnnounce(turn, ref, request);
      return;
  }
}

function answerPrevote(turn: Turn, ref: RequestRef, request: RequestOf<'PREVOTE'>): void {
  const { state, nowMs } = turn;
  const verdict = judge(state.voter, request.from, request.term, nowMs);
  if (!verdict.granted) {
    refuse(turn, ref, verdict.reason, verdict.retryAfterMs);
    return;
  }
  const { announcement } = state;
  const { members } = state;
  reply(turn, ref, { type: 'granted', position: ownPosition(state, nowMs), announcement, promises: [], members });
}

/**
 * With a store, a voter that has just started need not be mute to whoever leads: all have to consent, and of those who would take the lease
 * each counts on its own vote, which stays mute.
 */
function consentingVoter(state: NodeState, request: PeerRequest): Voter {
  const isConsent = usesStore(state) && request.type === 'RENEW' && request.term >= state.term;
  return isConsent ? { ...state.voter, mutedUntilMs: -Infinity } : state.voter;
}

function answerLeaseRequest(turn: Turn, ref: RequestRef, request: RequestOf<'ACQUIRE' | 'RENEW'>): void {
  const { state, nowMs } = turn;
  if (state.role.kind === 'holder') {
    // The lease was checked a moment ago: it is valid, also when the own vote (a restarted, mute sidecar's) is no part of it.
    refuse(turn, ref, 'held', Math.max(0, heldUntilMs(state) - nowMs));
    return;
  }
  const voter = consentingVoter(state, request);
  const verdict = judge(voter, request.from, request.term, nowMs);
  const isNewest = request.term >= state.term;
  raiseTerm(turn, request);
  if (verdict.granted) {
    const { grantMs } = state.config.timings;
    patch(turn, { voter: promise(state.voter, request.from, request.term, nowMs, grantMs) });
    rememberPromise(turn, request.from, request.term);
  }
  // A mute voter promises nothing, but it believes what it hears about who leads.
  const believes = verdict.granted || (verdict.reason === 'mute' && isNewest);
  if (believes && request.type === 'RENEW') {
    patch(turn, { ranking: request.ranking, members: request.members });
    countAsLeader(turn, request.from, request.keeps ?? null);
  }
  if (believes) defer(turn, request);
  if (believes && request.type === 'RENEW') {
    if (request.announcement !== null) adopt(turn, request.announcement);
  }
  if (verdict.granted) {
    const { announcement, members } = turn.state;
    const promises = state.promises.filter((promised) => promised.holder.pod !== request.from.pod);
    reply(turn, ref, { type: 'granted', position: ownPosition(turn.state, nowMs), announcement, promises, members });
  } else refuse(turn, ref, verdict.reason satisfies RefusalReason, verdict.retryAfterMs);
}

/** Somebody else has, or is about to have, the lease: no campaign of one's own until it may have run out. */
function defer(turn: Turn, request: PeerRequest): void {
  const { state, nowMs } = turn;
  if (
    state.announcement !== null &&
    state.announcement.term < request.term &&
    state.announcement.pod !== request.from.pod
  ) {
    // Whoever was master before is not any more: nobody is led to it, and nobody follows it.
    patch(turn, { announcedUntilMs: Math.min(state.announcedUntilMs, nowMs) });
  }
  standBack(turn, state.config.timings.grantMs + campaignDelayMs(turn));
}

/** Believes that `announcement` is the topology, as long as its lease may be alive. */
function adopt(turn: Turn, announcement: Announcement): void {
  const { state, nowMs } = turn;
  if (state.announcement !== null && announcement.term < state.announcement.term) return;
  if (announcement.term !== state.announcement?.term || announcement.pod !== state.announcement.pod) {
    note(turn, 'info', 'master', `${announcement.pod} is master of term ${String(announcement.term)}`, {
      term: announcement.term,
      master: announcement.pod,
      address: `${announcement.ip}:${String(announcement.port)}`,
    });
  }
  if (state.announcement !== null && announcement.pod !== state.announcement.pod) rememberChange(turn);
  forgetPromises(turn, announcement.term);
  remember(turn, announcement);
  const announcedUntilMs = nowMs + state.config.timings.grantMs;
  patch(turn, { announcement, masterGone: false, release: null, announcedUntilMs });
}

function takeRelease(turn: Turn, request: RequestOf<'RELEASE'>): void {
  const { state, nowMs } = turn;
  const { timings, self } = state.config;
  const { from, term, to } = request;
  const { announcement } = state;
  const held = standingGrant(state.voter, nowMs)?.holder;
  // Sent by an earlier life of the holder's sidecar: it says nothing about this one.
  if (held !== undefined && isSameHolder(held, from) && held.incarnation !== from.incarnation) return;
  const isOfMaster = announcement !== null && isSameHolder(announcement, from) && term >= announcement.term;
  const wasMaster = isOfMaster && request.cause !== 'withdrawn';
  const heldHere = held?.pod === from.pod;
  rememberGivenBack(turn, from, term);
  patch(turn, { voter: release(state.voter, from, term, to, nowMs, timings.reservationMs) });
  if (wasMaster) {
    note(
      turn,
      'info',
      'lease-given-back',
      `${from.pod} gave the lease of term ${String(term)} back: ${describeRelease(request.cause)}`,
      { term },
    );
    // A hung Redis may still be reached, or come back: only a dead or a fenced one need not be asked.
    patch(turn, {
      masterGone: request.cause !== 'redis-hung',
      release: { cause: request.cause, to },
      announcedUntilMs: Math.min(state.announcedUntilMs, nowMs),
    });
  }
  const concernsUs = wasMaster || heldHere || to === self.pod;
  if (!concernsUs || term < state.voter.promisedTerm || state.role.kind === 'holder') return;
  if (to === self.pod) standBack(turn, 0, HANDED_TRIES);
  else standBack(turn, (to === null ? 0 : timings.reservationMs) + campaignDelayMs(turn));
}

/** The store may learn of it later, or not at all; the holder's own word is as good. */
function rememberGivenBack(turn: Turn, { pod, uid, incarnation }: PodIdentity, term: Term): void {
  const { store } = turn.state;
  if (!usesStore(turn.state)) return;
  const before = store.givenBack.find(({ holder }) => holder.pod === pod);
  const isOlder = before?.holder.incarnation === incarnation && before.term >= term;
  if (isOlder) return;
  const others = store.givenBack.filter((given) => given !== before);
  patch(turn, { store: { ...store, givenBack: [...others, { holder: { pod, uid, incarnation }, term }] } });
}

/** Does this request come from the holder of the lease, as far as this voter can tell? */
function speaksAsHolder(turn: Turn, request: PeerRequest): boolean {
  const { voter, role, term } = turn.state;
  if (role.kind === 'holder') return false;
  const grant = standingGrant(voter, turn.nowMs);
  if (grant !== null) return isSameHolder(grant.holder, request.from) && request.term >= grant.term;
  // A mute voter has promised nothing in this life; it follows whoever is not older than the newest term that it has heard of.
  return turn.nowMs < voter.mutedUntilMs && request.term >= term;
}

function takeFreeze(turn: Turn, ref: RequestRef, request: RequestOf<'FREEZE'>): void {
  const { nowMs } = turn;
  const { announcement } = turn.state;
  // The election of that term is over, and this request was on its way for too long.
  const isOver = announcement !== null && request.term <= announcement.term;
  if (isOver || !speaksAsHolder(turn, request)) {
    refuse(turn, ref, 'no-lease');
    return;
  }
  raiseTerm(turn, request);
  defer(turn, request);
  endDonation(turn);
  const isDetached = holdInLimbo(turn, `${request.from.pod} holds an election in term ${String(request.term)}`);
  const { own } = turn.state;
  if (isDetached || (own.pending === null && own.promotingId === null)) {
    reply(turn, ref, { type: 'frozen', position: isDetached ? ownPosition(turn.state, nowMs) : null });
    return;
  }
  patch(turn, { freezing: [...turn.state.freezing, { ref, term: request.term }] });
}

/** Answers those who wait for the own Redis to be detached, as soon as that is known to have worked or not. */
export function progressFreezing(turn: Turn): void {
  const { freezing, own } = turn.state;
  if (freezing.length === 0 || own.pending !== null || own.promotingId !== null) return;
  // An order that failed (Redis is loading, say) is not waited for: the holder asks again.
  const isDetached = own.info !== null && isInLimbo(own.info);
  const position = isDetached ? ownPosition(turn.state, turn.nowMs) : null;
  for (const { ref } of freezing) reply(turn, ref, { type: 'frozen', position });
  patch(turn, { freezing: [] });
}

function takeDonate(turn: Turn, ref: RequestRef, request: RequestOf<'DONATE'>): void {
  if (!speaksAsHolder(turn, request)) {
    refuse(turn, ref, 'no-lease');
    return;
  }
  raiseTerm(turn, request);
  defer(turn, request);
  endDonation(turn);
  const { own } = turn.state;
  // Only a frozen one: then nobody feeds it, so what it has is all that it will have.
  if (own.info !== null && isInLimbo(own.info) && own.pending === null) startDonation(turn, ref, request.term);
  else reply(turn, ref, { type: 'frozen', position: null });
}

function takeAnnounce(turn: Turn, ref: RequestRef, request: RequestOf<'ANNOUNCE'>): void {
  if (!speaksAsHolder(turn, request)) {
    refuse(turn, ref, 'no-lease');
    return;
  }
  raiseTerm(turn, request);
  defer(turn, request);
  adopt(turn, request.announcement);
  convergeWithoutLease(turn);
  reply(turn, ref, { type: 'ok' });
}

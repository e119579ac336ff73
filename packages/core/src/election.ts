import type { PodName, Term } from './brand.ts';
import { asTerm, NO_TERM } from './brand.ts';
import { isNeverPromoted } from './candidates.ts';
import { mark } from './chronicle.ts';
import { heldOffUntilMs } from './flapping.ts';
import { isSameHolder, judge, promise, withGrant } from './lease.ts';
import type { Announcement, PeerAnswer } from './messages.ts';
import { isPaused } from './pause.ts';
import { newerAnnouncement, ownPosition, worthOf } from './position.ts';
import { startFailover } from './failover.ts';
import { holderBefore, standingOf } from './standing.ts';
import type { NodeState } from './state.ts';
import {
  ask,
  askAll,
  because,
  countsAlike,
  isMember,
  knowsItsSize,
  note,
  orderRemote,
  otherMembers,
  patch,
  podsOfOtherSize,
  rememberPromise,
  wakeAt,
  type CandidateRole,
  type Turn,
} from './turn.ts';
import { isAnnouncementFresh, usesStore } from './view.ts';

/** Whom a lease is released to asks for it so many times in quick succession: its question may overtake the release on its way to others. */
export const HANDED_TRIES = 3;
const HANDED_RETRY_MS = 10;

/** The own Redis is the announced master, and still the same process: to go on with it costs nobody anything. */
function isMasterStill(state: NodeState): boolean {
  const { announcement, own } = state;
  return isOfThisPod(state) && own.info?.role === 'master' && own.info.runId === announcement?.runId;
}

function isOfThisPod({ announcement, config }: NodeState): boolean {
  return announcement !== null && isSameHolder(announcement, config.self);
}

/** How much later than the first in rank this pod starts a campaign, in milliseconds: the best one normally runs alone. */
export function campaignDelayMs(turn: Turn): number {
  const { config, ranking, announcement } = turn.state;
  const { self, members, timings } = config;
  if (isMasterStill(turn.state)) return turn.random * 0.5 * timings.electionStepMs;
  const place = ranking.includes(self.pod) ? ranking.indexOf(self.pod) : ranking.length + members.indexOf(self.pod);
  const position = ownPosition(turn.state, turn.nowMs);
  const known = announcement?.history ?? null;
  // Without full data it is worth letting all the others try first.
  const handicap = position === null || (known !== null && worthOf(position, known) !== 'full') ? members.length : 0;
  return (place + handicap + turn.random * 0.5) * timings.electionStepMs;
}

/** Becomes a follower that starts a campaign in `delayMs` unless it hears of a lease before. */
export function standBack(turn: Turn, delayMs: number, handedTries = 0): void {
  patch(turn, { role: { kind: 'follower', electAtMs: turn.nowMs + delayMs, handedTries } });
}

function whyNotElectable(turn: Turn): string | null {
  const { state } = turn;
  if (state.stopping) return 'this sidecar is stopping';
  if (!knowsItsSize(state)) return `N is not known: ${String(state.resizing?.waitsFor)}`;
  if (!isMember(state))
    return `${state.config.self.pod} is not one of the ${String(state.config.members.length)} configured pods`;
  if (state.own.info === null) return `its Redis is ${state.own.health.state}: ${state.own.health.reason}`;
  if (state.own.health.state === 'down') return 'its Redis is down';
  const { command } = state;
  if (command?.kind === 'failover' && command.to !== null && command.to !== state.config.self.pod)
    return `a failover to ${command.to} was ordered`;
  const position = ownPosition(state, turn.nowMs);
  if (position === null) return 'its Redis is loading';
  if (isNeverPromoted(position)) return 'its priority is 0';
  if (!position.intact) return 'its Redis is in the middle of a full sync';
  return null;
}

/**
 * While automatic failover is paused only the announced master may ask for its lease again, also when it has fenced itself meanwhile: a
 * quorum that was gone for a moment must not become an outage without end. (A set that has no master yet has nothing to fail over from.)
 */
function whyNotNow(state: NodeState): string | null {
  const { announcement, own } = state;
  if (!isPaused(state) || announcement === null) return null;
  const isItself = isOfThisPod(state) && own.info !== null && own.info.runId === announcement.runId;
  return isItself ? null : 'automatic failover is PAUSED';
}

/** Starts a campaign when the time for it has come. */
export function progressFollower(turn: Turn): void {
  const { role } = turn.state;
  if (role.kind !== 'follower') return;
  if (isAnnouncementFresh(turn.state, turn.nowMs)) {
    because(turn, `following ${String(turn.state.announcement?.pod)}, master of term ${String(turn.state.term)}`);
  }
  if (turn.nowMs < role.electAtMs) {
    lookAhead(turn, role.electAtMs);
    return;
  }
  if (waitsForItsMaster(turn) || waitsForASilentMaster(turn)) return;
  const hindrance = whyNotElectable(turn) ?? (role.handedTries > 0 ? null : whyNotNow(turn.state));
  if (hindrance !== null) {
    because(turn, `no lease is known; not a candidate: ${hindrance}`);
    standBack(turn, turn.state.config.timings.heartbeatMs);
    wakeAt(turn, turn.nowMs + turn.state.config.timings.heartbeatMs);
    return;
  }
  if (role.handedTries > 0) startHanded(turn, role.handedTries - 1);
  else prevote(turn);
}

/**
 * A master that has fallen silent is asked while its lease runs out: that one does not answer is certain only after a while, and a
 * campaign should not have to wait for it.
 */
function lookAhead(turn: Turn, electAtMs: number): void {
  const probeAtMs = electAtMs - turn.state.config.timings.probeTimeoutMs;
  if (turn.nowMs < probeAtMs) {
    wakeAt(turn, probeAtMs);
    return;
  }
  if ((whyNotElectable(turn) ?? whyNotNow(turn.state)) === null) recentProbe(turn);
  wakeAt(turn, electAtMs);
}

/**
 * When all sidecars have restarted at once nobody remembers who was master, but a replica whose link is up knows that there
 * is one: its sidecar lets that pod ask first.
 */
function waitsForItsMaster(turn: Turn): boolean {
  const { own, announcement, startedAtMs, config } = turn.state;
  const untilMs = startedAtMs + config.timings.grantMs + config.members.length * 2 * config.timings.electionStepMs;
  if (announcement !== null || own.info?.linkUp !== true || turn.nowMs >= untilMs) return false;
  wakeAt(turn, untilMs);
  return true;
}

/** A link that comes and goes must not cost a failover each time. */
function waitsForASilentMaster(turn: Turn): boolean {
  const { role } = turn.state;
  const untilMs = heldOffUntilMs(turn.state, turn.nowMs);
  if (turn.nowMs >= untilMs || (role.kind === 'follower' && role.handedTries > 0)) return false;
  because(turn, 'the master is silent, but it has moved too often of late: giving it time to come back');
  wakeAt(turn, untilMs);
  return true;
}

/** The lease was given to this pod: it need not ask whether it could be had. */
function startHanded(turn: Turn, triesLeft: number): void {
  mark(turn, 'asked');
  acquire(turn, probeOldMaster(turn), triesLeft);
}

/** The question that was put to the old master's Redis a moment ago, or a new one. @returns its id; null when there is nobody to ask */
function recentProbe(turn: Turn): number | null {
  const { probe, announcement, config } = turn.state;
  const isRecent = probe !== null && turn.nowMs - probe.sentAtMs <= 2 * config.timings.probeTimeoutMs;
  return isRecent && probe.runId === announcement?.runId ? probe.id : probeOldMaster(turn);
}

/** Looks at the old master's Redis right away, so that the answer is there when the lease is won. */
function probeOldMaster(turn: Turn): number | null {
  const { announcement, masterGone, config } = turn.state;
  if (announcement === null || masterGone || announcement.pod === config.self.pod || announcement.runId === null)
    return null;
  // Only the very process that was announced: one that has restarted since is not worth waiting for.
  const id = orderRemote(turn, { ...announcement, history: null }, { kind: 'probe' });
  patch(turn, { probe: { id, runId: announcement.runId, sentAtMs: turn.nowMs, outcome: null } });
  return id;
}

/** Those who have not answered the pre-vote: they are not waited for again. */
function silentIn(turn: Turn, { grants, refusedBy }: CandidateRole): PodName[] {
  return otherMembers(turn.state).filter((pod) => !(pod in grants) && !refusedBy.includes(pod));
}

function candidacy(
  turn: Turn,
  step: CandidateRole['step'],
  term: Term,
  probeId: number | null,
  handedTries: number,
  before: CandidateRole | null,
): CandidateRole {
  return {
    kind: 'candidate',
    handedTries,
    step,
    term,
    grants: {},
    refusedBy: before === null || !usesStore(turn.state) ? [] : silentIn(turn, before),
    retryAfterMs: Infinity,
    newest: null,
    members: turn.state.members,
    previous: [],
    untilMs: turn.nowMs + turn.state.config.timings.requestTimeoutMs,
    probeId,
    objecting: [],
    // What was seen of the store a moment ago is as good; but not when the lease was given to this pod just now.
    sinceMs: before?.sinceMs ?? turn.nowMs - (handedTries > 0 ? 0 : turn.state.config.timings.heartbeatMs),
    stored: null,
  };
}

function tellAsking(turn: Turn): void {
  because(turn, `no lease is known: asking the other pods whether one could be won${disagreement(turn)}`);
}

/** Pods that were started with another number of replicas: none of theirs and none of ours wins a lease against the other's vote. */
function disagreement(turn: Turn): string {
  const { self } = turn.state.config;
  const all = podsOfOtherSize(turn.state);
  const ofOtherStore = all.filter(({ store }) => store !== self.store).map(({ pod }) => pod);
  if (ofOtherStore.length > 0) {
    return `; this pod runs with --lease-store ${self.store ?? 'peers'}, ${ofOtherStore.join(', ')} with another one`;
  }
  const others = all.map(({ pod, replicas }) => `${pod} with ${String(replicas)}`);
  return others.length === 0 ? '' : `; this pod runs with --replicas ${String(self.replicas)}, ${others.join(', ')}`;
}

function prevote(turn: Turn): void {
  const { state } = turn;
  const term = asTerm(state.term + 1);
  let role = candidacy(turn, 'prevote', term, recentProbe(turn), 0, null);
  mark(turn, 'asked');
  tellAsking(turn);
  if (judge(state.voter, state.config.self, term, turn.nowMs).granted) {
    role = { ...role, grants: withGrant(role.grants, state.config.self.pod, turn.nowMs) };
  }
  patch(turn, { role });
  askAll(turn, term, { type: 'PREVOTE' });
  settle(turn, role);
}

function acquire(turn: Turn, probeId: number | null, handedTries: number, before: CandidateRole | null = null): void {
  const { state, nowMs } = turn;
  const { self, timings } = state.config;
  const term = asTerm(state.term + 1);
  let role = candidacy(turn, 'acquire', term, probeId, handedTries, before);
  because(turn, `asking for the lease of term ${String(term)}`);
  patch(turn, { term });
  if (judge(state.voter, self, term, nowMs).granted) {
    role = { ...role, grants: withGrant(role.grants, self.pod, nowMs), previous: state.promises };
    patch(turn, { voter: promise(state.voter, self, term, nowMs, timings.grantMs) });
    rememberPromise(turn, self, term);
  }
  patch(turn, { role });
  askAll(turn, term, { type: 'ACQUIRE' });
  settle(turn, role);
}

/** Takes in one voter's answer to PREVOTE or ACQUIRE; null when there was none. */
export function takeVote(
  turn: Turn,
  from: PodName,
  term: Term,
  step: CandidateRole['step'],
  sentAtMs: number,
  answer: PeerAnswer | null,
): void {
  const { role } = turn.state;
  // An answer to an earlier campaign says nothing about this one.
  if (role.kind !== 'candidate' || role.step !== step || role.term !== term) return;
  if (answer?.type === 'granted') {
    patch(turn, {
      role: {
        ...role,
        grants: withGrant(role.grants, from, sentAtMs),
        newest: newerAnnouncement(role.newest, answer.announcement),
        members: role.members.length > 0 ? role.members : answer.members,
        previous: [...role.previous, ...answer.promises],
      },
    });
  } else if (answer?.type === 'refused' && !countsAlike(turn.state, answer.from)) {
    // It counts another quorum than this pod does, and has promised its vote by it: the two quorums need not overlap.
    tellAsking(turn);
    giveUp(turn, role);
    return;
  } else {
    const retryAfterMs = answer?.type === 'refused' ? answer.retryAfterMs : Infinity;
    const isObjecting = answer?.type === 'refused' && answer.reason !== 'mute';
    patch(turn, {
      role: {
        ...role,
        refusedBy: [...role.refusedBy, from],
        objecting: isObjecting ? [...role.objecting, from] : role.objecting,
        retryAfterMs: Math.min(role.retryAfterMs, retryAfterMs),
      },
    });
  }
  const now = turn.state.role;
  if (now.kind === 'candidate') settle(turn, now);
}

/** A pod that counts another quorum has a veto, so its answer is waited for. One that does not answer in time has none. */
function mayYetObject(turn: Turn, role: CandidateRole): boolean {
  const hasAnswered = (pod: PodName): boolean => pod in role.grants || role.refusedBy.includes(pod);
  return turn.nowMs < role.untilMs && podsOfOtherSize(turn.state).some(({ pod }) => !hasAnswered(pod));
}

/** Won, lost, or not yet? */
function settle(turn: Turn, role: CandidateRole): void {
  const { config } = turn.state;
  const isEnough = usesStore(turn.state) || Object.keys(role.grants).length >= config.quorum;
  if (isEnough && mayYetObject(turn, role)) {
    wakeAt(turn, role.untilMs);
    return;
  }
  if (usesStore(turn.state)) {
    settleByStore(turn, role);
    return;
  }
  if (Object.keys(role.grants).length >= config.quorum) {
    if (role.step === 'prevote') acquire(turn, role.probeId, 0);
    else win(turn, role);
    return;
  }
  const undecided = otherMembers(turn.state).filter(
    (pod) => !(pod in role.grants) && !role.refusedBy.includes(pod),
  ).length;
  if (Object.keys(role.grants).length + undecided < config.quorum || turn.nowMs >= role.untilMs) giveUp(turn, role);
  else wakeAt(turn, role.untilMs);
}

/** The same where a store decides. */
function settleByStore(turn: Turn, role: CandidateRole): void {
  const standing = standingOf(turn, role);
  switch (standing.kind) {
    case 'wait':
      if (turn.nowMs < role.untilMs) wakeAt(turn, role.untilMs);
      return;
    case 'write':
      patch(turn, { role: { ...role, stored: 'wanted', previous: [...role.previous, ...holderBefore(turn)] } });
      return;
    case 'won':
      if (role.step === 'prevote') acquire(turn, role.probeId, 0, role);
      else win(turn, role);
      return;
    case 'lost':
      because(turn, `no lease is known, and it can not be won at the moment: ${standing.why}`);
      giveUp(turn, { ...role, retryAfterMs: Math.max(standing.retryAfterMs, finiteOr(role.retryAfterMs, 0)) });
      return;
  }
}

const finiteOr = (value: number, otherwise: number): number => (Number.isFinite(value) ? value : otherwise);

/** The store shows a lease that was just given back: nobody has to wait any longer. */
export function heedRecord(turn: Turn): void {
  const { role, store, config } = turn.state;
  const { sighting } = store;
  if (role.kind !== 'follower' || sighting?.seenAtMs !== turn.nowMs || sighting.record.kind !== 'lease') return;
  const { isReleased, to, holder } = sighting.record.lease;
  if (!isReleased || isSameHolder(holder, config.self) || isAnnouncementFresh(turn.state, turn.nowMs)) return;
  if (to === config.self.pod) standBack(turn, 0, HANDED_TRIES);
  else standBack(turn, (to === null ? 0 : config.timings.reservationMs) + campaignDelayMs(turn));
}

export function progressCandidate(turn: Turn): void {
  const { role } = turn.state;
  if (role.kind === 'candidate') settle(turn, role);
}

function giveUp(turn: Turn, role: CandidateRole): void {
  const { timings } = turn.state.config;
  if (role.step === 'acquire') withdraw(turn, role.term);
  if (role.handedTries > 0) {
    standBack(turn, HANDED_RETRY_MS, role.handedTries);
    wakeAt(turn, turn.nowMs + HANDED_RETRY_MS);
    return;
  }
  const retryAfterMs = Number.isFinite(role.retryAfterMs) ? role.retryAfterMs : timings.heartbeatMs;
  standBack(turn, Math.max(retryAfterMs, timings.electionStepMs) + campaignDelayMs(turn));
}

/** Gives back grants of a lease that was not won, so that nobody waits for them to run out. */
function withdraw(turn: Turn, term: Term): void {
  const { state } = turn;
  for (const pod of otherMembers(state)) ask(turn, pod, term, { type: 'RELEASE', to: null, cause: 'withdrawn' });
  if (state.voter.grant?.term === term && state.voter.grant.holder.pod === state.config.self.pod) {
    patch(turn, { voter: { ...state.voter, grant: null } });
  }
}

/** Pods that had a lease newer than the newest announcement, and so may have promoted themselves without anybody knowing. */
function suspectsOf(turn: Turn, role: CandidateRole, old: Announcement | null): PodName[] {
  const newer = role.previous.filter((promised) => promised.term > (old?.term ?? NO_TERM));
  const pods = new Set(newer.map((promised) => promised.holder.pod));
  pods.delete(turn.state.config.self.pod);
  return [...pods];
}

/** Whomever this voter has promised the lease to: the store has given it to this pod, so that one has it no more. */
function followOneself(turn: Turn, { term }: CandidateRole): void {
  const { voter, config } = turn.state;
  patch(turn, { voter: promise(voter, config.self, term, turn.nowMs, config.timings.grantMs) });
}

function win(turn: Turn, role: CandidateRole): void {
  const { state, nowMs } = turn;
  const old = newerAnnouncement(state.announcement, role.newest);
  const isGone = state.masterGone && old?.term === state.announcement?.term;
  note(turn, 'info', 'lease-won', `won the lease of term ${String(role.term)}`, { term: role.term });
  mark(turn, 'won');
  if (usesStore(state)) followOneself(turn, role);
  patch(turn, {
    announcement: old,
    members: role.members,
    role: {
      kind: 'holder',
      term: role.term,
      grants: role.grants,
      stored: typeof role.stored === 'object' ? role.stored : null,
      renewAtMs: nowMs + state.config.timings.heartbeatMs,
      old: old === null ? null : { announcement: old, isGone },
      suspects: suspectsOf(turn, role, old),
      phase: { name: 'assess', untilMs: nowMs + state.config.timings.probeTimeoutMs * 2, remoteId: role.probeId ?? -1 },
    },
  });
  startFailover(turn);
}

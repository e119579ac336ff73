import type { Outcome } from './action.ts';
import { asPodName, asTerm, type PodName } from './brand.ts';
import { rank } from './choose.ts';
import { remember, rememberLoss, successionOf } from './chronicle.ts';
import { rememberChange } from './flapping.ts';
import { promise, judge, withGrant } from './lease.ts';
import { lineageAfter, lineageRenamed, lineageShownBy, type Lineage } from './lineage.ts';
import { haveAllJoined, isUnknownToFounder } from './founding.ts';
import type { AnswerBody, Announcement, MemberView, Position } from './messages.ts';
import { lossFields, lossTowards } from './loss.ts';
import type { ReplicationInfo } from './replication-info.ts';
import type { Frozen, NodeState, PhaseOf } from './state.ts';
import {
  ask,
  askAll,
  because,
  forgetPromises,
  note,
  orderOwn,
  orderRemote,
  otherMembers,
  patch,
  patchOwn,
  patchPeer,
  peerView,
  remoteTarget,
  stayingFirst,
  tellAll,
  wakeAt,
  watchOwn,
  type HolderRole,
  type Turn,
} from './turn.ts';
import { storeEveryMs } from './store.ts';
import { heldUntilMs, usesStore } from './view.ts';

/** How often a pod whose sidecar is silent is looked at directly, in milliseconds. */
const STRAY_CHECK_MS = 1000;
/** How often the own Redis is asked until its first replica is online, in milliseconds. */
const YOUNG_POLL_MS = 20;

/**
 * The own Redis is master and the lease is held: say so to everybody.
 * @param promoted how it was promoted; null when it has been master all along
 */
export function lead(turn: Turn, info: ReplicationInfo, promoted: PhaseOf<'promote'> | null): void {
  const { role, config } = turn.state;
  if (role.kind !== 'holder') return;
  const { pod, uid, ip, redisPort } = config.self;
  const before = promoted === null ? (role.old?.announcement.history ?? null) : promoted.before;
  const history = withShownPast(turn, lineageAfter(info, before));
  if (role.old !== null && role.old.announcement.pod !== pod) rememberChange(turn);
  const isFounded = promoted?.isFounded === true || role.old?.announcement.isFounded === true;
  const who = { pod, uid, ip, port: redisPort, runId: info.runId };
  // One that has been master all along has its own story, that of its promotion.
  const former = role.old?.announcement;
  const isSame = former?.pod === pod && former.runId === info.runId;
  const succession = (isSame ? former.succession : undefined) ?? successionOf(turn, role);
  const announcement: Announcement = { term: role.term, ...who, isFounded, history, succession };
  remember(turn, announcement);
  patch(turn, {
    announcement,
    masterGone: false,
    release: null,
    marks: {},
    role: { ...role, phase: { name: 'lead', sinceMs: turn.nowMs }, renewAtMs: turn.nowMs + config.timings.heartbeatMs },
  });
  patchOwn(turn, { synced: true });
  forgetPromises(turn, role.term);
  because(turn, `master of term ${String(role.term)}`);
  askAll(turn, role.term, { type: 'ANNOUNCE', announcement });
}

/**
 * The history with what the others have shown of its past. Whoever is promoted without a memory of the time before knows one promotion;
 * a master of the time before that, which comes back without a sidecar, is known by what somebody else's Redis remembers of it.
 */
function withShownPast({ state }: Turn, history: Lineage): Lineage {
  const shown = [...positionsOfOthers(state), state.own.lastMaster?.history ?? null].filter((one) => one !== null);
  return lineageShownBy(shown, history);
}

/** What each of the others has told last; null of whom nothing is known. */
function positionsOfOthers(state: NodeState): (Position | null)[] {
  return otherMembers(state).map((pod) => peerView(state, pod).position);
}

/** The order of succession after this pod, from what the others told last. */
export function rankOthers(turn: Turn): PodName[] {
  const { state } = turn;
  const positions: Record<PodName, NonNullable<Frozen[PodName]>> = {};
  for (const pod of otherMembers(state)) {
    const { position, answeredAtMs } = peerView(state, pod);
    const isRecent = answeredAtMs !== null && turn.nowMs - answeredAtMs < state.config.timings.leaseMs;
    // One that is not linked at the moment is behind, or empty: whoever is handed the lease should not have to wait for others.
    if (position !== null && isRecent && position.intact && position.linkUp) positions[pod] = position;
  }
  return stayingFirst(state, rank(positions, state.announcement?.history ?? null));
}

/** The pods beside this one, as the renewals tell of them. */
function viewMembers(turn: Turn): MemberView[] {
  const { state, nowMs } = turn;
  return otherMembers(state).flatMap((pod) => {
    const { identity, position, answeredAtMs } = peerView(state, pod);
    if (identity === null) return [];
    const isReachable = answeredAtMs !== null && nowMs - answeredAtMs < state.config.timings.leaseMs;
    const { runId = null, offset = 0, priority = null, linkUp = false, lastIoSecondsAgo = null } = position ?? {};
    return [
      {
        pod,
        ip: identity.ip,
        port: identity.redisPort,
        runId,
        offset,
        priority,
        linkUp,
        lastIoSecondsAgo,
        isReachable,
      },
    ];
  });
}

function announceAgain(turn: Turn, { term }: HolderRole): Announcement | null {
  const { announcement } = turn.state;
  if (announcement === null) return null;
  const isFounded = announcement.isFounded && !haveAllJoined(positionsOfOthers(turn.state), announcement);
  return { ...announcement, term, isFounded, history: withShownPast(turn, announcement.history) };
}

/**
 * A pod may come back that remembers a higher term than this lease's, of a time that a quorum has forgotten since. Others would
 * believe its announcement rather than this one's, so a leader goes on under a term above all that it has heard of.
 */
function aboveAllTerms(turn: Turn, role: HolderRole): HolderRole {
  const known = turn.state.term;
  if (known <= role.term || role.phase.name !== 'lead') return role;
  const raised = { ...role, term: asTerm(known + 1), renewAtMs: turn.nowMs };
  note(turn, 'info', 'term-raised', `term ${String(known)} is known: renewing under term ${String(raised.term)}`, {
    term: raised.term,
  });
  patch(turn, { term: raised.term, role: raised });
  return raised;
}

/** What a renewal says of a change of N. */
function renewal({ state }: Turn): { type: 'RENEW'; keeps?: number } {
  const keeps = state.resizing?.keeps ?? null;
  return keeps === null ? { type: 'RENEW' } : { type: 'RENEW', keeps };
}

/** Renews the lease; the renewal is the heartbeat, and carries the topology. */
export function progressRenewal(turn: Turn, before: HolderRole): HolderRole {
  const role = aboveAllTerms(turn, before);
  const { state, nowMs } = turn;
  const { self, timings } = state.config;
  if (nowMs < role.renewAtMs) {
    wakeAt(turn, role.renewAtMs);
    return role;
  }
  let grants = role.grants;
  if (judge(state.voter, self, role.term, nowMs).granted) {
    patch(turn, { voter: promise(state.voter, self, role.term, nowMs, timings.grantMs) });
    grants = withGrant(grants, self.pod, nowMs);
  }
  const isLeader = role.phase.name === 'lead' || role.phase.name === 'handover';
  const ranking = isLeader ? rankOthers(turn) : state.ranking;
  const members = isLeader ? viewMembers(turn) : state.members;
  const announcement = isLeader ? announceAgain(turn, role) : null;
  const next = { ...role, grants, renewAtMs: nowMs + timings.heartbeatMs };
  patch(turn, { role: next, ranking, members, announcement: announcement ?? state.announcement });
  tellAll(turn, role.term, { ...renewal(turn), announcement, ranking, members });
  wakeAt(turn, next.renewAtMs);
  return next;
}

/** Takes in one voter's answer to a renewal; null when there was none. */
export function takeRenewal(
  turn: Turn,
  from: PodName,
  sentAtMs: number,
  answer: AnswerBody | null,
  answerTerm: number,
): void {
  const { role } = turn.state;
  if (role.kind !== 'holder' || answer === null) return;
  if (answer.type === 'granted') {
    patch(turn, { role: { ...role, grants: withGrant(role.grants, from, sentAtMs) } });
    giveWayToData(turn, from, answer.position);
  } else if (answer.type === 'refused' && answer.reason === 'stale-term' && answerTerm >= role.term) {
    // A voter has promised a newer term to a campaign that came to nothing. While the lease is valid no other one can be,
    // so the holder goes on under a term that this voter can grant.
    const term = (answerTerm + 1) as HolderRole['term'];
    note(turn, 'info', 'term-raised', `${from} knows term ${String(answerTerm)}: renewing under term ${String(term)}`, {
      term,
    });
    patch(turn, { term, role: { ...role, term, renewAtMs: turn.nowMs } });
  }
}

/** A founder that is still empty gives way to a pod that turns up with data. One that has taken writes can not: a person decides. */
function giveWayToData(turn: Turn, from: PodName, position: Position | null): void {
  const { role, announcement, own } = turn.state;
  if (role.kind !== 'holder' || role.phase.name !== 'lead' || announcement === null || position === null) return;
  if (!isUnknownToFounder(position, announcement) || own.info?.keys !== 0) return;
  electAgain(turn, role, `${from} has data, and this master, which was promoted without knowing of it, has none`);
}

/** Why the own Redis is not the master any more that was promoted; null when it is, or is not to be seen. */
export function whyNotTheMaster({ own, announcement }: NodeState): string | null {
  const { info } = own;
  if (info === null) return null;
  if (info.role === 'replica')
    return `the master was made a replica of ${String(info.masterHost)}:${String(info.masterPort)}`;
  return info.runId === announcement?.runId ? null : 'the own Redis is another process than the one that was promoted';
}

/** What the holder does while it leads: nothing at all, unless something is not as announced. */
export function progressLead(turn: Turn, role: HolderRole): void {
  if (role.phase.name !== 'lead') return;
  because(turn, `master of term ${String(role.term)}`);
  const { info } = turn.state.own;
  if (info === null) return;
  const why = whyNotTheMaster(turn.state);
  if (why !== null) {
    electAgain(turn, role, why);
    return;
  }
  watchFirstReplica(turn, role.phase.sinceMs, info);
  refreshHistory(turn, role, info);
  keepWriteQuorum(turn, info);
  repairStrays(turn);
  repairUnmet(turn);
}

/**
 * The own Redis is not the master any more that was promoted: somebody made it a replica by hand, or it has restarted. What it
 * has now may be less than what it had, even under the same replication id (it may have been fed by a replica that lagged), so
 * it is not simply promoted again: an election is held, under the same lease.
 */
export function electAgain(turn: Turn, role: HolderRole, why: string): void {
  const { announcement } = turn.state;
  // A newer term tells this election from the one before: a FREEZE of that one which arrives only now is refused.
  const term = asTerm(Math.max(role.term, turn.state.term) + 1);
  note(turn, 'warn', 'repair', `${why}: electing again`, { term });
  const old = announcement === null ? null : { announcement, isGone: true };
  const phase = { name: 'assess', untilMs: turn.nowMs, remoteId: -1 } as const;
  patch(turn, { term, role: { ...role, term, old, suspects: [], phase, renewAtMs: turn.nowMs } });
  wakeAt(turn, turn.nowMs);
}

function refreshHistory(turn: Turn, role: HolderRole, info: ReplicationInfo): void {
  const { announcement } = turn.state;
  if (announcement === null || announcement.history.replid === info.replid) return;
  const before = announcement.history;
  const history = info.replid2 === null ? lineageRenamed(info, before) : lineageAfter(info, before);
  const renewed = { ...announcement, history };
  // Everybody is told at once: an election that knows only the old history would not know its own data.
  patch(turn, { announcement: renewed, role: { ...role, renewAtMs: turn.nowMs } });
  wakeAt(turn, turn.nowMs);
}

/**
 * A master that never had a replica takes a new replication id when the first one attaches (syncCommand in Redis's
 * replication.c), so right after a promotion it is asked more often than once in a heartbeat.
 */
function watchFirstReplica(turn: Turn, sinceMs: number, info: ReplicationInfo): void {
  const { config } = turn.state;
  const isYoung = turn.nowMs - sinceMs < config.timings.leaseMs;
  if (!isYoung || config.members.length === 1 || info.replicas.some((replica) => replica.state === 'online')) return;
  watchOwn(turn, YOUNG_POLL_MS);
}

/**
 * Keeps `min-replicas-to-write` at what can be had: lowered while replicas are missing, raised when they return. Lowered only
 * on a lease that was renewed by a quorum just now, i.e. when it is certain that the replicas are gone and not this master.
 */
function keepWriteQuorum(turn: Turn, info: ReplicationInfo): void {
  const { config, own } = turn.state;
  if (own.minReplicas === null || own.pending !== null) return;
  // A number that never moves by itself has to follow a change of N all the same.
  const isKept = config.writeQuorum === 'auto' || (config.writeQuorum === 'strict' && config.isResizable === true);
  if (!isKept) return;
  const online = info.replicas.filter((replica) => replica.state === 'online').length;
  const count = config.writeQuorum === 'auto' ? Math.min(config.quorum - 1, online) : config.quorum - 1;
  if (count === own.minReplicas) return;
  const untilMs = heldUntilMs(turn.state);
  const { leaseMs, heartbeatMs } = config.timings;
  // As long as two renewals take; the store is asked less often than the pods are.
  const renewedEveryMs = usesStore(turn.state) ? storeEveryMs(config.timings) : heartbeatMs;
  const isFresh = untilMs - turn.nowMs > leaseMs - 2 * renewedEveryMs;
  if (count < own.minReplicas && !isFresh) return;
  note(
    turn,
    'info',
    'write-quorum',
    `${String(online)} replicas are online: min-replicas-to-write ${String(own.minReplicas)} -> ${String(count)}`,
  );
  orderOwn(turn, { kind: 'set-min-replicas', count, deadlineMs: untilMs });
}

const isUnknownTo = (master: Announcement | null, position: Position): boolean =>
  master !== null && isUnknownToFounder(position, master);

/** A pod whose sidecar is gone can not repair itself; the holder does, but only to a Redis that it knows for one of the set's. */
function repairStrays(turn: Turn): void {
  const { state, nowMs } = turn;
  const { timings, self } = state.config;
  for (const pod of otherMembers(state)) {
    const view = peerView(state, pod);
    if (nowMs < view.strayCheckAtMs) continue;
    if (view.answeredAtMs !== null && nowMs - view.answeredAtMs < timings.leaseMs) continue;
    patchPeer(turn, pod, { strayCheckAtMs: nowMs + STRAY_CHECK_MS });
    const target = remoteTarget(state, pod);
    if (target === null || (view.position !== null && isUnknownTo(state.announcement, view.position))) continue;
    orderRemote(turn, target, {
      kind: 'follow',
      ip: self.ip,
      port: self.redisPort,
      why: `its sidecar is silent; ${self.pod} is master`,
    });
  }
}

/**
 * A Redis of the set whose sidecar has not been met in this life: nobody knows its address but DNS. It follows if its history is
 * the set's, however old; anybody else's is left alone.
 */
function repairUnmet(turn: Turn): void {
  const { addresses, announcement, config, peers } = turn.state;
  const { self } = config;
  const met = Object.values(peers).map((peer) => peer?.identity?.ip);
  const unmet = addresses.ips.filter((ip) => ip !== self.ip && !met.includes(ip)).slice(0, config.members.length);
  if (unmet.length === 0 || announcement === null) return;
  wakeAt(turn, addresses.checkAtMs);
  if (turn.nowMs < addresses.checkAtMs) return;
  patch(turn, { addresses: { ...addresses, checkAtMs: turn.nowMs + STRAY_CHECK_MS } });
  for (const ip of unmet) {
    const target = { pod: asPodName(ip), ip, port: self.redisPort, runId: null, history: announcement.history };
    const why = `nobody speaks for it; ${self.pod} is master`;
    orderRemote(turn, target, { kind: 'follow', ip: self.ip, port: self.redisPort, why });
  }
}

/** Takes in how a repair ended: what a diverged Redis throws away when it follows is told, for its own sidecar can not. */
export function takeRepair(turn: Turn, pod: PodName, outcome: Outcome): void {
  const { announcement, role } = turn.state;
  if (!outcome.ok || outcome.before === undefined || announcement === null || role.kind !== 'holder') return;
  const loss = lossTowards(outcome.before, announcement);
  if (loss.kind === 'none') return;
  rememberLoss(turn, loss);
  const text = `pointed the Redis of ${pod}, whose sidecar is silent, at this master`;
  note(turn, 'warn', 'repoint', text, { term: announcement.term, ...lossFields(loss) });
}

/** Announces again, to one pod that was just met. */
export function announceTo(turn: Turn, pod: PodName): void {
  const { role, announcement, ranking, members } = turn.state;
  if (role.kind !== 'holder' || role.phase.name !== 'lead' || announcement === null) return;
  const renewed = { ...announcement, term: role.term };
  ask(turn, pod, role.term, { ...renewal(turn), announcement: renewed, ranking, members });
}

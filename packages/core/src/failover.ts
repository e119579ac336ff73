import type { Outcome } from './action.ts';
import { asOffset, type PodName } from './brand.ts';
import { historyFed, progressBorrowing, startBorrowing } from './borrow.ts';
import { chooseMaster, type Choice } from './choose.ts';
import { mark } from './chronicle.ts';
import { progressDrain, startDrain, takeDrainOutcome, type DrainEnd } from './drain.ts';
import { foundsASet } from './founding.ts';
import { freeze, gatherPositions, takeSuspect } from './freeze.ts';
import { lead } from './lead.ts';
import { lineageToldBy, type Lineage } from './lineage.ts';
import { isPlanned } from './messages.ts';
import { takeInfo } from './own.ts';
import { dataQuorumOf, hasKeys, isEmpty } from './position.ts';
import type { ReplicationInfo } from './replication-info.ts';
import type { NodeState, OldMaster, PhaseOf } from './state.ts';
import { releaseLease } from './step-down.ts';
import { because, enter, note, orderOwn, orderRemote, patch, wakeAt, type HolderRole, type Turn } from './turn.ts';
import { newestHistory } from './unheard.ts';
import { heldUntilMs, usesStore } from './view.ts';

/**
 * The first step after the lease is won. A pod whose Redis has been master all along (only its sidecar restarted) goes on
 * leading, provided that nobody else held a lease in between; everybody else asks first whether the old master lives.
 */
export function startFailover(turn: Turn): void {
  const { state, nowMs } = turn;
  const { role, own, config } = state;
  if (role.kind !== 'holder' || role.phase.name !== 'assess') return;
  const old = role.old?.announcement ?? null;
  const wasSelf = old?.pod === config.self.pod && old.uid === config.self.uid;
  const undisturbed = role.suspects.length === 0;
  const neverStopped = wasSelf && undisturbed && own.info?.runId === old.runId;
  if (
    own.info?.role === 'master' &&
    (neverStopped || (old === null && undisturbed && isFollowedByQuorum(turn, own.info)))
  ) {
    note(turn, 'info', 'lease-regained', 'the own Redis has been master all along: going on', { term: role.term });
    lead(turn, own.info, null);
    return;
  }
  if (old === null || role.old?.isGone === true || old.pod === config.self.pod || old.runId === null) {
    freeze(turn, {});
    return;
  }
  const outcome = state.probe?.runId === old.runId ? state.probe.outcome : null;
  if (outcome !== null) {
    judgeOldMaster(turn, outcome);
    return;
  }
  because(turn, `asking whether the Redis of the old master ${old.pod} still answers`);
  const isAsked = state.probe?.runId === old.runId;
  const remoteId = isAsked ? state.probe.id : orderRemote(turn, { ...old, history: null }, { kind: 'probe' });
  const untilMs = (isAsked ? state.probe.sentAtMs : nowMs) + config.timings.probeTimeoutMs;
  enter(turn, role, { name: 'assess', untilMs, remoteId });
  wakeAt(turn, untilMs);
}

/**
 * True when enough Redis instances replicate from this one that no other can have the same. It matters when all sidecars
 * have restarted at once, so that nobody remembers who was master.
 */
function isFollowedByQuorum(turn: Turn, info: ReplicationInfo): boolean {
  const online = info.replicas.filter((replica) => replica.state === 'online').length;
  return online + 1 >= turn.state.config.quorum;
}

function judgeOldMaster(turn: Turn, outcome: Outcome): void {
  const { role } = turn.state;
  if (role.kind !== 'holder') return;
  const old = role.old?.announcement;
  if (!outcome.ok || outcome.info?.role !== 'master' || old?.runId == null) {
    freeze(turn, {});
    return;
  }
  startDrain(turn, role, old);
}

/** Takes in the outcome of something asked of the old master's Redis. */
export function takeRemoteOutcome(turn: Turn, id: number, outcome: Outcome): void {
  const { role, probe } = turn.state;
  if (probe?.id === id) patch(turn, { probe: { ...probe, outcome } });
  if (role.kind !== 'holder') return;
  const { phase } = role;
  if (phase.name === 'assess' && phase.remoteId === id) judgeOldMaster(turn, outcome);
  if (phase.name === 'freeze') takeSuspect(turn, role, phase, id, outcome);
  if (phase.name === 'drain' && phase.remoteId === id)
    freezeAfterDrain(turn, takeDrainOutcome(turn, role, phase, outcome));
}

function freezeAfterDrain(turn: Turn, end: DrainEnd | null): void {
  if (end !== null) freeze(turn, end.frozen);
}

function progressFreeze(turn: Turn, role: HolderRole, before: PhaseOf<'freeze'>): void {
  const { config } = turn.state;
  const phase = gatherPositions(turn, role, before);
  const old = role.old?.announcement ?? null;
  const known = newestHistory(old, turn.state.members, phase.frozen, config.members.length);
  // What a pod of priority 0 has is not given up for good because it could not be fetched at the first attempt.
  const failedDonors = turn.nowMs - phase.startedAtMs < config.timings.dataWaitMs * 2 ? phase.failedDonors : [];
  const circumstances = {
    reachable: phase.answered,
    holder: config.self.pod,
    replicas: config.members.length,
    failedDonors,
    lastMaster: role.old?.announcement.pod ?? null,
    preferred: isNamedSuccessor(turn.state) ? config.self.pod : null,
  };
  const choice = chooseMaster(phase.frozen, known, circumstances);
  const verdict = readiness(turn, phase, choice);
  if (verdict !== 'ready') {
    because(turn, verdict);
    if (usesStore(turn.state)) leaveToOthers(turn, role, phase);
    return;
  }
  if (choice.winner !== null) conclude(turn, role, choice, choice.winner);
  else because(turn, 'nobody can be promoted: every pod that answers has priority 0, no data, or a sync under way');
}

/** A store gives the lease to one who hears nobody, too: those who hear each other may be able to do more with it. */
function leaveToOthers(turn: Turn, role: HolderRole, { startedAtMs, answered }: PhaseOf<'freeze'>): void {
  const { timings, quorum, self } = turn.state.config;
  const untilMs = startedAtMs + 2 * timings.dataWaitMs;
  if (answered.length >= quorum) return;
  wakeAt(turn, untilMs);
  if (turn.nowMs < untilMs) return;
  note(turn, 'warn', 'lease-unused', `${self.pod} can not use the lease, for it hears too few pods: giving it back`);
  releaseLease(turn, role, null, 'fenced');
}

/** The master has given the lease to this very pod, because somebody wanted that. */
function isNamedSuccessor({ release, config }: NodeState): boolean {
  return release !== null && release.to === config.self.pod && isPlanned(release.cause);
}

/** May the choice be made now? Otherwise, what is being waited for. */
function readiness(turn: Turn, phase: PhaseOf<'freeze'>, choice: Choice): string {
  const { members, timings, durability } = turn.state.config;
  const { known } = choice;
  const waitedMs = turn.nowMs - phase.startedAtMs;
  if (phase.suspects.length > 0 && waitedMs < timings.probeTimeoutMs * 3) {
    wakeAt(turn, phase.startedAtMs + timings.probeTimeoutMs * 3);
    return `asking the Redis of ${phase.suspects.map((one) => one.pod).join(', ')}, which may have been promoted, directly`;
  }
  const { own } = turn.state;
  const isOwnDue = own.info !== null && own.pending !== null && !(turn.state.config.self.pod in phase.frozen);
  if (isOwnDue && waitedMs < timings.probeTimeoutMs) {
    wakeAt(turn, phase.startedAtMs + timings.probeTimeoutMs);
    return 'waiting until the own Redis is detached';
  }
  const full = choice.verdicts.filter((verdict) => verdict.worth === 'full').length;
  const needed = dataQuorumOf(members.length);
  // What the chosen one will have: its own data, or that of the donor.
  const source = choice.verdicts.find((verdict) => verdict.pod === (choice.donor ?? choice.winner));
  // Those that can not be promoted count as well: they prove what there is. But as long as one of them has more than the
  // chosen one, an answer that is still to come may be the one that has everything.
  const losesNothing = source?.worth === 'full' && choice.bytesMissing === 0;
  const allAnswered = members.every((pod) => phase.answered.includes(pod));
  const isForbidden = durability === 'strict' && choice.isAtRisk;
  if (full >= needed && !isForbidden && (losesNothing || (allAnswered && source?.worth === 'full'))) return 'ready';
  // When everybody has shown what there is, waiting brings no more; with --durability strict only a cold start is let through.
  // A Redis that was asked directly may have the most: its sidecar, which alone can promote it, is waited for.
  const allShown = choice.verdicts.length === members.length && (choice.bytesMissing === 0 || allAnswered);
  if (allShown && (known === null || durability === 'available')) return 'ready';
  const missing = `${String(full)} of the ${String(needed)} that are needed${losesNothing ? '' : ', and one that has it all'}`;
  if (waitedMs < timings.dataWaitMs) {
    wakeAt(turn, phase.startedAtMs + timings.dataWaitMs);
    return `waiting for more pods to show their data: ${missing}`;
  }
  if (isForbidden) return `waiting for pods with their data (--durability strict): ${missing}`;
  // A store gives the lease to one who hears nobody, too: those who are not heard may have everything.
  const isAlone = usesStore(turn.state) && phase.answered.length < turn.state.config.quorum;
  if (isAlone && known !== null && source !== undefined && isEmpty(source.position, known))
    return `waiting for more pods, for the chosen one is empty: ${missing}`;
  return 'ready';
}

/** What has come to light about the history since the announcement is a part of the next one. */
function withHistory(old: OldMaster | null, known: Lineage | null): OldMaster | null {
  if (old === null || known === null) return known === null ? null : old;
  return { ...old, announcement: { ...old.announcement, history: known } };
}

function conclude(turn: Turn, before: HolderRole, choice: Choice, winner: PodName): void {
  const { config } = turn.state;
  mark(turn, 'chosen');
  const source = choice.verdicts.find(({ pod }) => pod === (choice.donor ?? winner));
  const known =
    source === undefined || choice.known === null ? choice.known : lineageToldBy(source.position, choice.known);
  const role = { ...before, old: withHistory(before.old, known) };
  for (const verdict of choice.verdicts) {
    note(turn, 'info', 'candidate', `${verdict.pod}: ${verdict.reason}`, {
      offset: verdict.position.offset,
      data: verdict.worth,
    });
  }
  const full = choice.verdicts.filter((verdict) => verdict.worth === 'full').length;
  const needed = dataQuorumOf(config.members.length);
  const isNewSet = role.old === null && !choice.verdicts.some((verdict) => hasKeys(verdict.position));
  const isWhole = choice.verdicts.find((verdict) => verdict.pod === (choice.donor ?? winner))?.worth === 'full';
  if (!isNewSet && (full < needed || !isWhole)) {
    const shown = `${String(full)} of the ${String(needed)} pods that are needed could show their data`;
    const text = `${shown}, and the chosen one has ${isWhole ? 'its own' : 'only what it had on disk'}: writes that were confirmed may be missing`;
    note(turn, 'error', 'data-at-risk', text);
  }
  if (choice.bytesMissing > 0) {
    note(
      turn,
      'error',
      'data-missing',
      `the chosen pod lacks ${String(choice.bytesMissing)} bytes that another one has but can not serve`,
    );
  }
  if (winner !== config.self.pod) {
    note(turn, 'info', 'transfer', `${winner} is to be promoted: ${choice.reason}; handing it the lease`);
    releaseLease(turn, role, winner, 'fenced');
    return;
  }
  const isFounded =
    role.old === null && foundsASet(before.phase.name === 'freeze' ? before.phase.frozen : {}, config.members);
  patch(turn, { passedOver: choice.passedOver });
  if (choice.donor !== null) startBorrowing(turn, role, choice.donor, choice.reason);
  else promoteOwn(turn, role, choice.reason, isFounded);
}

/** @param before the history that the promotion goes on from; null when nothing of that is known */
function promoteOwn(
  turn: Turn,
  role: HolderRole,
  reason: string,
  isFounded: boolean,
  before = role.old?.announcement.history ?? null,
): void {
  const { config } = turn.state;
  because(turn, `promoting the own Redis: ${reason}`);
  // Right after a promotion nobody is attached yet; the number is raised as the replicas return (DESIGN: the second fence).
  const minReplicas = config.writeQuorum === 'auto' ? 0 : null;
  const ownId = orderOwn(turn, { kind: 'promote', deadlineMs: heldUntilMs(turn.state), minReplicas });
  enter(turn, role, { name: 'promote', ownId, runId: turn.state.own.runId, isFounded, before });
}

function progressBorrow(turn: Turn, role: HolderRole, phase: PhaseOf<'borrow'>): void {
  const progress = progressBorrowing(turn, phase);
  if (progress === 'done') promoteOwn(turn, role, phase.reason, false, historyFed(turn, role, phase));
  if (progress !== 'failed') return;
  note(turn, 'warn', 'borrow-failed', `the data that only ${phase.donor} has could not be fetched in time`);
  freeze(turn, {}, [...phase.failedDonors, phase.donor]);
}

/** Takes in how the promotion of the own Redis ended. */
export function takePromotion(turn: Turn, id: number, outcome: Outcome): void {
  const { role } = turn.state;
  if (role.kind !== 'holder' || role.phase.name !== 'promote' || role.phase.ownId !== id) return;
  // One that has restarted since is another one: it is empty, or has what it had on disk.
  const isChosen = outcome.ok && outcome.info?.runId === role.phase.runId;
  if (isChosen && outcome.info.role === 'master') {
    takeInfo(turn, outcome.info);
    note(turn, 'info', 'promoted', `the own Redis is master now, at offset ${String(asOffset(outcome.info.offset))}`, {
      term: role.term,
    });
    lead(turn, outcome.info, role.phase);
    return;
  }
  note(
    turn,
    'error',
    'promotion-failed',
    `the own Redis could not be promoted: ${outcome.ok ? (isChosen ? 'it did not become master' : 'it has restarted') : outcome.error}`,
  );
  releaseLease(turn, role, null, 'fenced');
}

/** Takes the next step of a failover, as far as it can be taken now. */
export function progressFailover(turn: Turn, role: HolderRole): void {
  const { phase } = role;
  switch (phase.name) {
    case 'assess':
      if (turn.nowMs >= phase.untilMs) freeze(turn, {});
      else wakeAt(turn, phase.untilMs);
      return;
    case 'drain':
      freezeAfterDrain(turn, progressDrain(turn, role, phase));
      return;
    case 'freeze':
      progressFreeze(turn, role, phase);
      return;
    case 'borrow':
      progressBorrow(turn, role, phase);
      return;
    case 'promote':
    case 'lead':
    case 'handover':
      return;
  }
}

import { asTerm, NO_TERM } from './brand.ts';
import { takeDonation } from './borrow.ts';
import { progressCommand, takeCommand } from './command.ts';
import { progressDonation } from './donate.ts';
import { heedRecord, progressCandidate, progressFollower, takeVote } from './election.ts';
import { progressFailover, takePromotion, takeRemoteOutcome } from './failover.ts';
import { takeFrozen } from './freeze.ts';
import { progressHandover, progressStop, startStop, takeHandoverOutcome } from './handover.ts';
import { UNKNOWN_HEALTH } from './health.ts';
import { learn } from './learn.ts';
import { announceTo, progressLead, progressRenewal, takeRenewal, takeRepair } from './lead.ts';
import { startVoter } from './lease.ts';
import type { PodIdentity } from './messages.ts';
import { convergeWithoutLease, takeOwnOutcome, takeSample } from './own.ts';
import { hearPauses } from './pause.ts';
import { meet, progressFreezing, takeRequest } from './requests.ts';
import { hearSize, learnSize, NOT_RESIZED, progressResize, rememberedSize, stayMute, takeResize } from './resize.ts';
import type { Decision, Input, Memory, Moment, NodeConfig, NodeState } from './state.ts';
import { progressStore, takeStore, UNASKED_STORE } from './storekeeping.ts';
import { payPriority, readySuccessor } from './successor.ts';
import { checkLease, checkOwnRedis, progressRelease } from './step-down.ts';
import { isPodOfSet, isUncounted, orderOwn, patch, patchPeer, peerView, type Turn } from './turn.ts';
import { currentMaster, isMasterLost } from './view.ts';

/** The longest time between two decisions, in milliseconds. */
const IDLE_MS = 1000;

/** What a sidecar should keep for its next life, if it can: it grants no term older than it has known. */
export function memoryOf({ term, voter, announcement, pauses, config }: NodeState): Memory {
  const kept = { term: asTerm(Math.max(term, voter.promisedTerm)), announcement, pauses };
  return config.isResizable === true && config.self.replicas > 0 ? { ...kept, replicas: config.self.replicas } : kept;
}

/**
 * A sidecar that has just started: it grants nothing for a while, and waits to hear from a holder.
 * @param memory what its former life has kept; null when there is none. It is not a promise: the sidecar is mute all the same.
 */
export function startNode(flags: NodeConfig, moment: Moment, memory: Memory | null = null): NodeState {
  const config = rememberedSize(flags, memory);
  const { timings, members, self } = config;
  const term = memory?.term ?? NO_TERM;
  // Who remembers another pod as master lets that one ask first: when all sidecars have restarted, its Redis may well be alive.
  const isAnothers = memory?.announcement != null && memory.announcement.pod !== self.pod;
  const place = Math.max(0, members.indexOf(self.pod)) + (isAnothers ? members.length : 0);
  return {
    config,
    startedAtMs: moment.nowMs,
    term,
    voter: startVoter(
      moment.nowMs,
      timings.grantMs,
      term,
      memory?.announcement?.term === term ? memory.announcement : null,
    ),
    role: {
      kind: 'follower',
      electAtMs: moment.nowMs + timings.grantMs + (place + moment.random * 0.5) * timings.electionStepMs,
      handedTries: 0,
    },
    own: {
      health: UNKNOWN_HEALTH,
      info: null,
      infoAtMs: 0,
      priority: null,
      runId: null,
      synced: null,
      astray: false,
      remembered: memory?.announcement?.runId ?? null,
      unannounced: false,
      hasBegunToCopy: false,
      minReplicas: null,
      hasWriters: false,
      lastMaster: null,
      keptFrom: null,
      failure: null,
      fenceRetryAtMs: 0,
      promotingId: null,
      pending: null,
      retryAtMs: 0,
    },
    announcement: memory?.announcement ?? null,
    announcedUntilMs: -Infinity,
    masterGone: false,
    release: null,
    pauses: memory?.pauses ?? 0,
    command: null,
    passedOver: null,
    marks: {},
    changes: [],
    ranking: [],
    members: [],
    peers: {},
    addresses: { ips: [], checkAtMs: 0 },
    promises: [],
    changesAtMs: [],
    freezing: [],
    donating: null,
    probe: null,
    toldMaster: null,
    stopping: false,
    releaseAfterFence: null,
    store: UNASKED_STORE,
    nextId: 1,
    reason: 'just started: waiting to hear who is master',
    refusedMessages: 0,
    resizing: config.isResizable === true ? NOT_RESIZED : null,
  };
}

function takeAnswer(turn: Turn, input: Extract<Input, { type: 'answer' }>): void {
  const { from, request, answer, sentAtMs } = input;
  if (answer !== null && answer.cluster !== turn.state.config.cluster) {
    patch(turn, { refusedMessages: turn.state.refusedMessages + 1 });
    return;
  }
  if (answer !== null) {
    meet(turn, answer.from);
    hearSize(turn, input);
    const isPositionTold = answer.type === 'granted' || answer.type === 'frozen';
    const heard = { answeredAtMs: turn.nowMs };
    patchPeer(turn, from, isPositionTold ? { ...heard, position: answer.position } : heard);
    if (answer.term > turn.state.term) patch(turn, { term: answer.term });
    hearPauses(turn, answer.pauses);
    if (answer.type === 'granted' || answer.type === 'refused') learn(turn, answer.announcement);
  }
  switch (request.type) {
    case 'PREVOTE':
      takeVote(turn, from, request.term, 'prevote', sentAtMs, answer);
      return;
    case 'ACQUIRE':
      takeVote(turn, from, request.term, 'acquire', sentAtMs, answer);
      return;
    case 'RENEW':
      takeRenewal(turn, from, sentAtMs, answer, answer?.term ?? NO_TERM);
      return;
    case 'FREEZE':
      takeFrozen(turn, from, sentAtMs, answer);
      return;
    case 'DONATE':
      takeDonation(turn, from, answer);
      return;
    case 'RELEASE':
    case 'ANNOUNCE':
      return;
  }
}

function isOfThisSet({ state }: Turn, identity: PodIdentity): boolean {
  return isPodOfSet(state, identity) || isUncounted(state, identity);
}

function takePeer(turn: Turn, input: Extract<Input, { type: 'peer-met' }>): void {
  const { identity, announcement, term, pauses } = input;
  if (!isOfThisSet(turn, identity)) return;
  const isNew = peerView(turn.state, identity.pod).identity?.incarnation !== identity.incarnation;
  meet(turn, identity);
  learnSize(turn, identity);
  patchPeer(turn, identity.pod, { answeredAtMs: turn.nowMs });
  if (peerView(turn.state, identity.pod).lostUid === identity.uid) patchPeer(turn, identity.pod, { lostUid: null });
  if (term > turn.state.term) patch(turn, { term });
  hearPauses(turn, pauses);
  learn(turn, announcement);
  hastenIfMaster(turn);
  if (isNew) announceTo(turn, identity.pod);
}

/** A sidecar that finds its Redis as the announced master has only restarted: it asks for its lease again without waiting. */
function hastenIfMaster(turn: Turn): void {
  const { role, own, announcement, config, startedAtMs } = turn.state;
  if (role.kind !== 'follower' || turn.nowMs - startedAtMs > config.timings.grantMs) return;
  if (own.info?.role !== 'master' || announcement?.runId !== own.info.runId || own.info.runId === null) return;
  if (role.electAtMs > turn.nowMs) patch(turn, { role: { ...role, electAtMs: turn.nowMs } });
}

/** When the master's sidecar is gone, its Redis may be gone too: that is looked at now, and not with the next heartbeat. */
function takeLoss(turn: Turn, identity: PodIdentity): void {
  if (!isOfThisSet(turn, identity)) return;
  patchPeer(turn, identity.pod, { lostUid: identity.uid });
  if (isMasterLost(turn.state)) orderOwn(turn, { kind: 'sample' });
}

function take(turn: Turn, input: Input): void {
  switch (input.type) {
    case 'tick':
      return;
    case 'redis':
      takeSample(turn, input.sample, input.minReplicas);
      hastenIfMaster(turn);
      return;
    case 'request':
      takeRequest(turn, input.ref, input.request);
      return;
    case 'answer':
      takeAnswer(turn, input);
      return;
    case 'own-done':
      takeOwnOutcome(turn, input.id, input.action, input.outcome);
      takePromotion(turn, input.id, input.outcome);
      takeHandoverOutcome(turn, input.id, input.outcome);
      return;
    case 'remote-done':
      takeRemoteOutcome(turn, input.id, input.outcome);
      takeRepair(turn, input.pod, input.outcome);
      takeHandoverOutcome(turn, input.id, input.outcome);
      return;
    case 'store-done':
      takeStore(turn, input);
      heedRecord(turn);
      return;
    case 'peer-met':
      takePeer(turn, input);
      return;
    case 'peer-lost':
      takeLoss(turn, input.identity);
      return;
    case 'addresses':
      patch(turn, { addresses: { ...turn.state.addresses, ips: input.ips } });
      return;
    case 'resize':
      takeResize(turn, input);
      return;
    case 'command':
      takeCommand(turn, input.ref, input.command);
      return;
    case 'stop':
      startStop(turn, readySuccessor(turn, null));
      return;
  }
}

/** Takes every step that can be taken now, whatever it was that happened. */
function progress(turn: Turn): void {
  checkOwnRedis(turn);
  progressFreezing(turn);
  progressDonation(turn);
  progressRelease(turn);
  progressHandover(turn);
  progressStop(turn);
  progressFollower(turn);
  progressCandidate(turn);
  const { role } = turn.state;
  if (role.kind === 'holder') {
    const renewed = progressRenewal(turn, role);
    if (renewed.phase.name === 'lead') {
      progressLead(turn, renewed);
      if (turn.state.role === renewed) payPriority(turn, renewed);
    } else progressFailover(turn, renewed);
  } else convergeWithoutLease(turn);
  progressResize(turn);
  progressCommand(turn);
  progressStore(turn);
}

function tellMasterChange(turn: Turn): void {
  const from = turn.state.toldMaster;
  const to = currentMaster(turn.state, turn.nowMs);
  if (to === null || (from !== null && from.ip === to.ip && from.port === to.port)) return;
  patch(turn, { toldMaster: to });
  turn.actions.push({ type: 'master-changed', from, to });
}

/**
 * The one door of the core: what has happened, and when, in; the new state and what is to be done, out. Pure: the same
 * arguments give the same decision. The lease is checked before anything else, also after a pause of the process.
 */
export function decide(state: NodeState, input: Input, moment: Moment): Decision {
  const turn: Turn = {
    state,
    actions: [],
    notes: [],
    nowMs: moment.nowMs,
    random: moment.random,
    wakeAtMs: moment.nowMs + IDLE_MS,
  };
  stayMute(turn);
  checkLease(turn);
  take(turn, input);
  checkLease(turn);
  progress(turn);
  tellMasterChange(turn);
  return { state: turn.state, actions: turn.actions, notes: turn.notes, wakeAtMs: turn.wakeAtMs };
}

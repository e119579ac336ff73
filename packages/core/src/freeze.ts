import type { Outcome } from './action.ts';
import { asPodName, type PodName } from './brand.ts';
import { mark } from './chronicle.ts';
import type { AnswerBody } from './messages.ts';
import { holdInLimbo } from './own.ts';
import { ownPosition, positionOfDetached, vouchFor } from './position.ts';
import { isInLimbo } from './replication-info.ts';
import type { Frozen, PhaseOf } from './state.ts';
import {
  ask,
  because,
  enter,
  orderRemote,
  otherMembers,
  remoteTarget,
  wakeAt,
  type HolderRole,
  type RemoteTarget,
  type Turn,
} from './turn.ts';

/** How soon a voter that refuses to freeze is asked again, in milliseconds. */
const REFUSED_RETRY_MS = 5;

/** Detaches those directly that may have been promoted in secret: if their sidecar is gone, nobody else will. */
function detachSuspects(turn: Turn, role: HolderRole, frozen: Frozen): PhaseOf<'freeze'>['suspects'] {
  const suspects = role.suspects.filter((pod) => !(pod in frozen));
  const unknown = role.old === null ? unknownMaster(turn) : null;
  return [...detachDirectly(turn, role, suspects), ...(unknown === null ? [] : [detach(turn, role, unknown)])];
}

/** Where the sidecar does not answer, its Redis may: nobody waits for --data-wait-ms because a sidecar is just restarting. */
function detachDirectly(turn: Turn, role: HolderRole, pods: readonly PodName[]): PhaseOf<'freeze'>['suspects'] {
  return pods.flatMap((pod) => {
    const target = remoteTarget(turn.state, pod);
    return target === null ? [] : [detach(turn, role, target)];
  });
}

function detach(turn: Turn, role: HolderRole, target: RemoteTarget): PhaseOf<'freeze'>['suspects'][number] {
  const why = `${turn.state.config.self.pod} holds an election in term ${String(role.term)}`;
  return { id: orderRemote(turn, target, { kind: 'limbo', why }), pod: target.pod };
}

/**
 * When nobody remembers who was master (all sidecars have restarted, and the master's own has not come back), the own Redis
 * still knows whom it follows. That one is detached too, if it shares a replication id with it.
 */
function unknownMaster(turn: Turn): RemoteTarget | null {
  const { lastMaster } = turn.state.own;
  if (lastMaster === null) return null;
  const { ip, port, history } = lastMaster;
  return { pod: asPodName(`${ip}:${String(port)}`), ip, port, runId: null, history };
}

/** Takes in what came of detaching a suspect: its position counts, though it can not be chosen without its sidecar. */
export function takeSuspect(
  turn: Turn,
  role: HolderRole,
  phase: PhaseOf<'freeze'>,
  id: number,
  outcome: Outcome,
): void {
  const suspect = phase.suspects.find((one) => one.id === id);
  if (suspect === undefined) return;
  const { config, members } = turn.state;
  const detached = positionOfDetached(outcome);
  // Nobody has watched a Redis whose sidecar is silent: it counts if the last master has told that it was in step.
  const isUnwatched = detached !== null && phase.asked.includes(suspect.pod);
  const position = isUnwatched ? vouchFor(suspect.pod, { ...detached, synced: null }, members) : detached;
  const isNews = position !== null && config.members.includes(suspect.pod) && !(suspect.pod in phase.frozen);
  const frozen = isNews ? { ...phase.frozen, [suspect.pod]: position } : phase.frozen;
  enter(turn, role, { ...phase, frozen, suspects: phase.suspects.filter((one) => one !== suspect) });
}

/** Detaches everybody from the old master, so that all positions are final. */
export function freeze(turn: Turn, frozen: Frozen, failedDonors: readonly PodName[] = []): void {
  const { role, config } = turn.state;
  const { nowMs } = turn;
  if (role.kind !== 'holder') return;
  mark(turn, 'frozen');
  because(turn, `freezing the replicas to learn who has the most data (term ${String(role.term)})`);
  enter(turn, role, {
    name: 'freeze',
    startedAtMs: nowMs,
    frozen,
    answered: [],
    suspects: detachSuspects(turn, role, frozen),
    asked: [],
    askAgainAtMs: nowMs + config.timings.heartbeatMs,
    refused: [],
    refusedAskAtMs: 0,
    failedDonors,
  });
  for (const pod of otherMembers(turn.state)) askToFreeze(turn, role, pod);
  holdInLimbo(turn, `election of term ${String(role.term)}`);
}

/** A voter that refused because the release had not reached it yet is asked for its grant again: it freezes only for a holder it knows. */
function askToFreeze(turn: Turn, role: HolderRole, pod: PodName): void {
  const { ranking, members } = turn.state;
  if (!(pod in role.grants)) ask(turn, pod, role.term, { type: 'RENEW', announcement: null, ranking, members });
  ask(turn, pod, role.term, { type: 'FREEZE' });
}

/** The release and the question come from different pods, so either may be first; within a heartbeat both are there. */
function takeRefusal(turn: Turn, role: HolderRole, phase: PhaseOf<'freeze'>, from: PodName): void {
  if (turn.nowMs - phase.startedAtMs >= turn.state.config.timings.heartbeatMs || phase.refused.includes(from)) return;
  const refusedAskAtMs = phase.refused.length > 0 ? phase.refusedAskAtMs : turn.nowMs + REFUSED_RETRY_MS;
  enter(turn, role, { ...phase, refused: [...phase.refused, from], refusedAskAtMs });
}

function askRefusers(turn: Turn, role: HolderRole, phase: PhaseOf<'freeze'>): PhaseOf<'freeze'> {
  if (phase.refused.length === 0) return phase;
  if (turn.nowMs < phase.refusedAskAtMs) {
    wakeAt(turn, phase.refusedAskAtMs);
    return phase;
  }
  for (const pod of phase.refused) askToFreeze(turn, role, pod);
  const next = { ...phase, refused: [] };
  enter(turn, role, next);
  return next;
}

/** Takes in a voter's final position; null when it has none to show (its Redis is dead) or did not answer. */
export function takeFrozen(turn: Turn, from: PodName, sentAtMs: number, answer: AnswerBody | null): void {
  const { role } = turn.state;
  if (role.kind !== 'holder' || role.phase.name !== 'freeze') return;
  const { phase } = role;
  // An answer to an earlier election is of no use; one to this election is, also when the term was raised meanwhile.
  if (sentAtMs < phase.startedAtMs) return;
  if (answer?.type === 'refused' && answer.reason === 'no-lease') takeRefusal(turn, role, phase, from);
  if (answer?.type !== 'frozen') return;
  const { position } = answer;
  const vouched = position === null ? null : vouchFor(from, position, turn.state.members);
  const frozen = vouched === null ? phase.frozen : { ...phase.frozen, [from]: vouched };
  const answered = phase.answered.includes(from) ? phase.answered : [...phase.answered, from];
  enter(turn, role, { ...phase, frozen, answered });
}

function askStragglers(turn: Turn, role: HolderRole, phase: PhaseOf<'freeze'>): PhaseOf<'freeze'> {
  if (turn.nowMs < phase.askAgainAtMs) return phase;
  for (const pod of otherMembers(turn.state)) {
    // Of one that was detached directly, while its sidecar had nothing to show, that one may know more by now.
    const hasShownAll = phase.answered.includes(pod) && phase.frozen[pod]?.synced === true;
    if (!hasShownAll) ask(turn, pod, role.term, { type: 'FREEZE' });
  }
  const silent = otherMembers(turn.state).filter(
    (pod) => !phase.answered.includes(pod) && !(pod in phase.frozen) && !phase.asked.includes(pod),
  );
  const next = {
    ...phase,
    suspects: [...phase.suspects, ...detachDirectly(turn, role, silent)],
    asked: [...phase.asked, ...silent],
    askAgainAtMs: turn.nowMs + turn.state.config.timings.heartbeatMs,
  };
  enter(turn, role, next);
  return next;
}

/** Asks on, takes in the own position once it is final, and says what is known of everybody's. */
export function gatherPositions(turn: Turn, role: HolderRole, before: PhaseOf<'freeze'>): PhaseOf<'freeze'> {
  const { own, config } = turn.state;
  const { self } = config;
  let phase = askRefusers(turn, role, askStragglers(turn, role, before));
  const detached = holdInLimbo(turn, `election of term ${String(role.term)}`);
  const position = detached && own.info !== null && isInLimbo(own.info) ? ownPosition(turn.state, turn.nowMs) : null;
  if (position !== null) {
    const answered = phase.answered.includes(self.pod) ? phase.answered : [...phase.answered, self.pod];
    const vouched = vouchFor(self.pod, position, turn.state.members);
    phase = { ...phase, frozen: { ...phase.frozen, [self.pod]: vouched }, answered };
    enter(turn, role, phase);
  }
  wakeAt(turn, phase.askAgainAtMs);
  return phase;
}

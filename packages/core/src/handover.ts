import type { CommandResult, Outcome } from './action.ts';
import type { PodName } from './brand.ts';
import { electAgain, whyNotTheMaster } from './lead.ts';
import type { PlannedCause } from './messages.ts';
import { holdInLimbo } from './own.ts';
import { releaseLease } from './step-down.ts';
import type { PhaseOf } from './state.ts';
import {
  because,
  CATCH_UP_POLL_MS,
  enter,
  note,
  orderOwn,
  orderRemote,
  patch,
  remoteTarget,
  wakeAt,
  type HolderRole,
  type Turn,
} from './turn.ts';

type Handover = PhaseOf<'handover'>;

/** What the release says to the others. */
function causeOf({ purpose }: Handover): PlannedCause {
  return purpose === 'stop' ? 'handover' : purpose;
}

/**
 * The master moves because somebody wants it to: writes are held back until `to` has everything, then the own Redis is detached
 * (writers that were held back get READONLY) and the lease is released in favour of that pod.
 */
export function startHandover(turn: Turn, role: HolderRole, to: PodName, purpose: Handover['purpose']): void {
  const { pauseBudgetMs: budgetMs } = turn.state.config.timings;
  const why = purpose === 'stop' ? 'stopping' : `a ${purpose} was ordered`;
  note(turn, 'info', 'handover', `${why}: handing over to ${to}`, { term: role.term });
  because(turn, `handing over to ${to}`);
  const ownId = orderOwn(turn, { kind: 'pause-writes', budgetMs });
  // The writes come back by themselves when the budget is over, so everything must be done well before.
  const untilMs = turn.nowMs + budgetMs / 2;
  enter(turn, role, { name: 'handover', step: 'pause', purpose, to, targetOffset: 0, remoteId: -1, ownId, untilMs });
}

/**
 * This sidecar is to stop. A leader hands over before.
 * @param ready who can take over; without one, the first in the last known order of succession is waited for
 */
export function startStop(turn: Turn, ready: PodName | null): void {
  const { role, ranking, config } = turn.state;
  patch(turn, { stopping: true });
  if (role.kind !== 'holder') return;
  if (role.phase.name === 'handover') {
    enter(turn, role, { ...role.phase, purpose: 'stop' });
    return;
  }
  const to = ready ?? ranking.find((pod) => pod !== config.self.pod) ?? null;
  if (role.phase.name !== 'lead' || to === null) releaseLease(turn, role, to, 'handover');
  else startHandover(turn, role, to, 'stop');
}

/** A pod that goes away, and a master that is sick, are rid of the lease in any case. */
function mustGoOn({ purpose }: Handover): boolean {
  return purpose === 'stop' || purpose === 'failover';
}

/** It did not come out: either the lease is given up all the same, or the own Redis goes on as master as if nothing had been. */
function fail(turn: Turn, role: HolderRole, phase: Handover, code: 'TIMEOUT' | 'ERR', why: string): void {
  const isGoingOn = mustGoOn(phase);
  const text = `handing over to ${phase.to}: ${why}`;
  const end = isGoingOn ? 'giving the lease back all the same' : 'this pod stays master, and takes writes again';
  note(turn, 'warn', 'handover-failed', `${text}; ${end}`, { term: role.term });
  if (isGoingOn) {
    releaseLease(turn, role, phase.to, causeOf(phase));
    return;
  }
  orderOwn(turn, { kind: 'unpause' });
  enter(turn, role, { name: 'lead', sinceMs: turn.nowMs });
  finishCommand(turn, { ok: false, code, text: `${text}; ${turn.state.config.self.pod} stays master` });
}

/** Answers the command that is under way, if there is one. */
export function finishCommand(turn: Turn, result: CommandResult): void {
  const { command } = turn.state;
  if (command === null) return;
  turn.actions.push({ type: 'command-done', ref: command.ref, result });
  patch(turn, { command: null });
}

function probeSuccessor(turn: Turn, role: HolderRole, phase: Handover): void {
  const target = remoteTarget(turn.state, phase.to);
  if (target === null) {
    fail(turn, role, phase, 'ERR', 'nobody knows where its Redis is');
    return;
  }
  const remoteId = orderRemote(turn, target, { kind: 'probe' });
  enter(turn, role, { ...phase, step: 'catch-up', remoteId });
}

/** Takes in an outcome that a handover waits for. */
export function takeHandoverOutcome(turn: Turn, id: number, outcome: Outcome): void {
  const { role } = turn.state;
  if (role.kind !== 'holder' || role.phase.name !== 'handover') return;
  const { phase } = role;
  if (phase.step === 'pause' && id === phase.ownId) {
    if (!outcome.ok) fail(turn, role, phase, 'ERR', `writes could not be held back (${outcome.error})`);
    else if (outcome.info !== null) probeSuccessor(turn, role, { ...phase, targetOffset: outcome.info.offset });
  } else if (phase.step === 'catch-up' && id === phase.remoteId) {
    const caughtUp = outcome.ok && outcome.info !== null && outcome.info.offset >= phase.targetOffset;
    if (caughtUp) releaseLease(turn, role, phase.to, causeOf(phase));
    else enter(turn, role, { ...phase, remoteId: -1 });
  }
}

/**
 * There is nothing left to hand over: the own Redis is not the master any more. It throws its data away for that of another one, and
 * those who follow it would be next, so it is detached before anything else.
 */
function breakOff(turn: Turn, role: HolderRole, phase: Handover, why: string): void {
  if (!mustGoOn(phase)) {
    electAgain(turn, role, why);
    return;
  }
  holdInLimbo(turn, why);
  fail(turn, role, phase, 'ERR', why);
}

/** Goes on with a handover, until its time is over. */
export function progressHandover(turn: Turn): void {
  const { role } = turn.state;
  if (role.kind !== 'holder' || role.phase.name !== 'handover') return;
  const { phase } = role;
  const why = whyNotTheMaster(turn.state);
  if (why !== null) {
    breakOff(turn, role, phase, why);
    return;
  }
  wakeAt(turn, Math.min(phase.untilMs, turn.nowMs + CATCH_UP_POLL_MS));
  if (turn.nowMs >= phase.untilMs) fail(turn, role, phase, 'TIMEOUT', 'it did not catch up in time');
  else if (phase.step === 'catch-up' && phase.remoteId === -1) probeSuccessor(turn, role, phase);
}

/** The store is told as well, if it answers: a successor that has not heard of the release itself need not wait. */
function isGivingBackInStore(turn: Turn): boolean {
  const { store, config } = turn.state;
  const untilMs = (store.releasing?.sinceMs ?? -Infinity) + config.timings.pauseBudgetMs;
  if (turn.nowMs >= untilMs) return false;
  wakeAt(turn, untilMs);
  return true;
}

/** Says when everything that had to be done before stopping is done. */
export function progressStop(turn: Turn): void {
  const { role, stopping, releaseAfterFence } = turn.state;
  if (!stopping || (role.kind === 'holder' && role.phase.name === 'handover')) return;
  if (role.kind === 'holder') releaseLease(turn, role, null, 'handover');
  if (turn.state.releaseAfterFence !== null || releaseAfterFence !== null || isGivingBackInStore(turn)) return;
  const { pod } = turn.state.config.self;
  if (turn.state.command?.kind === 'handover') finishCommand(turn, { ok: true, text: `${pod} is not master any more` });
  else
    finishCommand(turn, { ok: false, code: 'ERR', text: `the sidecar of ${pod} stops; ask another one how it ended` });
  turn.actions.push({ type: 'stopped' });
}

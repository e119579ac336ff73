import type { Command, CommandResult, RequestRef } from './action.ts';
import type { PodName } from './brand.ts';
import { HANDED_TRIES, standBack } from './election.ts';
import { finishCommand, startHandover } from './handover.ts';
import type { PlannedCause } from './messages.ts';
import { hearPauses, isPaused } from './pause.ts';
import type { NodeState } from './state.ts';
import { anySuccessor, readySuccessor, whyNotReady } from './successor.ts';
import { otherMembers, patch, wakeAt, type HolderRole, type Turn } from './turn.ts';
import { currentMaster, isAnnouncementFresh, isLeading } from './view.ts';

type Refusal = Extract<CommandResult, { ok: false }>['code'];

function refuse(turn: Turn, ref: RequestRef, code: Refusal, text: string): void {
  turn.actions.push({ type: 'command-done', ref, result: { ok: false, code, text } });
}

function agree(turn: Turn, ref: RequestRef, text: string): void {
  turn.actions.push({ type: 'command-done', ref, result: { ok: true, text } });
}

/** Carries out what a person, a client or a hook orders, or says why not. Each command is answered once. */
export function takeCommand(turn: Turn, ref: RequestRef, command: Command): void {
  switch (command.kind) {
    case 'pause':
    case 'resume':
      setPaused(turn, ref, command.kind === 'pause');
      return;
    case 'switchover':
      takeMove(turn, ref, 'switchover', command.to);
      return;
    case 'failover':
      if (isAnnouncementFresh(turn.state, turn.nowMs) || turn.state.role.kind !== 'follower')
        takeMove(turn, ref, 'failover', null);
      else campaignNow(turn, ref);
      return;
    case 'handover':
      if (turn.state.stopping) joinStop(turn, ref);
      else if (turn.state.role.kind !== 'holder' && turn.state.own.info?.role !== 'master')
        agree(turn, ref, `${turn.state.config.self.pod} is not master`);
      else takeMove(turn, ref, 'handover', null);
      return;
  }
}

/**
 * This sidecar is handing over already, for it was told to stop: beside an ordinary sidecar the preStop hook of redis and the sidecar's
 * SIGTERM come at the same time. It is answered when the sidecar is done, whose last act that is.
 */
function joinStop(turn: Turn, ref: RequestRef): void {
  if (turn.state.command === null) begin(turn, ref, 'handover', null, turn.state.term, false);
  else refuse(turn, ref, 'INPROG', 'another command is under way');
}

function setPaused(turn: Turn, ref: RequestRef, wanted: boolean): void {
  const { pauses, role } = turn.state;
  const state = wanted ? 'paused' : 'on';
  if (isPaused(turn.state) === wanted) {
    agree(turn, ref, `automatic failover is ${state} already`);
    return;
  }
  hearPauses(turn, pauses + 1);
  // The next renewal tells everybody.
  if (role.kind === 'holder') patch(turn, { role: { ...role, renewAtMs: turn.nowMs } });
  agree(turn, ref, `automatic failover is ${state}`);
}

/** There is no master whom to ask; the one who is asked tries to become it, also while automatic failover is paused. */
function campaignNow(turn: Turn, ref: RequestRef): void {
  const { term, command } = turn.state;
  if (command !== null) {
    refuse(turn, ref, 'INPROG', 'another command is under way');
    return;
  }
  begin(turn, ref, 'failover', null, term, false);
  standBack(turn, 0, HANDED_TRIES);
}

function begin(
  turn: Turn,
  ref: RequestRef,
  kind: PlannedCause,
  to: PodName | null,
  term: HolderRole['term'],
  isWaiting: boolean,
): void {
  const { pauseBudgetMs, grantMs } = turn.state.config.timings;
  const untilMs = turn.nowMs + pauseBudgetMs + 2 * grantMs;
  patch(turn, { command: { ref, kind, isWaiting, to, term, startedAtMs: turn.nowMs, untilMs } });
}

function takeMove(turn: Turn, ref: RequestRef, kind: PlannedCause, to: PodName | null): void {
  const { role, config, command } = turn.state;
  if (role.kind !== 'holder') {
    refuse(turn, ref, 'NOTLEADER', `${config.self.pod} does not hold the lease`);
    return;
  }
  if (role.phase.name !== 'lead' || command !== null || !isLeading(turn.state, turn.nowMs)) {
    refuse(turn, ref, 'INPROG', 'Failover already in progress');
    return;
  }
  if (to === config.self.pod) {
    agree(turn, ref, `${to} is master already`);
    return;
  }
  if (to !== null && !config.members.includes(to)) {
    refuse(turn, ref, 'ERR', `${to} is not one of the pods: ${config.members.join(', ')}`);
    return;
  }
  begin(turn, ref, kind, to, role.term, true);
  progressWaiting(turn);
}

/**
 * There is something to hand over yet: this pod has led ever since the command was given. When it is elected anew meanwhile, what was
 * asked for is past, and there may be no time left to hand over in. (Its term says nothing: that may be raised at any time.)
 */
function isYetToMove({ command, role }: NodeState): boolean {
  if (command?.isWaiting !== true || role.kind !== 'holder' || role.phase.name !== 'lead') return false;
  return role.phase.sinceMs <= command.startedAtMs;
}

/** Hands over as soon as somebody is ready: right after a move the others are about to be. */
function progressWaiting(turn: Turn): void {
  const { command, role, config } = turn.state;
  if (command === null || role.kind !== 'holder' || !isYetToMove(turn.state)) return;
  const { kind, to } = command;
  const waitUntilMs = command.startedAtMs + config.timings.requestTimeoutMs * 2;
  const isOver = turn.nowMs >= waitUntilMs;
  // By force it goes to whoever is there, ready or not.
  const successor = readySuccessor(turn, to) ?? (isOver && kind === 'failover' ? anySuccessor(turn) : null);
  if (successor !== null) {
    patch(turn, { command: { ...command, isWaiting: false, to: successor } });
    startHandover(turn, role, successor, kind);
  } else if (isOver) {
    const asked = to === null ? otherMembers(turn.state) : [to];
    const why = asked.map((pod) => `${pod}: ${whyNotReady(turn, pod) ?? 'not known yet'}`).join('; ');
    finishCommand(turn, {
      ok: false,
      code: 'NOGOODSLAVE',
      text: `No suitable replica to promote: ${why === '' ? 'there is no other pod' : why}`,
    });
  } else wakeAt(turn, waitUntilMs);
}

/** Answers a command as soon as it is seen how it ended. */
export function progressCommand(turn: Turn): void {
  progressWaiting(turn);
  const { command, announcement, role, config } = turn.state;
  if (command === null || isYetToMove(turn.state) || (role.kind === 'holder' && role.phase.name === 'handover')) return;
  const isMoved = announcement !== null && announcement.term > command.term;
  const master = isMoved ? currentMaster(turn.state, turn.nowMs) : null;
  if (master !== null) {
    const tookMs = String(Math.round(turn.nowMs - command.startedAtMs));
    const text = `${master.pod} is master of term ${String(announcement?.term)}, after ${tookMs} ms`;
    // It was to be moved away from this pod; whoever asked for a master where there was none is content with this one.
    const isStill = master.pod === config.self.pod && (command.to !== null || command.isWaiting);
    const isAnybody = command.to === null || command.kind !== 'switchover';
    if (master.pod === command.to || (isAnybody && !isStill)) finishCommand(turn, { ok: true, text });
    else finishCommand(turn, { ok: false, code: 'ERR', text: `${text}, and not ${command.to ?? 'another pod'}` });
    return;
  }
  if (turn.nowMs >= command.untilMs)
    finishCommand(turn, { ok: false, code: 'TIMEOUT', text: 'no new master was heard of in time' });
  else wakeAt(turn, command.untilMs);
}

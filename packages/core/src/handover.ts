import type { Outcome } from './action.ts';
import { releaseLease } from './step-down.ts';
import type { PhaseOf } from './state.ts';
import {
  because,
  CATCH_UP_POLL_MS,
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

/**
 * This sidecar is to stop. A leader hands over first: it holds writes back until the first in the order of succession has
 * everything, detaches its own Redis (blocked writers get READONLY) and releases the lease in favour of that pod.
 */
export function startStop(turn: Turn): void {
  const { role, ranking, config } = turn.state;
  patch(turn, { stopping: true });
  if (role.kind !== 'holder') return;
  const to = ranking.find((pod) => pod !== config.self.pod) ?? null;
  const budgetMs = config.timings.pauseBudgetMs;
  if (role.phase.name !== 'lead' || to === null) {
    releaseLease(turn, role, to, 'fenced');
    return;
  }
  note(turn, 'info', 'handover', `stopping: handing over to ${to}`, { term: role.term });
  because(turn, `handing over to ${to}`);
  const ownId = orderOwn(turn, { kind: 'pause-writes', budgetMs });
  const untilMs = turn.nowMs + budgetMs / 2;
  patch(turn, {
    role: { ...role, phase: { name: 'handover', step: 'pause', to, targetOffset: 0, remoteId: -1, ownId, untilMs } },
  });
}

function probeSuccessor(turn: Turn, role: HolderRole, phase: Handover): void {
  const target = phase.to === null ? null : remoteTarget(turn.state, phase.to);
  if (target === null) {
    releaseLease(turn, role, phase.to, 'fenced');
    return;
  }
  const remoteId = orderRemote(turn, target, { kind: 'probe' });
  patch(turn, { role: { ...role, phase: { ...phase, step: 'catch-up', remoteId } } });
}

/** Takes in an outcome that a handover waits for. */
export function takeHandoverOutcome(turn: Turn, id: number, outcome: Outcome): void {
  const { role } = turn.state;
  if (role.kind !== 'holder' || role.phase.name !== 'handover') return;
  const { phase } = role;
  if (phase.step === 'pause' && id === phase.ownId) {
    if (!outcome.ok || outcome.info === null) releaseLease(turn, role, phase.to, 'fenced');
    else probeSuccessor(turn, role, { ...phase, targetOffset: outcome.info.offset });
  } else if (phase.step === 'catch-up' && id === phase.remoteId) {
    const caughtUp = outcome.ok && outcome.info !== null && outcome.info.offset >= phase.targetOffset;
    if (caughtUp) releaseLease(turn, role, phase.to, 'fenced');
    else patch(turn, { role: { ...role, phase: { ...phase, remoteId: -1 } } });
  }
}

/** Goes on with a handover, and says when everything that had to be done before stopping is done. */
export function progressStop(turn: Turn): void {
  const { role, stopping, releaseAfterFence } = turn.state;
  if (!stopping) return;
  if (role.kind === 'holder' && role.phase.name === 'handover') {
    const { phase } = role;
    wakeAt(turn, Math.min(phase.untilMs, turn.nowMs + CATCH_UP_POLL_MS));
    if (turn.nowMs >= phase.untilMs) {
      note(
        turn,
        'warn',
        'handover-timeout',
        'the successor did not catch up in time: giving the lease back all the same',
      );
      releaseLease(turn, role, phase.to, 'fenced');
    } else if (phase.step === 'catch-up' && phase.remoteId === -1) probeSuccessor(turn, role, phase);
    return;
  }
  if (role.kind === 'holder') releaseLease(turn, role, null, 'fenced');
  if (turn.state.releaseAfterFence === null && releaseAfterFence === null) turn.actions.push({ type: 'stopped' });
}

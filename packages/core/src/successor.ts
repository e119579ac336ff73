import type { PodName } from './brand.ts';
import { rank } from './choose.ts';
import { startHandover } from './handover.ts';
import { hindranceOf } from './hindrance.ts';
import { rankOthers } from './lead.ts';
import { isPaused } from './pause.ts';
import { isFailsafe } from './view.ts';
import { note, otherMembers, patch, peerView, wakeAt, type HolderRole, type Turn } from './turn.ts';

/** Why a pod can not take over from this one, which leads; null when it can. */
export function whyNotReady(turn: Turn, pod: PodName): string | null {
  const { state, nowMs } = turn;
  const { config, announcement } = state;
  const { position, identity, answeredAtMs } = peerView(state, pod);
  if (isFailsafe(state, nowMs)) return 'the lease store does not answer, so it could not take the lease';
  if (identity === null || answeredAtMs === null) return 'its sidecar has not been met';
  if (nowMs - answeredAtMs >= config.timings.leaseMs) return 'its sidecar does not answer';
  if (position === null) return 'its Redis is down, or loading';
  return hindranceOf(position, { ...config.self, history: announcement?.history ?? null });
}

/** Who takes over: `to` if it can, or the first in the order of succession that can; null when nobody can at the moment. */
export function readySuccessor(turn: Turn, to: PodName | null): PodName | null {
  const candidates = to === null ? rankOthers(turn) : [to];
  return candidates.find((pod) => whyNotReady(turn, pod) === null) ?? null;
}

/** Somebody whose sidecar answers and whose Redis may be promoted, however far behind; null when there is nobody. */
export function anySuccessor(turn: Turn): PodName | null {
  const { state, nowMs } = turn;
  const reachable = otherMembers(state).flatMap((pod) => {
    const { position, answeredAtMs } = peerView(state, pod);
    const isHeard = answeredAtMs !== null && nowMs - answeredAtMs < state.config.timings.leaseMs;
    return isHeard && position?.intact === true ? [[pod, position] as const] : [];
  });
  return rank(Object.fromEntries(reachable), state.announcement?.history ?? null)[0] ?? null;
}

/**
 * Priority must not cost data, so a pod of better priority that lacked some was passed over. When it has everything, the master moves
 * there, as it would have at first. Tried once: if it does not come out, the master that there is will do.
 */
export function payPriority(turn: Turn, role: HolderRole): void {
  const { passedOver, config } = turn.state;
  if (passedOver === null || role.phase.name !== 'lead' || isPaused(turn.state)) return;
  const settledAtMs = role.phase.sinceMs + config.timings.leaseMs;
  if (turn.nowMs < settledAtMs) {
    wakeAt(turn, settledAtMs);
    return;
  }
  if (whyNotReady(turn, passedOver) !== null) return;
  patch(turn, { passedOver: null });
  const text = `${passedOver} was passed over for the data that it lacked, and has it now: it comes first by its priority`;
  note(turn, 'info', 'priority', text, { term: role.term });
  startHandover(turn, role, passedOver, 'switchover');
}

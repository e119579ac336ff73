import type { Outcome } from './action.ts';
import type { Announcement } from './messages.ts';
import { positionOfDetached } from './position.ts';
import type { Frozen, PhaseOf } from './state.ts';
import {
  CATCH_UP_POLL_MS,
  enter,
  note,
  orderOwn,
  orderRemote,
  wakeAt,
  watchOwn,
  type HolderRole,
  type Turn,
} from './turn.ts';

type Drain = PhaseOf<'drain'>;

/** It is over, well or not: what is known of the old master's data. The election goes on with it. */
export interface DrainEnd {
  readonly frozen: Frozen;
}

const FAILED: DrainEnd = { frozen: {} };

/** The old master's Redis is fine, only its sidecar is not: its writes are held back, so that taking over loses nothing. */
export function startDrain(turn: Turn, role: HolderRole, old: Announcement): void {
  note(turn, 'warn', 'drain', `the Redis of ${old.pod} still answers as master: taking over from it without loss`);
  const budgetMs = turn.state.config.timings.pauseBudgetMs;
  const remoteId = orderRemote(turn, { ...old, history: null }, { kind: 'pause-writes', budgetMs });
  // The writes come back by themselves when the budget is over, so everything must be done well before.
  enter(turn, role, { name: 'drain', step: 'pause', remoteId, targetOffset: 0, untilMs: turn.nowMs + budgetMs / 2 });
}

/** Takes in what became of the step that was waited for. @returns null while there is more to do. */
export function takeDrainOutcome(turn: Turn, role: HolderRole, phase: Drain, outcome: Outcome): DrainEnd | null {
  if (phase.step === 'pause') {
    if (!outcome.ok || outcome.info === null) return FAILED;
    enter(turn, role, { ...phase, step: 'catch-up', targetOffset: outcome.info.offset, remoteId: -1 });
    orderOwn(turn, { kind: 'sample' });
    return null;
  }
  if (phase.step !== 'demote') return null;
  const position = positionOfDetached(outcome);
  const old = role.old?.announcement.pod;
  return position === null || old === undefined ? FAILED : { frozen: { [old]: position } };
}

/** Waits until the own Redis has everything, and then detaches the old master. @returns null while there is more to do. */
export function progressDrain(turn: Turn, role: HolderRole, phase: Drain): DrainEnd | null {
  const { own, config } = turn.state;
  const old = role.old?.announcement;
  if (old?.runId == null || turn.nowMs >= phase.untilMs) {
    note(turn, 'warn', 'drain-timeout', 'taking over without loss was not done in time: going on as in a failover');
    return FAILED;
  }
  wakeAt(turn, phase.untilMs);
  if (phase.step !== 'catch-up') return null;
  const attached = own.info?.role === 'replica' && own.info.linkUp && own.info.masterHost === old.ip;
  const caughtUp = own.info !== null && own.info.offset >= phase.targetOffset;
  if (attached && !caughtUp) {
    watchOwn(turn, CATCH_UP_POLL_MS);
    return null;
  }
  const why = `${config.self.pod} takes over in term ${String(role.term)}`;
  const remoteId = orderRemote(turn, { ...old, history: null }, { kind: 'limbo', why });
  enter(turn, role, { ...phase, step: 'demote', remoteId });
  return null;
}

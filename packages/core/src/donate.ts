import type { RequestRef } from './action.ts';
import type { Term } from './brand.ts';
import { ownPosition } from './position.ts';
import { note, orderOwn, patch, wakeAt, type Turn } from './turn.ts';
import { isAnnouncementFresh } from './view.ts';

/** A value of min-replicas-to-write that is never met, so that a master behind it takes no write. The greatest that Redis takes. */
export const UNREACHABLE_MIN_REPLICAS = 2_147_483_647;

/** The own Redis, in limbo now, is to feed the chosen pod of the election of `term`. */
export function startDonation(turn: Turn, ref: RequestRef, term: Term): void {
  const { dataWaitMs } = turn.state.config.timings;
  note(turn, 'info', 'donate', 'the own Redis is never promoted, but has the most data: feeding the chosen one', {
    term,
  });
  orderOwn(turn, { kind: 'donate' });
  // Longer than the borrower waits, for a full sync too: its announcement ends it, or the next election.
  patch(turn, { donating: { ref, term, untilMs: turn.nowMs + dataWaitMs * 10 } });
}

/** Ends it, whether it was carried out or not. Whoever converges the own Redis next makes a replica of it again. */
export function endDonation(turn: Turn): void {
  const { donating } = turn.state;
  if (donating === null) return;
  if (donating.ref !== null)
    turn.actions.push({ type: 'answer', ref: donating.ref, body: { type: 'frozen', position: null } });
  patch(turn, { donating: null });
}

/** Tells the borrower as soon as it is known whether the own Redis can feed it. */
export function progressDonation(turn: Turn): void {
  const { donating, own } = turn.state;
  if (donating?.ref == null || own.pending !== null) return;
  const isFeeding = own.info?.role === 'master' && own.minReplicas === UNREACHABLE_MIN_REPLICAS;
  if (!isFeeding) {
    endDonation(turn);
    return;
  }
  const position = ownPosition(turn.state, turn.nowMs);
  turn.actions.push({ type: 'answer', ref: donating.ref, body: { type: 'frozen', position } });
  patch(turn, { donating: { ...donating, ref: null } });
}

/** True while the own Redis is rightly a master that takes no writes; it ends with the announcement of the one that it has fed. */
export function isDonating(turn: Turn): boolean {
  const { donating, announcement } = turn.state;
  if (donating === null) return false;
  const isOver =
    announcement !== null && announcement.term >= donating.term && isAnnouncementFresh(turn.state, turn.nowMs);
  if (isOver || turn.nowMs >= donating.untilMs) {
    endDonation(turn);
    return false;
  }
  wakeAt(turn, donating.untilMs);
  return true;
}

/** What a donation has left behind: a replica gets back the write quorum that it would need as a master. */
export function restoreWriteQuorum(turn: Turn): void {
  const { own, donating, config } = turn.state;
  const isLeft = own.minReplicas === UNREACHABLE_MIN_REPLICAS && donating === null && own.info?.role === 'replica';
  if (!isLeft || own.pending !== null) return;
  const count = config.writeQuorum === 'off' ? 0 : config.quorum - 1;
  // A replica takes no writes, whatever the number: no lease is needed for that.
  orderOwn(turn, { kind: 'set-min-replicas', count, deadlineMs: Infinity });
}

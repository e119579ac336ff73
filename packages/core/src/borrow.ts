import type { PodName } from './brand.ts';
import { historyOf, lineageAfter, lineageRenamed, type Lineage } from './lineage.ts';
import type { AnswerBody } from './messages.ts';
import type { PhaseOf } from './state.ts';
import {
  ask,
  because,
  CATCH_UP_POLL_MS,
  note,
  orderOwn,
  patch,
  peerView,
  wakeAt,
  watchOwn,
  type HolderRole,
  type Turn,
} from './turn.ts';
import { isLost } from './view.ts';

type Borrow = PhaseOf<'borrow'>;

/**
 * The own Redis is to be promoted, but `donor`, which is never promoted, has more: it is asked to feed the own Redis first, so
 * that a priority of 0 costs no data (DESIGN: "priority must never cost data").
 */
export function startBorrowing(turn: Turn, role: HolderRole, donor: PodName, reason: string): void {
  const untilMs = turn.nowMs + turn.state.config.timings.dataWaitMs;
  note(turn, 'info', 'borrow', `${donor} is never promoted, but has the most data: fetching it first`, {
    term: role.term,
  });
  because(turn, `fetching what only ${donor} has`);
  const failedDonors = role.phase.name === 'freeze' ? role.phase.failedDonors : [];
  patch(turn, {
    role: { ...role, phase: { name: 'borrow', donor, given: null, untilMs, reason, failedDonors } },
  });
  ask(turn, donor, role.term, { type: 'DONATE' });
  wakeAt(turn, untilMs);
}

/** Redis's own repl-diskless-sync-delay, 5 s, and some room: so long nothing is to be seen of a full sync that is about to begin. */
const SYNC_DELAY_MS = 6000;

/** How much longer than for an answer a full sync is waited for, in milliseconds. */
function copyingMs(turn: Turn): number {
  return turn.state.config.timings.dataWaitMs * 8;
}

/** Takes in whether the donor can feed the own Redis. */
export function takeDonation(turn: Turn, from: PodName, answer: AnswerBody | null): void {
  const { role } = turn.state;
  if (role.kind !== 'holder' || role.phase.name !== 'borrow') return;
  const { phase } = role;
  if (phase.given !== null || phase.donor !== from) return;
  const position = answer?.type === 'frozen' ? answer.position : null;
  const { identity } = peerView(turn.state, from);
  if (position?.role !== 'master' || identity === null) {
    patch(turn, { role: { ...role, phase: { ...phase, untilMs: turn.nowMs } } });
    return;
  }
  const { ip, redisPort: port } = identity;
  patch(turn, { role: { ...role, phase: { ...phase, given: historyOf(position) } } });
  orderOwn(turn, { kind: 'follow', ip, port, why: `${from} has data that nobody else has`, cutClients: false });
}

/** How far the own Redis has come with fetching the donor's data. */
export function progressBorrowing(turn: Turn, phase: Borrow): 'under way' | 'done' | 'failed' {
  const { own } = turn.state;
  const { info } = own;
  if (info === null) return 'failed';
  const donor = peerView(turn.state, phase.donor).identity;
  const isAttached = info.role === 'replica' && info.masterHost === donor?.ip;
  const isUnderWay = phase.given === null || own.pending !== null;
  if (!isUnderWay && isAttached && info.linkUp && info.offset >= phase.given.offset) return 'done';
  // While a full sync is under way it is waited for: what it brings may be confirmed, and nobody else has it. Once it is being
  // loaded the own Redis has nothing of its own any more, and there is no way back.
  const moreMs = info.syncInProgress ? copyingMs(turn) : SYNC_DELAY_MS;
  const isCopying = isAttached && turn.nowMs < phase.untilMs + moreMs;
  if (turn.nowMs >= phase.untilMs && !info.loading && !isCopying) return 'failed';
  wakeAt(turn, phase.untilMs);
  if (isUnderWay) return 'under way';
  if (!isAttached) return 'failed';
  // Redis connects again by itself, to whoever has the donor's address then.
  const isLinked = info.linkUp || info.syncInProgress || info.loading;
  if (!isLinked && isLost(turn.state, donor)) return 'failed';
  watchOwn(turn, CATCH_UP_POLL_MS);
  return 'under way';
}

/**
 * The history that the own Redis goes on from when a donor has fed it; null when that is not known. The donor took a new id when it was
 * made a master, and tells what it had before, and up to where. The own Redis can not: a full sync leaves it without a past, and after a
 * partial one it notes where it was itself, though others that were frozen have more.
 */
export function historyFed(turn: Turn, { old }: HolderRole, { given }: Borrow): Lineage | null {
  const { info } = turn.state.own;
  const before = old?.announcement.history ?? null;
  if (info === null || given === null) return before;
  const ofDonor = lineageAfter(given, before);
  // Without a backlog it has taken another id since, when it was asked to feed.
  return info.replid === given.replid ? ofDonor : lineageRenamed(info, ofDonor);
}

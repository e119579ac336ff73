import type { PodName } from './brand.ts';
import { release } from './lease.ts';
import type { ReleaseCause } from './messages.ts';
import { holdInLimbo } from './own.ts';
import { isPaused } from './pause.ts';
import { askAll, note, orderOwn, patch, wakeAt, type HolderRole, type Turn } from './turn.ts';
import { heldUntilMs, usesStore } from './view.ts';

/** True when the own Redis certainly takes no writes: it is a replica, and no order that could change that is under way. */
function isFenced(turn: Turn): boolean {
  const { own } = turn.state;
  return own.pending === null && own.promotingId === null && own.info?.role === 'replica';
}

/**
 * Gives the lease back. When the own Redis may still take writes it is fenced first, and the release is sent only after
 * that: a release says to the voters that there is nothing left to wait for.
 * @param to the pod that shall have the lease next, or null for whoever wins it
 */
export function releaseLease(turn: Turn, role: HolderRole, to: PodName | null, cause: ReleaseCause): void {
  const { state, nowMs } = turn;
  const { timings } = state.config;
  patch(turn, {
    role: { kind: 'follower', electAtMs: nowMs + timings.reservationMs + timings.heartbeatMs, handedTries: 0 },
    masterGone: true,
    release: { cause, to },
    announcedUntilMs: Math.min(state.announcedUntilMs, nowMs),
  });
  if (cause === 'redis-hung')
    orderOwn(turn, {
      kind: 'limbo',
      why: 'should it wake up, it must not take writes',
      cutClients: true,
      atOnce: true,
    });
  if (cause !== 'redis-dead' && cause !== 'redis-hung' && !isFenced(turn)) {
    patch(turn, { releaseAfterFence: { term: role.term, to, cause, byMs: nowMs + timings.grantMs } });
    holdInLimbo(turn, 'the lease is being given back');
    return;
  }
  sendRelease(turn, role.term, to, cause);
}

function sendRelease(turn: Turn, term: HolderRole['term'], to: PodName | null, cause: ReleaseCause): void {
  const { state, nowMs } = turn;
  const { self, timings } = state.config;
  askAll(turn, term, { type: 'RELEASE', to, cause });
  patch(turn, { voter: release(state.voter, self, term, to, nowMs, timings.reservationMs), releaseAfterFence: null });
  if (usesStore(state)) patch(turn, { store: { ...state.store, releasing: { term, to, sinceMs: nowMs } } });
  note(
    turn,
    'info',
    'lease-released',
    `gave the lease of term ${String(term)} back${to === null ? '' : ` in favour of ${to}`}`,
    { term },
  );
}

/** Sends a release that had to wait for the fence. */
export function progressRelease(turn: Turn): void {
  const waiting = turn.state.releaseAfterFence;
  if (waiting === null) return;
  if (isFenced(turn) || turn.state.own.info === null) sendRelease(turn, waiting.term, waiting.to, waiting.cause);
  // By then every grant has run out by itself.
  else if (turn.nowMs >= waiting.byMs) patch(turn, { releaseAfterFence: null });
  else {
    holdInLimbo(turn, 'the lease is being given back');
    wakeAt(turn, Math.min(waiting.byMs, turn.nowMs + turn.state.config.timings.heartbeatMs));
  }
}

/** Before anything else is decided: a holder whose lease has run out is no holder, whatever it was about to do. */
export function checkLease(turn: Turn): void {
  const { role } = turn.state;
  if (role.kind !== 'holder') return;
  const untilMs = heldUntilMs(turn.state);
  if (untilMs > turn.nowMs) {
    wakeAt(turn, untilMs);
    return;
  }
  note(
    turn,
    'error',
    'lease-lost',
    `the lease of term ${String(role.term)} could not be renewed by ${usesStore(turn.state) ? 'the store, nor by all pods' : 'a quorum'}: fencing the own Redis`,
    {
      term: role.term,
    },
  );
  releaseLease(turn, role, null, 'fenced');
}

/** The holder's own Redis is dead or hangs: give the lease back at once, so that nobody has to wait for it to run out. */
export function checkOwnRedis(turn: Turn): void {
  const { role, own, ranking, config } = turn.state;
  if (role.kind !== 'holder' || own.health.state !== 'down') return;
  const to = isPaused(turn.state) ? null : (ranking.find((pod) => pod !== config.self.pod) ?? null);
  note(turn, 'warn', 'master-down', `the own Redis is down (${own.health.reason}): giving the lease back`, {
    term: role.term,
  });
  releaseLease(turn, role, to, own.health.hung ? 'redis-hung' : 'redis-dead');
}

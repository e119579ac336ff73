import type { NodeState } from './state.ts';
import { patch, type Turn } from './turn.ts';

/** A master that falls silent more often than this within the window is one on a bad network: moving on does not help. */
const FREE_CHANGES = 3;
const WINDOW_MS = 300_000;
/** The longest wait, in leases. */
const MOST_LEASES = 8;

function recentChanges({ changesAtMs }: NodeState, nowMs: number): readonly number[] {
  return changesAtMs.filter((atMs) => nowMs - atMs < WINDOW_MS);
}

/** The announced master is known not to come back by itself: its Redis is dead, or it has handed over. */
function hasLeft({ release }: NodeState): boolean {
  return release !== null && (release.cause === 'redis-dead' || release.to !== null);
}

/**
 * Remembers that the master has moved because the old one was not heard any more, or had lost its lease. One that is dead or
 * has handed over does not count: moving on from it is never held up.
 */
export function rememberChange(turn: Turn): void {
  if (hasLeft(turn.state)) return;
  const recent = recentChanges(turn.state, turn.nowMs);
  patch(turn, { changesAtMs: [...recent.slice(-(FREE_CHANGES + MOST_LEASES)), turn.nowMs] });
}

/**
 * Until when a silent master is waited for because it has moved too often: a link that comes and goes costs a failover, and
 * the writes that nobody has confirmed, each time. The wait doubles with each change up to 8 leases, and ends when the
 * changes are 5 minutes old. The old master itself need not wait: to go on with it is no change.
 */
export function heldOffUntilMs(state: NodeState, nowMs: number): number {
  const { announcement, config } = state;
  if (hasLeft(state) || announcement === null || announcement.pod === config.self.pod) return -Infinity;
  const tooMany = recentChanges(state, nowMs).length - FREE_CHANGES;
  if (tooMany <= 0) return -Infinity;
  const leases = Math.min(MOST_LEASES, 2 ** (tooMany - 1));
  return state.announcedUntilMs + leases * config.timings.leaseMs;
}

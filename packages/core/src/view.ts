import type { Address } from './action.ts';
import { leaseUntilMs, standingGrant } from './lease.ts';
import type { Change, PeerStatus } from './messages.ts';
import { ownPosition } from './position.ts';
import type { NodeState } from './state.ts';

/** Until when this sidecar's own lease is valid; -Infinity when it is not the holder. */
export function heldUntilMs(state: NodeState): number {
  if (state.role.kind !== 'holder') return -Infinity;
  return leaseUntilMs(state.role.grants, state.config.quorum, state.config.timings.leaseMs);
}

/** True while this pod is master under a lease that is valid at `nowMs`. */
export function isLeading(state: NodeState, nowMs: number): boolean {
  return (
    state.role.kind === 'holder' &&
    (state.role.phase.name === 'lead' || state.role.phase.name === 'handover') &&
    heldUntilMs(state) > nowMs
  );
}

/** True when the announced master's lease may still be alive: only then may anybody be led to it. */
export function isAnnouncementFresh(state: NodeState, nowMs: number): boolean {
  if (state.announcement === null) return false;
  if (state.role.kind === 'holder') return isLeading(state, nowMs);
  return !state.masterGone && state.announcedUntilMs > nowMs;
}

/** Who is master, for clients: null without a fresh view, so that nobody is led to a stale one. */
export function currentMaster(state: NodeState, nowMs: number): Address | null {
  if (state.announcement === null || !isAnnouncementFresh(state, nowMs)) return null;
  const { pod, ip, port } = state.announcement;
  return { pod, ip, port };
}

/** The moves of the master, as they are told. */
function changesOf({ changes }: NodeState, nowMs: number): readonly Change[] {
  return changes.map(({ atMs, ...change }) => ({ ...change, ageMs: Math.max(0, Math.round(nowMs - atMs)) }));
}

/** Everything that this sidecar tells of itself. */
export function statusOf(state: NodeState, nowMs: number): PeerStatus {
  const { config, role, own } = state;
  const grant = standingGrant(state.voter, nowMs);
  const { pod, uid } = config.self;
  const isHolder = role.kind === 'holder' && heldUntilMs(state) > nowMs;
  return {
    v: 1,
    cluster: config.cluster,
    from: config.self,
    term: state.term,
    role: role.kind,
    phase: role.kind === 'holder' ? role.phase.name : null,
    reason: state.reason,
    leaseHolder: isHolder ? { pod, uid } : (grant?.holder ?? null),
    leaseRemainingMs: Math.max(
      0,
      Math.round(isHolder ? heldUntilMs(state) - nowMs : (grant?.expiresAtMs ?? nowMs) - nowMs),
    ),
    mutedForMs: Math.max(0, Math.round(state.voter.mutedUntilMs - nowMs)),
    master: state.announcement,
    masterIsFresh: isAnnouncementFresh(state, nowMs),
    redis: { health: own.health.state, reason: own.health.reason, position: ownPosition(state, nowMs) },
    members: state.members,
    ranking: state.ranking,
    refusedMessages: state.refusedMessages,
    pauses: state.pauses,
    changes: changesOf(state, nowMs),
  };
}

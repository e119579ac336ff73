import type { Address } from './action.ts';
import type { PodName } from './brand.ts';
import { leaseUntilMs, standingGrant, type Grants } from './lease.ts';
import type { Change, PeerStatus, StoreStatus } from './messages.ts';
import { ownPosition } from './position.ts';
import type { NodeConfig, NodeState, Stored } from './state.ts';

/** The votes that count: after a change of N some may be of pods that are no members any more. */
function grantsOfMembers(grants: Grants, { isResizable, members }: NodeConfig): Grants {
  if (isResizable !== true) return grants;
  return Object.fromEntries(Object.entries(grants).filter(([pod]) => members.some((member) => member === pod)));
}

/** Until when this sidecar's own lease is valid; -Infinity when it is not the holder. */
export function heldUntilMs(state: NodeState): number {
  const { role, config } = state;
  if (role.kind !== 'holder') return -Infinity;
  const { leaseMs } = config.timings;
  const grants = grantsOfMembers(role.grants, config);
  if (!usesStore(state)) return leaseUntilMs(grants, config.quorum, leaseMs);
  return Math.max(storedUntilMs(state), leaseUntilMs(grants, failsafeSize(role.stored, config), leaseMs));
}

/** Does something beside the peers decide who has the lease? */
export function usesStore({ config }: Pick<NodeState, 'config'>): boolean {
  return config.self.store !== undefined;
}

/** Until when the store itself gives the lease to this pod; -Infinity when it does not. */
function storedUntilMs({ role, config }: NodeState): number {
  const stored = role.kind === 'holder' ? role.stored : null;
  return stored === null ? -Infinity : stored.atMs + config.timings.leaseMs;
}

/**
 * How many pods have to agree that the holder goes on without the store: all. While N is being changed that is the greater one, because
 * whoever would take the lease goes by the N in the record.
 */
function failsafeSize(stored: Stored | null, { members }: NodeConfig): number {
  return Math.max(members.length, stored?.replicas ?? 0);
}

/** This pod holds the lease, and no longer by a write that the store has confirmed: all pods agree. */
export function isFailsafe(state: NodeState, nowMs: number): boolean {
  return usesStore(state) && storedUntilMs(state) <= nowMs && heldUntilMs(state) > nowMs;
}

function storeStatusOf(state: NodeState, nowMs: number): StoreStatus | null {
  const { store } = state.config.self;
  if (store === undefined) return null;
  const { trouble, answeredAtMs } = state.store;
  const answeredAgoMs = Number.isFinite(answeredAtMs) ? Math.max(0, Math.round(nowMs - answeredAtMs)) : null;
  return { kind: store, trouble, answeredAgoMs, isFailsafe: isFailsafe(state, nowMs) };
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

/**
 * After so many heartbeats without a renewal the master's sidecar counts as silent. One and a half are not enough: in a network that
 * delays each renewal by up to half a heartbeat, a replica that waits until its master begins to copy is detached again and again.
 */
const OVERDUE_HEARTBEATS = 2.5;

/** By when the next renewal should have come from whoever has announced itself. */
export function renewalOverdueAtMs({ announcedUntilMs, config }: NodeState): number {
  const { grantMs, heartbeatMs } = config.timings;
  return announcedUntilMs - grantMs + heartbeatMs * OVERDUE_HEARTBEATS;
}

/** The connection to the sidecar of this very pod has ended, and it was not reached again. */
export function isLost({ peers }: NodeState, { pod, uid }: { readonly pod: PodName; readonly uid: string }): boolean {
  return peers[pod]?.lostUid === uid;
}

/** As `isLost`, of the announced master. */
export function isMasterLost(state: NodeState): boolean {
  return state.announcement !== null && isLost(state, state.announcement);
}

/** From when on the silence of the announced master means something; -Infinity when nobody is known to lead. */
export function overdueAtMs(state: NodeState, nowMs: number): number {
  if (isMasterLost(state) || !isAnnouncementFresh(state, nowMs)) return -Infinity;
  return renewalOverdueAtMs(state);
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
  const store = storeStatusOf(state, nowMs);
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
    ...(store === null ? {} : { store }),
  };
}

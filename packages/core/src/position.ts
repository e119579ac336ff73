import { isPartOf, type Lineage } from './lineage.ts';
import type { PodName } from './brand.ts';
import type { Announcement, MemberView, Position } from './messages.ts';
import type { NodeState } from './state.ts';

/** The position of the own Redis as this sidecar knows it; null when it is down, loading, or was never asked. */
export function ownPosition(state: NodeState, nowMs: number): Position | null {
  const { own, announcement } = state;
  const { info } = own;
  if (info === null || info.loading || own.health.state === 'down') return null;
  return {
    runId: info.runId,
    role: info.role,
    masterHost: info.masterHost,
    masterPort: info.masterPort,
    linkUp: info.linkUp,
    replid: info.replid,
    replid2: info.replid2,
    secondReplOffset: info.secondReplOffset,
    offset: info.offset,
    priority: own.priority,
    lastIoSecondsAgo: info.lastIoSecondsAgo,
    // The announced master under its own run id is in step with itself: also a sidecar that is new can tell.
    synced: own.synced ?? (info.runId !== null && announcement?.runId === info.runId ? true : null),
    intact: !info.syncInProgress,
    astray: own.astray,
    keys: info.keys,
    ageMs: Math.max(0, nowMs - own.infoAtMs),
  };
}

/**
 * What a pod's data is worth in an election.
 * - `full`: this process has been in step with the announced history and has not restarted since; counts for the data quorum.
 * - `restored`: it has data of that history, but came from a disk: it may have less than it once confirmed.
 * - `none`: empty, of another history, or in the middle of a full sync.
 */
export type DataWorth = 'full' | 'restored' | 'none';

/** Judges a position against the newest announced history; without one (a set that is new to everybody) nothing is full. */
export function worthOf(position: Position, known: Lineage | null): DataWorth {
  if (!position.intact) return 'none';
  if (known === null) return hasKeys(position) ? 'restored' : 'none';
  if (position.astray || !isPartOf(position, known)) return 'none';
  return position.synced === true ? 'full' : 'restored';
}

/**
 * Vouches for a process whose own sidecar has restarted and can not know: the last holder has told everybody which process of
 * which pod was in step with it.
 */
export function vouchFor(pod: PodName, position: Position, members: readonly MemberView[]): Position {
  if (position.synced !== null || position.runId === null) return position;
  const inStep = members.some((member) => member.pod === pod && member.runId === position.runId && member.linkUp);
  return { ...position, synced: inStep };
}

/**
 * How many pods must show their full data before a master is chosen, so that every write confirmed by `WAIT floor(N/2)` is
 * among it: such a write is on floor(N/2)+1 pods, and any N-floor(N/2) pods have one of those among them.
 */
export function dataQuorumOf(replicas: number): number {
  return replicas - Math.floor(replicas / 2);
}

export function hasKeys(position: Pick<Position, 'keys'>): boolean {
  return position.keys !== null && position.keys > 0;
}

/** The newer of two announcements, by term. */
export function newerAnnouncement(a: Announcement | null, b: Announcement | null): Announcement | null {
  if (a === null) return b;
  if (b === null) return a;
  return b.term > a.term ? b : a;
}

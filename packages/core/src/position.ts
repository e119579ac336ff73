import type { Outcome } from './action.ts';
import { isPartOf, wentOnFrom, type Lineage } from './lineage.ts';
import type { PodName } from './brand.ts';
import type { Announcement, MemberView, Position } from './messages.ts';
import type { ReplicationInfo } from './replication-info.ts';
import type { NodeState } from './state.ts';

/** What a Redis has by its own words, and what its sidecar knows beyond them. */
export function positionFrom(
  info: ReplicationInfo,
  known: Pick<Position, 'priority' | 'synced' | 'astray' | 'unannounced' | 'ageMs'>,
): Position {
  // Written out, field by field: it is made for every answer, and spreads would cost several times as much.
  const position = {
    replid: info.replid,
    replid2: info.replid2,
    secondReplOffset: info.secondReplOffset,
    offset: info.offset,
    runId: info.runId,
    role: info.role,
    masterHost: info.masterHost,
    masterPort: info.masterPort,
    linkUp: info.linkUp,
    lastIoSecondsAgo: info.lastIoSecondsAgo,
    keys: info.keys,
    intact: !info.syncInProgress,
    priority: known.priority,
    synced: known.synced,
    astray: known.astray,
    ageMs: known.ageMs,
  };
  const told = known.unannounced === true ? { ...position, unannounced: true } : position;
  return info.canSave === false ? { ...told, canSave: false } : told;
}

/** The position of the own Redis as this sidecar knows it; null when it is down, loading, or was never asked. */
export function ownPosition(state: NodeState, nowMs: number): Position | null {
  const { own, announcement } = state;
  const { info } = own;
  if (info === null || info.loading || own.health.state === 'down') return null;
  // The announced master under its own run id is in step with itself: also a sidecar that is new can tell.
  const synced = own.synced ?? (info.runId !== null && announcement?.runId === info.runId ? true : null);
  const ageMs = Math.max(0, nowMs - own.infoAtMs);
  return positionFrom(info, {
    priority: own.priority,
    synced,
    astray: own.astray,
    unannounced: own.unannounced,
    ageMs,
  });
}

/** What a Redis of another pod has that was just detached, and was in step until then; null when that did not come out. */
export function positionOfDetached(outcome: Outcome): Position | null {
  if (!outcome.ok || outcome.info === null || outcome.info.role === 'master') return null;
  const { priority } = outcome.info;
  return { ...positionFrom(outcome.info, { priority, synced: true, astray: false, ageMs: 0 }), intact: true };
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

/** True when it has nothing at all of what was announced, nor anything else. */
export function isEmpty(position: Position, known: Lineage): boolean {
  return worthOf(position, known) === 'none' && !hasKeys(position);
}

export function hasKeys(position: Pick<Position, 'keys'>): boolean {
  return position.keys !== null && position.keys > 0;
}

/**
 * The newer of two announcements, by term. A master may take a new replication id within a term, when its first replica attaches, and not
 * everybody may hear of that: then it is the one whose history has gone on. If each kept its own, two pods could hand the lease to each
 * other without end, as each chooses by what it knows.
 */
export function newerAnnouncement(a: Announcement | null, b: Announcement | null): Announcement | null {
  if (a === null) return b;
  if (b === null) return a;
  if (a.term === b.term) return wentOnFrom(b.history, a.history) ? b : a;
  return b.term > a.term ? b : a;
}

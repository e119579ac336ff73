import { bytesBetween } from './action.ts';
import { asOffset, asRunId, type PodName } from './brand.ts';
import { compareContenders, isNeverPromoted, priorityOf, type Contender } from './candidates.ts';
import {
  isComparable,
  isPartOf,
  lineageAfter,
  lineageAsBegun,
  relationOf,
  sharedOffset,
  type History,
  type Lineage,
} from './lineage.ts';
import type { Position } from './messages.ts';
import { dataQuorumOf, hasKeys, worthOf, type DataWorth } from './position.ts';
import type { Frozen } from './state.ts';

/** One frozen pod, and why it was or was not chosen. */
export interface Verdict {
  readonly pod: PodName;
  readonly position: Position;
  readonly worth: DataWorth;
  readonly reason: string;
}

export interface Choice {
  /** The newest history that is announced or shown; null at a cold start. */
  readonly known: Lineage | null;
  readonly winner: PodName | null;
  readonly verdicts: readonly Verdict[];
  /** A pod that is never promoted, but has more than the winner and can feed it. */
  readonly donor: PodName | null;
  /** A pod that would come before the winner by its priority, but lacks data. */
  readonly passedOver: PodName | null;
  /** Bytes that some frozen pod has, and neither the winner nor the donor. */
  readonly bytesMissing: number;
  /** Something that was confirmed may be missing in what can be had. */
  readonly isAtRisk: boolean;
  readonly reason: string;
}

/** What else counts in a choice. */
export interface Circumstances {
  /** Pods whose sidecar has answered, and so can take the lease. */
  readonly reachable: readonly PodName[];
  /** The pod that holds the lease now: among equals it is chosen, for handing the lease on costs time. */
  readonly holder: PodName;
  /** N, the number of configured pods. */
  readonly replicas: number;
  /** Pods that are never promoted, were asked to feed the chosen one, and could not. */
  readonly failedDonors: readonly PodName[];
  /** Who was master by the newest announcement. */
  readonly lastMaster?: PodName | null;
  /** A pod that a switchover has named: it goes before all others that have no more data. */
  readonly preferred?: PodName | null;
}

const WORTH_ORDER: Readonly<Record<DataWorth, number>> = { full: 0, restored: 1, none: 2 };

/** Sorts before every real run id. */
const FIRST_RUN_ID = asRunId('');

interface Entry {
  readonly pod: PodName;
  readonly position: Position;
  readonly worth: DataWorth;
}

function entriesOf(frozen: Frozen, known: Lineage | null): Entry[] {
  return Object.entries(frozen).map(([pod, position]) => ({
    pod: pod as PodName,
    position: position as Position,
    worth: worthOf(position as Position, known),
  }));
}

/** Further promotions than so many are not looked for. */
const MOST_UNHEARD = 8;

/** The history that begins with the promotion of this one, as its announcement would have had it. */
function announcedBy(position: Position, before: Lineage): Lineage {
  const offset = asOffset(Math.max(0, (position.secondReplOffset ?? position.offset) - 1));
  return lineageAfter({ ...position, offset }, before);
}

/**
 * The newest history among what is known and what the frozen pods show. One that went on from the known one was promoted since,
 * under a lease that nobody here has heard of; what is known no more says who has parted from it. Of several that went on from the
 * same, the one that most pods share: a confirmed write is on more than half of them. For the same reason one that half of the pods
 * have parted from can have no confirmed write, and is left aside: somebody has typed REPLICAOF NO ONE. Those whom somebody has
 * typed that at prove it as well: what they had until then was what went on. One whose sidecar remembers another master was not promoted.
 * @param leastSharing by how many pods a history has to be shown
 */
function newestShown(entries: readonly Entry[], known: Lineage, replicas: number, leastSharing: number): Lineage {
  const intact = entries.map(({ position }) => position).filter((position) => position.intact);
  const positions = intact.filter((position) => !position.astray && position.unannounced !== true);
  let newest = known;
  for (let step = 0; step < MOST_UNHEARD; step += 1) {
    const before = newest;
    const partedFrom = (one: Position): number => {
      const itsOwn = announcedBy(one, before);
      const hasStayed = (other: Position): boolean =>
        isPartOf(other, before) || (sharedOffset(other, before) ?? -1) > itsOwn.offset;
      return intact.filter((other) => hasStayed(other) && !isPartOf(other, itsOwn)).length;
    };
    const younger = positions.filter(
      (one) => relationOf(one, before) === 'descendant' && partedFrom(one) < dataQuorumOf(replicas),
    );
    const sharing = (one: Position): number => younger.filter(({ replid }) => replid === one.replid).length;
    const [next] = younger
      .filter((one) => sharing(one) >= leastSharing)
      .sort((a, b) => sharing(b) - sharing(a) || b.offset - a.offset || (a.replid < b.replid ? -1 : 1));
    if (next === undefined) return newest;
    // A replica that followed the promoted one a little later notes its own offset of then: the branch is where the last one left.
    const branches = younger.filter(({ replid }) => replid === next.replid).map((one) => one.secondReplOffset ?? 0);
    newest = announcedBy({ ...next, secondReplOffset: asOffset(Math.max(...branches)) }, newest);
  }
  return newest;
}

/** Whoever went on from the newest history all the same has no claim to what it wrote since: its promotion does not count. */
function withoutClaim(entry: Entry, newest: Lineage | null): Entry {
  const { position } = entry;
  const isPretender =
    newest !== null &&
    relationOf(position, newest) === 'descendant' &&
    position.secondReplOffset !== null &&
    position.offset >= position.secondReplOffset;
  return isPretender ? { ...entry, worth: 'none' } : entry;
}

function hindrance(entry: Entry, reachable: readonly PodName[]): string | null {
  if (isNeverPromoted(entry.position)) return 'priority 0: never promoted';
  if (!entry.position.intact) return 'its full sync has not ended';
  if (!reachable.includes(entry.pod)) return 'its sidecar does not answer, so it can not hold the lease';
  return null;
}

/**
 * In which history to choose when nobody shows an announced one (a cold start): the one that most pods with data share, then that of the
 * last master, then the one with the greatest offset. Pods without any key have no say. A Redis that has loaded an append-only file has
 * a new history each (its replication id is only in an RDB), so then all are of one pod, and what the last master wrote is the newest.
 */
function lineageToKeep(entries: readonly Entry[], lastMaster: PodName | null): History | null {
  const withData = entries
    .filter((entry) => hasKeys(entry.position))
    .map(({ pod, position }) => ({
      pod,
      history: position,
      members: entries.filter((other) => hasKeys(other.position) && isComparable(other.position, position)).length,
    }));
  // At last by their names, so that everybody who chooses among the same pods decides between equals in the same way.
  const [best] = withData.sort(
    (a, b) =>
      b.members - a.members ||
      Number(b.pod === lastMaster) - Number(a.pod === lastMaster) ||
      b.history.offset - a.history.offset ||
      (a.pod < b.pod ? -1 : 1),
  );
  return best?.history ?? null;
}

/** Offsets of a set without any data belong to as many histories as there are pods: only the priority and the name are left. */
function withoutData(entry: Entry): Entry {
  const { position, pod, worth } = entry;
  const empty = { ...position, offset: asOffset(0), lastIoSecondsAgo: null, runId: asRunId(pod) };
  return { pod, worth, position: empty };
}

/**
 * Those among whom to choose: they share the announced history; else (cold start, or all of that is lost) they have data, and
 * share the history to be kept; else, when nobody has anything, all. An empty pod is never put above one with data.
 */
function keepersOf(
  entries: readonly Entry[],
  known: Lineage | null,
  { lastMaster = null, replicas }: Circumstances,
  isElectable: (entry: Entry) => boolean,
): readonly Entry[] {
  const ofKnown = known === null ? [] : entries.filter((entry) => entry.worth !== 'none');
  // Nobody else's data is put above what is known, also when those who have it can not be promoted.
  if (ofKnown.some((entry) => isElectable(entry) || hasKeys(entry.position))) return ofKnown;
  if (ofKnown.length === 0 && !entries.some((entry) => hasKeys(entry.position))) return entries.map(withoutData);
  const kept = lineageToKeep(entries.filter(isElectable), lastMaster);
  if (kept === null) return [];
  // Nobody remembers a promotion, but those who went on from it show one. One alone shows nothing: it may have been promoted by hand.
  const newest = newestShown(entries, lineageAsBegun(kept), replicas, 2);
  const younger = newest.replid === kept.replid ? [] : entries.filter(({ position }) => isPartOf(position, newest));
  if (younger.some(isElectable)) return younger;
  // Those without a key among them may be further along: somebody has deleted everything since.
  return entries.filter((entry) => isComparable(entry.position, kept));
}

const mostOf = (entries: readonly Entry[]): number => Math.max(0, ...entries.map(({ position }) => position.offset));

/**
 * True when something that was confirmed may be missing in what `inReach` have: too few show that they have kept it, or one of those who
 * do has more, and can neither be promoted nor feed anybody.
 */
function mayLackConfirmed(entries: readonly Entry[], inReach: readonly Entry[], replicas: number): boolean {
  const needed = dataQuorumOf(replicas);
  const isFull = ({ worth }: Entry): boolean => worth === 'full';
  if (inReach.filter(isFull).length >= needed) return false;
  const full = entries.filter(isFull);
  return full.length < needed || mostOf(full) > mostOf(inReach);
}

/** Those who have parted from the newest history, and what they have of it. */
interface Parted {
  readonly entries: readonly Entry[];
  readonly shared: number;
}

/**
 * Somebody has parted from the newest history, and has more of it all the same than those who have not: its last bytes are its own (a
 * ping is enough), but it has every confirmed write that they have, and may have others. Its own bytes are kept with it. One that
 * nobody has watched all the time may be emptied, and counts only when what was confirmed may be missing in what can be had.
 */
function partedWithMore(
  entries: readonly Entry[],
  rivals: readonly Entry[],
  known: Lineage | null,
  isAtRisk: boolean,
): Parted | null {
  if (known === null) return null;
  const most = mostOf(rivals);
  const parted = entries.flatMap((entry) => {
    const { position, worth } = entry;
    const shared = worth === 'none' && position.intact && !position.astray ? sharedOffset(position, known) : null;
    const mayCount = position.synced === true || (isAtRisk && hasKeys(position));
    return shared !== null && shared > most && mayCount ? [{ entry, shared }] : [];
  });
  if (parted.length === 0) return null;
  const best = Math.max(...parted.map(({ shared }) => shared));
  return { entries: parted.filter(({ shared }) => shared === best).map(({ entry }) => entry), shared: best };
}

/** Those who are only kept from being promoted by their priority, and can feed another one; the one with the most first. */
function donorsAmong(eligible: readonly Entry[], reachable: readonly PodName[]): readonly Entry[] {
  return eligible
    .filter(({ pod, position }) => isNeverPromoted(position) && position.intact && reachable.includes(pod))
    .sort((a, b) => b.position.offset - a.position.offset);
}

function hasMoreThan(donor: Entry, winner: Entry): boolean {
  if (winner.worth === 'none') return hasKeys(donor.position);
  // Both belong to the history that counts, so their offsets can be compared, also where Redis would need a full sync.
  return donor.position.offset > winner.position.offset;
}

function heirAmong(electable: readonly Entry[], holder: PodName): Entry | undefined {
  const byPriority = electable.map(withoutData).sort((a, b) => compareContenders(a.position, b.position));
  const best = byPriority.filter(
    (entry) => priorityOf(entry.position) === priorityOf((byPriority[0] as Entry).position),
  );
  const pod = best.find((entry) => entry.pod === holder)?.pod ?? best[0]?.pod;
  return electable.find((entry) => entry.pod === pod);
}

/**
 * Chooses the next master among frozen Redis instances: same lineage only, priority 0 never, then the order of
 * `compareContenders`; but priority never costs data: when the first in that order lacks bytes that another electable
 * one has, the one with the most data is chosen.
 * @param known the newest announced history, or null at a cold start
 */
export function chooseMaster(frozen: Frozen, known: Lineage | null, circumstances: Circumstances): Choice {
  const { reachable, holder, replicas, failedDonors, preferred = null } = circumstances;
  const newest = known === null ? null : newestShown(entriesOf(frozen, known), known, replicas, 1);
  const entries = entriesOf(frozen, newest).map((entry) => withoutClaim(entry, newest));
  const isElectable = (entry: Entry): boolean => hindrance(entry, reachable) === null;
  const keepers = keepersOf(entries, newest, circumstances, isElectable);
  const donors = donorsAmong(keepers, reachable).filter(({ pod }) => !failedDonors.includes(pod));
  const inReach = keepers.filter((entry) => isElectable(entry) || donors.includes(entry));
  const isAtRisk = mayLackConfirmed(entries, inReach, replicas);
  // Whose sidecar is silent does not stand for what the others lack; but where nobody else can be promoted they are waited for.
  const rivals = keepers.some(isElectable) ? keepers.filter(({ pod }) => reachable.includes(pod)) : keepers;
  const parted = partedWithMore(entries.filter(isElectable), rivals, newest, isAtRisk);
  const eligible = parted?.entries ?? keepers;
  const electable = eligible.filter(isElectable);
  const contenderOf = ({ pod, position }: Entry): Contender =>
    pod === holder ? { ...position, runId: FIRST_RUN_ID } : position;
  const byMerit = [...electable].sort((a, b) => {
    if (a.pod === preferred || b.pod === preferred) return a.pod === preferred ? -1 : 1;
    const isTie = priorityOf(a.position) === priorityOf(b.position) && a.position.offset === b.position.offset;
    // One that has never stopped goes before one that has read the same from its disk: only the first has a backlog to serve from.
    if (isTie && a.worth !== b.worth) return WORTH_ORDER[a.worth] - WORTH_ORDER[b.worth];
    return compareContenders(contenderOf(a), contenderOf(b));
  });
  const mostElectable = Math.max(...electable.map((entry) => entry.position.offset));
  const first = byMerit[0];
  const withMost = byMerit.find((entry) => entry.position.offset === mostElectable);
  // When only those have the data who are never promoted, somebody whose own data is not worth anything gets theirs.
  const winner = withMost ?? (donors.length > 0 ? heirAmong(entries.filter(isElectable), holder) : undefined);
  const donor = winner === undefined || parted !== null ? undefined : donors.find((one) => hasMoreThan(one, winner));
  // Of one that has parted, what it has of the newest history; the rest is its own.
  const kept = parted?.shared ?? (donor ?? winner)?.position.offset ?? 0;
  const reasonFor = (entry: Entry): string => {
    if (entry.pod === winner?.pod) return winnerReason(winner, first);
    if (entry.pod === donor?.pod) return 'priority 0: never promoted, but it has the most data, which is fetched first';
    const hindered = hindrance(entry, reachable);
    if (hindered !== null) return hindered;
    if (!eligible.some((other) => other.pod === entry.pod)) return 'its data is of another history, or it has none';
    if (entry.pod === first?.pod)
      return `preferred by priority, but lacks ${String(mostElectable - entry.position.offset)} bytes`;
    return 'comes later in the order';
  };
  return {
    known: newest,
    winner: winner?.pod ?? null,
    verdicts: entries.map((entry) => ({ ...entry, reason: reasonFor(entry) })),
    donor: donor?.pod ?? null,
    passedOver: withMost === undefined || withMost === first ? null : (first?.pod ?? null),
    bytesMissing: winner === undefined ? 0 : bytesBetween(asOffset(mostOf(keepers)), asOffset(kept)),
    isAtRisk,
    reason: winner === undefined ? 'nobody can be promoted' : winnerReason(winner, first),
  };
}

function winnerReason(winner: Entry, first: Entry | undefined): string {
  const { offset } = winner.position;
  if (winner !== first) return `has the most data (offset ${String(offset)}); priority must not cost data`;
  return `priority ${String(priorityOf(winner.position))}, offset ${String(offset)}, ${winner.worth} data`;
}

/** The order in which the pods would be promoted, as far as is known now: it decides who campaigns first. */
export function rank(positions: Frozen, known: Lineage | null): PodName[] {
  return entriesOf(positions, known)
    .filter((entry) => !isNeverPromoted(entry.position))
    .sort((a, b) => WORTH_ORDER[a.worth] - WORTH_ORDER[b.worth] || compareContenders(a.position, b.position))
    .map((entry) => entry.pod);
}

import { asOffset, type Offset, type ReplicationId } from './brand.ts';

/**
 * The replication history of one Redis: its present id, and the one it had before its last promotion,
 * valid up to `secondReplOffset`. Offsets may be compared only inside one history.
 */
export interface History {
  readonly replid: ReplicationId;
  readonly replid2: ReplicationId | null;
  readonly secondReplOffset: Offset | null;
  readonly offset: Offset;
}

/** The history alone, of something that has one. */
export function historyOf({ replid, replid2, secondReplOffset, offset }: History): History {
  return { replid, replid2, secondReplOffset, offset };
}

type Relation = 'same' | 'ancestor' | 'descendant' | 'foreign';

function branchedFrom(younger: History, older: History): boolean {
  // Redis answers PSYNC with +CONTINUE for the second id only when the next byte that is asked for, offset + 1, is at most
  // second_repl_offset (masterTryPartialResync): beyond it, the older one went on by itself and the two have parted.
  return (
    younger.replid2 === older.replid && younger.secondReplOffset !== null && older.offset < younger.secondReplOffset
  );
}

/** How `a` stands to `b`: an ancestor can catch up with its descendant by a partial resync; foreign ones can not be compared. */
export function relationOf(a: History, b: History): Relation {
  if (a.replid === b.replid) return 'same';
  if (branchedFrom(b, a)) return 'ancestor';
  if (branchedFrom(a, b)) return 'descendant';
  return 'foreign';
}

/**
 * True when the two have a replication id in common, whatever became of them since, as far back as `b` remembers. Ids are random, so
 * no stranger shares one: this tells a Redis of the set, also one that has diverged from it.
 */
export function sharesAncestry(a: History, b: History | Lineage): boolean {
  const older = 'ancestors' in b ? b.ancestors.map(({ replid }) => replid) : [];
  const ids = [b.replid, b.replid2, ...older].filter((id) => id !== null);
  return ids.includes(a.replid) || (a.replid2 !== null && ids.includes(a.replid2));
}

/** True when the offsets of the two may be compared. */
export function isComparable(a: History, b: History): boolean {
  return relationOf(a, b) !== 'foreign';
}

/** A replication id of earlier, and up to which offset what had it is part of the present history. */
export interface Ancestor {
  readonly replid: ReplicationId;
  readonly endOffset: Offset;
}

/**
 * A history with more of its past than Redis itself remembers. After two promotions that a replica has not heard of, Redis
 * would have it start anew, but what it has is still a part of the whole, and counts.
 */
export interface Lineage extends History {
  /** Beyond `replid2`, the youngest first. */
  readonly ancestors: readonly Ancestor[];
}

/** Each promotion adds one: so many of them in a row may have remained unheard. */
const MOST_ANCESTORS = 8;

function withPast({ replid, replid2, secondReplOffset, offset }: History, ancestors: readonly Ancestor[]): Lineage {
  return { replid, replid2, secondReplOffset, offset, ancestors: ancestors.slice(0, MOST_ANCESTORS) };
}

/** The histories before the present one, the youngest first. */
function pastOf({ replid2, secondReplOffset, ancestors }: Lineage): readonly Ancestor[] {
  if (replid2 === null || secondReplOffset === null) return ancestors;
  // second_repl_offset is the first byte that is not shared any more.
  return [{ replid: replid2, endOffset: asOffset(Math.max(0, secondReplOffset - 1)) }, ...ancestors];
}

/** The present id, which has no end yet, and those before it, the youngest first. */
function chainOf(whole: Lineage): readonly Ancestor[] {
  return [{ replid: whole.replid, endOffset: asOffset(Number.MAX_SAFE_INTEGER) }, ...pastOf(whole)];
}

/** True when the one history is a part of the other's past. */
export function wentOnFrom(later: Lineage, earlier: Lineage): boolean {
  return pastOf(later).some(({ replid }) => replid === earlier.replid);
}

/** What a master's history is after its promotion, as far as it goes on from the one that was announced before. */
export function lineageAfter(now: History, before: Lineage | null): Lineage {
  if (before === null) return withPast(now, []);
  if (now.replid === before.replid) return withPast(now, before.ancestors);
  if (now.replid2 === null || now.secondReplOffset === null) return withPast(now, []);
  const chain = chainOf(before);
  const at = chain.findIndex(({ replid }) => replid === now.replid2);
  if (at === -1) return withPast(now, []);
  // What went on beyond the point at which the present one branched off is no part of it.
  const endOffset = asOffset(Math.max(0, now.secondReplOffset - 1));
  const older = chain.slice(at + 1).map((ancestor) => ({
    replid: ancestor.replid,
    endOffset: ancestor.endOffset < endOffset ? ancestor.endOffset : endOffset,
  }));
  return withPast(now, older);
}

/**
 * The known history as the chosen one tells it. It may have been promoted before, unheard, or beside another one, and have written
 * nothing since: then its id is no part of what is known, though its data is. Told by its own id, with what was known as its past, all
 * that the others have remains a part of what follows from its next promotion.
 */
export function lineageToldBy(chosen: History, known: Lineage): Lineage {
  const chain = chainOf(known);
  const isNamed = chain.some(({ replid }) => replid === chosen.replid);
  const hasWrittenNothing = idsOf(chosen).some((id) => id === chosen.replid2);
  if (isNamed || !hasWrittenNothing || !isPartOf(chosen, known)) return known;
  const { offset } = chosen;
  const past = chain.map(({ replid, endOffset }) => ({ replid, endOffset: endOffset < offset ? endOffset : offset }));
  return withPast(
    chosen,
    past.filter(({ replid }) => replid !== chosen.replid2),
  );
}

/** A history as it was when it began: how far one Redis has gone in it since says nothing of who has left it meanwhile. */
export function lineageAsBegun(history: History): Lineage {
  return withPast({ ...history, offset: asOffset(0) }, []);
}

/** What a master's history is after it took a new id by itself, as one without a backlog does when its first replica attaches. */
export function lineageRenamed(now: History, before: Lineage): Lineage {
  return withPast(now, [{ replid: before.replid, endOffset: before.offset }, ...pastOf(before)]);
}

/**
 * What a history is that has gone on from the one before over promotions that nobody remembers: where the first of them branched off is
 * not known, but it was before the last.
 */
export function lineageBeyond(now: History, before: Lineage): Lineage {
  const endOffset = asOffset(Math.max(0, (now.secondReplOffset ?? 0) - 1));
  return withPast(now, [{ replid: before.replid, endOffset }, ...pastOf(before)]);
}

/** What the one before `replid` was, and how far it went, by those who show `replid`; one that was behind then tells of too early an end. */
function beforeIn(shown: readonly History[], replid: ReplicationId): Ancestor | null {
  const told = shown.filter((one) => one.replid === replid).flatMap((one) => pastOf(withPast(one, [])));
  return told.reduce<Ancestor | null>(
    (latest, one) => (latest === null || one.endOffset > latest.endOffset ? one : latest),
    null,
  );
}

/**
 * The same history with more of its past, as far as others show it. A Redis knows two ids, and so does a sidecar that was there for one
 * promotion only; but a Redis that has not heard of that one still knows what was before it.
 */
export function lineageShownBy(shown: readonly History[], whole: Lineage): Lineage {
  const chain = [...chainOf(whole)];
  const ancestors = [...whole.ancestors];
  while (ancestors.length < MOST_ANCESTORS) {
    const oldest = chain.at(-1) as Ancestor;
    const before = beforeIn(shown, oldest.replid);
    if (before === null || chain.some(({ replid }) => replid === before.replid)) break;
    const ancestor = {
      ...before,
      endOffset: before.endOffset < oldest.endOffset ? before.endOffset : oldest.endOffset,
    };
    chain.push(ancestor);
    ancestors.push(ancestor);
  }
  return ancestors.length === whole.ancestors.length ? whole : withPast(whole, ancestors);
}

/** The ids under which all that a Redis has is known: also the one before its promotion, as long as it wrote nothing since. */
function idsOf({ replid, replid2, secondReplOffset, offset }: History): readonly ReplicationId[] {
  return replid2 !== null && secondReplOffset !== null && offset < secondReplOffset ? [replid, replid2] : [replid];
}

/**
 * How much of the history `whole` a Redis has that has parted from it, or may have: up to where the two went separate ways; null when
 * they have nothing in common that is known.
 */
export function sharedOffset(part: History, whole: Lineage): number | null {
  const { replid, replid2, secondReplOffset, offset } = part;
  const links = [{ replid: whole.replid, endOffset: Infinity }, ...pastOf(whole)];
  const shared = links.flatMap((link) => {
    if (link.replid === replid) return [Math.min(offset, link.endOffset)];
    if (link.replid !== replid2 || secondReplOffset === null) return [];
    return [Math.min(secondReplOffset - 1, link.endOffset)];
  });
  return shared.length === 0 ? null : Math.max(...shared);
}

/** True when what `part` has is known to be a part of `whole`, or the other way round: their offsets may be compared. */
export function isPartOf(part: History, whole: Lineage): boolean {
  if (isComparable(part, whole)) return true;
  const ids = idsOf(part);
  // Somebody else was promoted at the same place, unheard: that one's id, which `part` does not know, makes no difference.
  if (ids.includes(whole.replid)) return true;
  return pastOf(whole).some(({ replid, endOffset }) => ids.includes(replid) && part.offset <= endOffset);
}

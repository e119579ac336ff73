import type { Offset, ReplicationId } from './brand.ts';

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
 * True when the two have a replication id in common, whatever became of them since. Ids are random, so no stranger shares one:
 * this tells a Redis of the set, also one that has diverged from it.
 */
export function sharesAncestry(a: History, b: History): boolean {
  const ids = [b.replid, b.replid2].filter((id) => id !== null);
  return ids.includes(a.replid) || (a.replid2 !== null && ids.includes(a.replid2));
}

/** True when the offsets of the two may be compared. */
export function isComparable(a: History, b: History): boolean {
  return relationOf(a, b) !== 'foreign';
}

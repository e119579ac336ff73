import type { History } from './lineage.ts';
import type { ReplicationInfo } from './replication-info.ts';

/** What an instance loses when it follows another one. */
export type Loss =
  | { readonly kind: 'none' }
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'everything'; readonly keys: number | null };

/** The last offset up to which the two have the same history; null when they never had one. */
export function commonOffset(a: History, b: History): number | null {
  if (a.replid === b.replid) return Math.min(a.offset, b.offset);
  // second_repl_offset is the first byte that is *not* shared any more (changeReplicationId() in Redis's replication.c).
  const endA = a.secondReplOffset === null ? null : a.secondReplOffset - 1;
  const endB = b.secondReplOffset === null ? null : b.secondReplOffset - 1;
  if (endA !== null && a.replid2 === b.replid) return Math.min(endA, b.offset);
  if (endB !== null && b.replid2 === a.replid) return Math.min(endB, a.offset);
  if (endA !== null && endB !== null && a.replid2 !== null && a.replid2 === b.replid2) return Math.min(endA, endB);
  return null;
}

/** What `loser` has and `keeper` has not: gone as soon as `loser` follows it. */
export function lossOf(loser: ReplicationInfo, keeper: ReplicationInfo): Loss {
  // A replica can not be ahead of the living source of its own history; the two were only not asked at the same instant.
  if (keeper.role === 'master' && loser.role === 'replica' && loser.replid === keeper.replid) return { kind: 'none' };
  const common = commonOffset(loser, keeper);
  if (common === null) return loser.keys === 0 ? { kind: 'none' } : { kind: 'everything', keys: loser.keys };
  return loser.offset > common ? { kind: 'bytes', bytes: loser.offset - common } : { kind: 'none' };
}

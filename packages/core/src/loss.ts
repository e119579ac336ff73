import { asOffset } from './brand.ts';
import type { History } from './lineage.ts';
import type { Announcement } from './messages.ts';
import type { ReplicationInfo } from './replication-info.ts';

/** What an instance loses when it follows another one. */
export type Loss =
  | { readonly kind: 'none' }
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'everything'; readonly keys: number | null };

/** The last offset up to which the two have the same history; null when they never had one. */
function commonOffset(a: History, b: History): number | null {
  if (a.replid === b.replid) return Math.min(a.offset, b.offset);
  // second_repl_offset is the first byte that is *not* shared any more (changeReplicationId() in Redis's replication.c).
  const endA = a.secondReplOffset === null ? null : a.secondReplOffset - 1;
  const endB = b.secondReplOffset === null ? null : b.secondReplOffset - 1;
  if (endA !== null && a.replid2 === b.replid) return Math.min(endA, b.offset);
  if (endB !== null && b.replid2 === a.replid) return Math.min(endB, a.offset);
  if (endA !== null && endB !== null && a.replid2 !== null && a.replid2 === b.replid2) return Math.min(endA, endB);
  return null;
}

function lossBeyond(common: number | null, { offset, keys }: { offset: number; keys: number | null }): Loss {
  if (common === null) return keys === 0 ? { kind: 'none' } : { kind: 'everything', keys };
  return offset > common ? { kind: 'bytes', bytes: offset - common } : { kind: 'none' };
}

/** What `loser` has and `keeper` has not: gone as soon as `loser` follows it. */
export function lossOf(loser: ReplicationInfo, keeper: ReplicationInfo): Loss {
  // A replica can not be ahead of the living source of its own history; the two were only not asked at the same instant.
  if (keeper.role === 'master' && loser.role === 'replica' && loser.replid === keeper.replid) return { kind: 'none' };
  return lossBeyond(commonOffset(loser, keeper), loser);
}

/** What a Redis throws away when it follows the announced master, whose announcement remembers more of the past than Redis does. */
export function lossTowards(info: ReplicationInfo, { history }: Announcement): Loss {
  if (info.replid === history.replid) return { kind: 'none' };
  // The master has gone on since its announcement, so its offset of that time bounds nothing.
  const present = { ...history, offset: asOffset(Number.MAX_SAFE_INTEGER) };
  const older = history.ancestors.find(({ replid }) => replid === info.replid)?.endOffset ?? null;
  return lossBeyond(commonOffset(info, present) ?? older, info);
}

/** How a loss is told in a log: no fields when there is none. */
export function lossFields(loss: Loss): { readonly discardedBytes?: number; readonly discardedKeys?: number | null } {
  switch (loss.kind) {
    case 'none':
      return {};
    case 'bytes':
      return { discardedBytes: loss.bytes };
    case 'everything':
      return { discardedKeys: loss.keys };
  }
}

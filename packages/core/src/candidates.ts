import type { Offset, RunId } from './brand.ts';

/** What the order of succession looks at. */
export interface Contender {
  readonly priority: number | null;
  readonly offset: Offset;
  readonly lastIoSecondsAgo: number | null;
  readonly runId: RunId | null;
  readonly canSave?: boolean;
}

/** Why a pod is no target of a switchover, when its last save has failed. */
export const CANNOT_SAVE = 'its last save has failed, so it may refuse writes and replicas';

/** Redis's own default of `replica-priority`, used where an instance does not tell its own (a master). */
export const DEFAULT_PRIORITY = 100;

export function priorityOf(contender: Pick<Contender, 'priority'>): number {
  return contender.priority ?? DEFAULT_PRIORITY;
}

/** Priority 0 is Redis's word for "never promote this one". */
export function isNeverPromoted(contender: Pick<Contender, 'priority'>): boolean {
  return contender.priority === 0;
}

function byLastIo(a: Contender, b: Contender): number {
  // Unknown (never heard, -1 in INFO) is the least recent of all, not the most recent.
  return (a.lastIoSecondsAgo ?? Number.MAX_SAFE_INTEGER) - (b.lastIoSecondsAgo ?? Number.MAX_SAFE_INTEGER);
}

function byRunId(a: Contender, b: Contender): number {
  // Plain code-unit order: the same on every machine, whatever its locale.
  const left = a.runId ?? '';
  const right = b.runId ?? '';
  return left < right ? -1 : left > right ? 1 : 0;
}

const BY_MERIT: readonly ((a: Contender, b: Contender) => number)[] = [
  // 1. One whose last save has failed refuses writes and new replicas (-MISCONF), unless it is told otherwise: it comes last.
  (a, b) => Number(a.canSave === false) - Number(b.canSave === false),
  // 2. The user's will: the lowest priority number.
  (a, b) => priorityOf(a) - priorityOf(b),
  // 3. The most data (offsets of one lineage; the caller has sorted out the others).
  (a, b) => b.offset - a.offset,
  // 4. The one that heard from the master most recently.
  byLastIo,
  // 5. Something arbitrary, but the same for everybody who computes it.
  byRunId,
];

/**
 * The order of succession: negative when `a` is to be promoted rather than `b`. Total for distinct run ids.
 * Source: redis-sentinel-micro, and compareSlavesForPromotion() in Redis's sentinel.c, with last I/O between offset and run id.
 */
export function compareContenders(a: Contender, b: Contender): number {
  for (const compare of BY_MERIT) {
    const order = compare(a, b);
    if (order !== 0) return order;
  }
  return 0;
}

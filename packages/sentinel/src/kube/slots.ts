import type { Moment } from '@sentinel-micro/core';

/** What became of a call that failed. */
export interface Failure {
  /** The HTTP status; null when there was no answer. */
  readonly status: number | null;
  /** How long the API asked to be left alone, in milliseconds; null when it did not ask. */
  readonly retryAfterMs: number | null;
}

const FIRST_DELAY_MS = 200;
const MOST_DELAY_MS = 10_000;
/** What is not permitted will hardly be so a moment later. */
const FORBIDDEN_DELAY_MS = 30_000;
const MOST_RETRY_AFTER_MS = 60_000;
/** The kubelet writes the status of a pod now and then: so often in a row it may have been just before us. */
const QUICK_CONFLICTS = 4;

/** One kind of call to one pod: at most one at a time, and after failures later and later. */
export interface Slot {
  /** The call under way. */
  readonly callId: number | null;
  readonly notBeforeMs: number;
  readonly failures: number;
  readonly conflicts: number;
}

export const FREE: Slot = { callId: null, notBeforeMs: -Infinity, failures: 0, conflicts: 0 };

export const isFree = (slot: Slot, nowMs: number): boolean => slot.callId === null && slot.notBeforeMs <= nowMs;

export const taken = (slot: Slot, callId: number): Slot => ({ ...slot, callId });

/** After a call that went well. A conflict is over only when a write went well: reads always do. */
export const succeeded = (slot: Slot, isWrite: boolean): Slot => ({ ...FREE, conflicts: isWrite ? 0 : slot.conflicts });

/** True when what was read before is not so any more: it has to be read again. */
export const isRefusedAsOld = ({ status }: Failure): boolean => status === 409 || status === 422;

/**
 * After one that failed. Pods that were cut off together do not come back together: so a delay is drawn.
 * @returns free again, but not before a while
 */
export function failed(slot: Slot, failure: Failure, { nowMs, random }: Moment): Slot {
  if (isRefusedAsOld(failure) && slot.conflicts < QUICK_CONFLICTS) {
    return { ...slot, callId: null, notBeforeMs: nowMs, conflicts: slot.conflicts + 1 };
  }
  const failures = slot.failures + 1;
  const growingMs = Math.min(MOST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 16));
  const baseMs = failure.status === 401 || failure.status === 403 ? FORBIDDEN_DELAY_MS : growingMs;
  const askedMs = Math.min(MOST_RETRY_AFTER_MS, failure.retryAfterMs ?? 0);
  const notBeforeMs = nowMs + Math.max(askedMs, baseMs * (0.5 + random / 2));
  return { callId: null, notBeforeMs, failures, conflicts: 0 };
}

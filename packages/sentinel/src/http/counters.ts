import { isInLimbo, type ChangeCause, type Decision, type NodeState } from '@sentinel-micro/core';
import type { KubeFailureCounts } from '../kube/failure-kinds.ts';
import { COUNTED_EVENTS } from './catalogue.ts';

/** What only grows while the sidecar runs. */
export interface Counters {
  readonly decisions: number;
  /** When the last decision was taken, on the clock of the loop; null before the first. */
  readonly decidedAtMs: number | null;
  readonly failovers: Readonly<Partial<Record<ChangeCause, number>>>;
  readonly events: Readonly<Partial<Record<string, number>>>;
  readonly fencedMs: number;
  readonly discardedBytes: number;
  /** Calls of the Kubernetes API that failed. */
  readonly kubeFailures: KubeFailureCounts;
}

export const NO_COUNTERS: Counters = {
  decisions: 0,
  decidedAtMs: null,
  failovers: {},
  events: {},
  fencedMs: 0,
  discardedBytes: 0,
  kubeFailures: {},
};

/** A move of the master to this pod: seconds of each phase by name. */
export interface Move {
  readonly cause: ChangeCause;
  readonly phases: readonly (readonly [phase: string, seconds: number])[];
}

/** The move of the master to this pod that the decision has made, or null. What is only heard of again, after a restart, is none. */
export function moveOf(before: NodeState, after: NodeState): Move | null {
  const last = after.changes.at(-1);
  if (last === undefined || before.changes.at(-1)?.term === last.term) return null;
  const { role, config } = after;
  if (last.to !== config.self.pod || role.kind !== 'holder' || role.term !== last.term) return null;
  return { cause: last.cause, phases: Object.entries(last.phasesMs).map(([phase, ms]) => [phase, ms / 1000]) };
}

/** Bytes that the decision has added to what was thrown away. */
function discardedBy(before: NodeState, after: NodeState): number {
  const [old, last] = [before.changes.at(-1), after.changes.at(-1)];
  const bytesBefore = old !== undefined && old.term === last?.term ? (old.discardedBytes ?? 0) : 0;
  return Math.max(0, (last?.discardedBytes ?? 0) - bytesBefore);
}

function plusOne<Key extends string>(
  counts: Readonly<Partial<Record<Key, number>>>,
  key: Key,
): Readonly<Partial<Record<Key, number>>> {
  return { ...counts, [key]: (counts[key] ?? 0) + 1 };
}

function countEvents(counts: Counters['events'], notes: Decision['notes']): Counters['events'] {
  const counted: readonly string[] = COUNTED_EVENTS;
  return notes.reduce((sum, { event }) => (counted.includes(event) ? plusOne(sum, event) : sum), counts);
}

/** The counters after one more decision, which began with the state `before`. */
export function countDecision(counters: Counters, before: NodeState, decision: Decision, nowMs: number): Counters {
  const { state, notes } = decision;
  const move = moveOf(before, state);
  const { decidedAtMs, failovers, events } = counters;
  const { info } = before.own;
  const wasFenced = decidedAtMs !== null && info !== null && before.own.health.state !== 'down' && isInLimbo(info);
  return {
    ...counters,
    decisions: counters.decisions + 1,
    decidedAtMs: nowMs,
    failovers: move === null ? failovers : plusOne(failovers, move.cause),
    events: countEvents(events, notes),
    fencedMs: counters.fencedMs + (wasFenced ? Math.max(0, nowMs - decidedAtMs) : 0),
    discardedBytes: counters.discardedBytes + discardedBy(before, state),
  };
}

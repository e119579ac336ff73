import type { Decision, NodeState, Note, ReleaseCause } from '@sentinel-micro/core';
import { moveOf } from '../http/counters.ts';

/** What an Event says has happened to this pod. */
export const EVENT_REASONS = ['Promoted', 'Demoted', 'Fenced', 'Switchover', 'Refused'] as const;
export type EventReason = (typeof EVENT_REASONS)[number];

/** One thing that somebody may want to read on the pod. */
export interface Happening {
  readonly reason: EventReason;
  readonly type: 'Normal' | 'Warning';
  readonly message: string;
}

const CAUSES: Readonly<Record<ReleaseCause, string>> = {
  'redis-dead': 'its Redis is dead',
  'redis-hung': 'its Redis hangs',
  fenced: 'its Redis was fenced',
  withdrawn: 'the lease was withdrawn',
  switchover: 'a switchover was ordered',
  failover: 'a failover was ordered',
  handover: 'its pod is leaving',
};

const normal = (reason: EventReason, message: string): Happening => ({ reason, type: 'Normal', message });
const warning = (reason: EventReason, message: string): Happening => ({ reason, type: 'Warning', message });

const wasLeading = ({ role }: NodeState): boolean =>
  role.kind === 'holder' && (role.phase.name === 'lead' || role.phase.name === 'handover');

const wasWritable = ({ own }: NodeState): boolean => own.info?.role === 'master';

function promoted(before: NodeState, after: NodeState): readonly Happening[] {
  const move = moveOf(before, after);
  const last = after.changes.at(-1);
  if (move === null || last === undefined) return [];
  const from = last.from === null || last.from === last.to ? '' : ` after ${last.from}`;
  const phases = move.phases.map(([name, seconds]) => `${name} ${String(Math.round(seconds * 1000))} ms`);
  const took = phases.length === 0 ? '' : `: ${phases.join(', ')}`;
  return [normal('Promoted', `master of term ${String(last.term)}${from} (${last.cause})${took}`)];
}

function demoted(before: NodeState, { state, notes }: Decision): readonly Happening[] {
  if (!wasLeading(before) || state.role.kind === 'holder') return [];
  // That is told as what it is.
  if (notes.some(({ event }) => event === 'lease-lost')) return [];
  const { cause, to } = state.release ?? { cause: 'fenced', to: null };
  const next = to === null ? '' : `, in favour of ${to}`;
  const message = `not master any more: ${CAUSES[cause]}; the lease is given back${next}`;
  const isPlanned = cause === 'switchover' || cause === 'handover';
  return [isPlanned ? normal('Demoted', message) : warning('Demoted', message)];
}

function told(before: NodeState, { event, text }: Note): readonly Happening[] {
  switch (event) {
    case 'lease-lost':
      return [warning('Fenced', text)];
    // A master without a lease.
    case 'limbo':
      return wasWritable(before) && before.role.kind !== 'holder' ? [warning('Fenced', text)] : [];
    case 'repoint':
      return wasWritable(before) && before.role.kind !== 'holder' ? [warning('Demoted', text)] : [];
    // It holds the lease, and its Redis is not the master any more.
    case 'repair':
      return wasLeading(before) ? [warning('Demoted', text)] : [];
    case 'handover':
      return [normal('Switchover', text)];
    case 'handover-failed':
    case 'data-kept':
      return [warning('Refused', text)];
    default:
      return [];
  }
}

function refused(before: NodeState, { state, actions, notes }: Decision): readonly Happening[] {
  const strange = state.refusedMessages - before.refusedMessages;
  const message = 'a message of another set, or of a pod that does not belong to this one, was refused';
  const isTold = notes.some(({ event }) => event === 'handover-failed');
  const orders = actions.flatMap((action) =>
    action.type === 'command-done' && !action.result.ok && !isTold
      ? [warning('Refused', `an order did not come about: ${action.result.text}`)]
      : [],
  );
  return [...orders, ...(strange > 0 ? [warning('Refused', message)] : [])];
}

/** What a decision, which began with the state `before`, has to tell the readers of Events. */
export function happeningsOf(before: NodeState, decision: Decision): readonly Happening[] {
  return [
    ...decision.notes.flatMap((note) => told(before, note)),
    ...demoted(before, decision),
    ...promoted(before, decision.state),
    ...refused(before, decision),
  ];
}

import type { Moment, PodName } from '@sentinel-micro/core';
import {
  call,
  isOutrun,
  newMark,
  patchOther,
  wakeWhenFree,
  type Draft,
  type FencedPod,
  type LabelCall,
  type LabelReply,
} from './label-state.ts';
import { fencePatch, type PodFacts } from './pod-facts.ts';
import type { HeldLease, RoleView } from './role-view.ts';
import { failed, FREE, isFree, isRefusedAsOld, succeeded, taken } from './slots.ts';

/** So many other pods are dealt with at a time. */
const MOST_AT_ONCE = 8;

const UNTOUCHED: FencedPod = { slot: FREE, reading: null, isFenced: false };

/** The fences belong to one lease: with the next one they begin anew. What is under way goes on, and does not count. */
function begin(draft: Draft, { term }: HeldLease, others: RoleView['others']): void {
  if (draft.state.fencing?.term === term) return;
  const anew = others.map(({ pod }) => [pod, { ...UNTOUCHED, slot: draft.state.others[pod]?.slot ?? FREE }] as const);
  const mark = newMark(draft);
  draft.state = { ...draft.state, fencing: { term, mark }, others: Object.fromEntries(anew) };
}

function fenceOne(draft: Draft, pod: PodName, lease: HeldLease, nowMs: number): void {
  const { others, fencing, config } = draft.state;
  const other = others[pod] ?? UNTOUCHED;
  if (fencing === null) return;
  if (!isFree(other.slot, nowMs)) {
    wakeWhenFree(draft, other.slot);
    return;
  }
  if (other.reading === null) {
    patchOther(draft, pod, { ...other, slot: taken(other.slot, call(draft, pod, 'read', null)) });
    return;
  }
  if (isOutrun(other.reading, lease, config)) return;
  const patch = fencePatch(other.reading.facts, lease.term, fencing.mark);
  patchOther(draft, pod, { ...other, slot: taken(other.slot, call(draft, pod, 'fence', patch)) });
}

/**
 * Sees to it that no other pod carries `master`, and that none can get it by a request that is on its way.
 * @returns true when that is so.
 */
export function fenceOthers(draft: Draft, lease: HeldLease, others: RoleView['others'], nowMs: number): boolean {
  begin(draft, lease, others);
  const isDone = ({ pod }: { readonly pod: PodName }): boolean => draft.state.others[pod]?.isFenced === true;
  for (const { pod } of others.filter((other) => !isDone(other)).slice(0, MOST_AT_ONCE)) {
    fenceOne(draft, pod, lease, nowMs);
  }
  return others.every(isDone);
}

function afterReply(draft: Draft, made: LabelCall, facts: PodFacts, nowMs: number): FencedPod {
  const { others, fencing } = draft.state;
  const slot = succeeded(others[made.pod]?.slot ?? FREE, made.kind === 'fence');
  // Only the mark tells a fence of this lease from one of a lease before.
  const isFenced = facts.fencedBy === fencing?.mark && facts.role !== 'master';
  return { slot, isFenced, reading: { facts, atMs: nowMs } };
}

/** Takes in what a call for another pod has come to. */
export function takeOfOther(
  draft: Draft,
  made: LabelCall,
  reply: LabelReply,
  others: RoleView['others'],
  moment: Moment,
): void {
  const { pod } = made;
  const before = draft.state.others[pod];
  if (before?.slot.callId !== made.id) return;
  if (reply.ok) {
    patchOther(draft, pod, afterReply(draft, made, reply.pod, moment.nowMs));
    return;
  }
  const isStranger = others.every((other) => other.pod !== pod || !other.isMember);
  // What we may not touch has the same service account, and may not touch it either.
  const isNothingToFence = reply.status === 404 || (reply.status === 403 && isStranger);
  if (isNothingToFence) patchOther(draft, pod, { slot: FREE, reading: null, isFenced: true });
  else {
    const isOld = made.kind === 'fence' || isRefusedAsOld(reply);
    const slot = failed(before.slot, reply, moment);
    patchOther(draft, pod, { slot, isFenced: false, reading: isOld ? null : before.reading });
  }
}

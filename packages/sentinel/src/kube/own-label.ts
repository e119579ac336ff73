import type { Moment } from '@sentinel-micro/core';
import type { PodPatch } from '@sentinel-micro/kubernetes';
import {
  call,
  isOutrun,
  newMark,
  patchOwn,
  wakeAt,
  wakeWhenFree,
  type Draft,
  type LabelCall,
  type LabelReply,
  type LabelState,
} from './label-state.ts';
import { dropPatch, rolePatch, type RoleLabel } from './pod-facts.ts';
import type { HeldLease, RoleView } from './role-view.ts';
import { failed, FREE, isFree, succeeded, taken } from './slots.ts';

/** How soon after a change the own label is looked at again, and how often when nothing changes. In milliseconds. */
const FIRST_CHECK_MS = 5000;
const CHECK_EVERY_MS = 30_000;

/** Uses the slot of the own pod when it is free, and otherwise comes back when it is. @returns true when the call is made. */
function ownCall(draft: Draft, kind: 'read' | 'label', patch: PodPatch | null, nowMs: number): boolean {
  const { own, config } = draft.state;
  if (!isFree(own.slot, nowMs)) {
    wakeWhenFree(draft, own.slot);
    return false;
  }
  patchOwn(draft, { slot: taken(own.slot, call(draft, config.pod, kind, patch)) });
  return true;
}

/** A restarted sidecar may well have its lease again in a moment; for so long the lease of its former life lasts. */
function isFormerLifes({ config, hasLed }: LabelState, { wanted }: RoleView, nowMs: number): boolean {
  return !hasLed && wanted === 'none' && nowMs < config.startedAtMs + config.graceMs;
}

function dropMaster(draft: Draft, view: RoleView, nowMs: number): void {
  const { own, config } = draft.state;
  if (isFormerLifes(draft.state, view, nowMs)) {
    wakeAt(draft, config.startedAtMs + config.graceMs);
    return;
  }
  if (!isFree(own.dropping, nowMs)) {
    wakeWhenFree(draft, own.dropping);
    return;
  }
  // The API has refused it: this may be another pod by now.
  if (own.dropping.conflicts > 0 && own.reading === null) {
    ownCall(draft, 'read', null, nowMs);
    return;
  }
  const id = call(draft, config.pod, 'drop', dropPatch(config.uid, view.term, newMark(draft)));
  patchOwn(draft, { dropping: taken(own.dropping, id) });
}

/** All others are fenced: the own pod gets the label, as it was read under this very lease. */
function labelMaster(draft: Draft, lease: HeldLease, nowMs: number): void {
  const { reading } = draft.state.own;
  if (reading === null || reading.facts.role === 'master' || isOutrun(reading, lease, draft.state.config)) return;
  if (!ownCall(draft, 'label', rolePatch(reading.facts, 'master'), nowMs)) return;
  patchOwn(draft, { mayBeMaster: true });
  draft.state = { ...draft.state, hasLed: true };
}

function labelOther(draft: Draft, wanted: RoleView['wanted'], nowMs: number): void {
  const { own, config } = draft.state;
  if (own.reading === null) {
    ownCall(draft, 'read', null, nowMs);
    return;
  }
  const role: RoleLabel | null = wanted === 'replica' ? 'replica' : null;
  if (wanted === 'keep' || own.reading.facts.role === role) return;
  const leaveAtMs = (own.noneSinceMs ?? nowMs) + config.graceMs;
  if (role === null && nowMs < leaveAtMs) wakeAt(draft, leaveAtMs);
  else ownCall(draft, 'label', rolePatch(own.reading.facts, role), nowMs);
}

/** Forgets from time to time what was read: somebody may have changed it by hand. */
function checkAgain(draft: Draft, nowMs: number): void {
  const { own } = draft.state;
  if (nowMs < own.checkAtMs) wakeAt(draft, own.checkAtMs);
  else if (own.slot.callId === null) patchOwn(draft, { reading: null, checkAtMs: Infinity });
}

/**
 * What the pod of this sidecar is to be labelled.
 * @param areOthersFenced nobody else carries `master`, or can get it
 */
export function planOwn(draft: Draft, view: RoleView, areOthersFenced: boolean, nowMs: number): void {
  const { wanted, lease, isFencing } = view;
  const { noneSinceMs } = draft.state.own;
  patchOwn(draft, { noneSinceMs: wanted === 'none' ? (noneSinceMs ?? nowMs) : null });
  checkAgain(draft, nowMs);
  const { own } = draft.state;
  const isMaster = wanted === 'master' && lease !== null;
  if (own.mayBeMaster && !isMaster) dropMaster(draft, view, nowMs);
  // A request to take the label away that is on its way would do so after it was set.
  else if (own.dropping.callId !== null) return;
  // It is read while others are fenced, and while Redis is being promoted.
  else if (lease !== null && isFencing && own.reading?.term !== lease.term) ownCall(draft, 'read', null, nowMs);
  else if (!isMaster) labelOther(draft, wanted, nowMs);
  else if (areOthersFenced) labelMaster(draft, lease, nowMs);
}

/** Takes in what a call for the own pod has come to. `view` is that of the moment in which the answer was taken in. */
export function takeOfOwn(draft: Draft, made: LabelCall, reply: LabelReply, view: RoleView, moment: Moment): void {
  const { own, config } = draft.state;
  const isDrop = made.kind === 'drop';
  const slot = isDrop ? own.dropping : own.slot;
  if (slot.callId !== made.id) return;
  const put = (now: typeof slot): void => patchOwn(draft, isDrop ? { dropping: now } : { slot: now });
  if (!reply.ok) {
    put(failed(slot, reply, moment));
    // Whatever the API has refused, or has not answered: the next thing is to look. A pod that is gone has no label.
    patchOwn(draft, { reading: null, mayBeMaster: own.mayBeMaster && reply.status !== 404 });
    return;
  }
  const { pod: facts } = reply;
  if (facts.uid !== config.uid) {
    // Another pod has this name now. This one is gone, and its sidecar will be soon.
    put(failed(FREE, { status: 404, retryAfterMs: CHECK_EVERY_MS }, moment));
    patchOwn(draft, { reading: null, mayBeMaster: false });
    return;
  }
  const isWrite = made.kind !== 'read';
  put(succeeded(slot, isWrite));
  const mayBeMaster = facts.role === 'master' || (own.mayBeMaster && !isDrop);
  const checkAtMs = moment.nowMs + (isWrite ? FIRST_CHECK_MS : CHECK_EVERY_MS);
  patchOwn(draft, { reading: { facts, term: view.lease?.term ?? null, atMs: moment.nowMs }, mayBeMaster, checkAtMs });
}

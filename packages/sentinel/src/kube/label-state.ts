import type { PodName } from '@sentinel-micro/core';
import type { PodPatch } from '@sentinel-micro/kubernetes';
import { fenceMark, type PodFacts } from './pod-facts.ts';
import type { HeldLease } from './role-view.ts';
import { FREE, type Failure, type Slot } from './slots.ts';

/** What does not change while the sidecar runs. */
export interface LabelConfig {
  readonly pod: PodName;
  readonly uid: string;
  readonly incarnation: string;
  /** So long a lease of the life before this one may last; so long, too, a replica that has lost its master keeps its label. */
  readonly graceMs: number;
  readonly startedAtMs: number;
}

/** One call of the API. */
export interface LabelCall {
  readonly id: number;
  readonly pod: PodName;
  readonly kind: 'read' | 'fence' | 'label' | 'drop';
  /** Null for a read. */
  readonly patch: PodPatch | null;
}

export type LabelReply = { readonly ok: true; readonly pod: PodFacts } | ({ readonly ok: false } & Failure);

/** The pod of this sidecar. */
export interface OwnPod {
  /** For reads, and for what is refused when the pod has changed since. */
  readonly slot: Slot;
  /** For taking `master` away, which waits for nothing. */
  readonly dropping: Slot;
  /** The pod as read last, and the term of the valid lease that this sidecar held when the answer had come, if any. */
  readonly reading: { readonly facts: PodFacts; readonly term: number | null; readonly atMs: number } | null;
  /** It carries `master`, or a request for that is on its way. */
  readonly mayBeMaster: boolean;
  readonly checkAtMs: number;
  readonly noneSinceMs: number | null;
}

/** Another pod, as the one that leads sees it. */
export interface FencedPod {
  readonly slot: Slot;
  readonly reading: { readonly facts: PodFacts; readonly atMs: number } | null;
  /** Nothing that was sent before this lease can give it the label any more. */
  readonly isFenced: boolean;
}

export interface LabelState {
  readonly config: LabelConfig;
  readonly own: OwnPod;
  /** The lease for which the others are fenced, and how that is marked. */
  readonly fencing: { readonly term: number; readonly mark: string } | null;
  readonly others: Readonly<Partial<Record<PodName, FencedPod>>>;
  /** This sidecar has asked for `master` in this life. */
  readonly hasLed: boolean;
  readonly nextId: number;
  readonly nextMark: number;
}

/** One plan in the making. */
export interface Draft {
  state: LabelState;
  readonly calls: LabelCall[];
  wakeAtMs: number;
}

export function startLabels(config: LabelConfig): LabelState {
  const nothing = { slot: FREE, dropping: FREE, reading: null, noneSinceMs: null };
  const own = { ...nothing, mayBeMaster: false, checkAtMs: Infinity };
  return { config, own, fencing: null, others: {}, hasLed: false, nextId: 1, nextMark: 1 };
}

export function patchOwn(draft: Draft, change: Partial<OwnPod>): void {
  draft.state = { ...draft.state, own: { ...draft.state.own, ...change } };
}

export function patchOther(draft: Draft, pod: PodName, other: FencedPod): void {
  draft.state = { ...draft.state, others: { ...draft.state.others, [pod]: other } };
}

/** @returns the call's id */
export function call(draft: Draft, pod: PodName, kind: LabelCall['kind'], patch: PodPatch | null): number {
  const id = draft.state.nextId;
  draft.state = { ...draft.state, nextId: id + 1 };
  draft.calls.push({ id, pod, kind, patch });
  return id;
}

export function wakeAt(draft: Draft, atMs: number): void {
  draft.wakeAtMs = Math.min(draft.wakeAtMs, atMs);
}

/** When the slot is not free because of what went wrong before, comes back when it is. */
export function wakeWhenFree(draft: Draft, slot: Slot): void {
  if (slot.callId === null) wakeAt(draft, slot.notBeforeMs);
}

/** A mark that was never written before. */
export function newMark(draft: Draft): string {
  const { config, nextMark } = draft.state;
  draft.state = { ...draft.state, nextMark: nextMark + 1 };
  return fenceMark(config.pod, config.incarnation, nextMark);
}

/**
 * Somebody with a newer term has fenced this pod. So it was a later lease than ours, unless the voters have forgotten terms since. When
 * a quorum has renewed ours after that was read, ours is the later one: a voter renews for nobody while its promise to another one stands.
 */
export function isOutrun(
  { facts: { fencedTerm, fencedBy }, atMs }: { readonly facts: PodFacts; readonly atMs: number },
  lease: HeldLease,
  { pod, incarnation }: LabelConfig,
): boolean {
  if (fencedTerm === null || fencedTerm < lease.term) return false;
  const isOurs = fencedBy?.startsWith(fenceMark(pod, incarnation, '')) === true;
  return !isOurs && lease.renewedAtMs <= atMs;
}

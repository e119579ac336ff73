import type { Moment } from '@sentinel-micro/core';
import { fenceOthers, takeOfOther } from './fencing.ts';
import type { Draft, LabelCall, LabelReply, LabelState } from './label-state.ts';
import { planOwn, takeOfOwn } from './own-label.ts';
import type { RoleView } from './role-view.ts';

// Which label the pod of this sidecar is to have, and what has to be done before, so that never two pods carry `master`
// (docs/adr/0010-role-labels.md). Pure: what happened, and when, come in; calls of the API come out.

export interface LabelPlan {
  readonly state: LabelState;
  readonly calls: readonly LabelCall[];
  /** When to plan again, at the latest. */
  readonly wakeAtMs: number;
}

/** True when the own pod carries `master`, or may yet. */
export const mayCarryMaster = ({ own }: LabelState): boolean => own.mayBeMaster;

/**
 * What is to be done now. To be called after every decision, after every reply, and at the time that the plan before has told.
 * @param view that of this very moment: a label is asked for only while the lease is valid
 */
export function planLabels(state: LabelState, view: RoleView, nowMs: number): LabelPlan {
  const draft: Draft = { state, calls: [], wakeAtMs: Infinity };
  const { lease, isFencing, others } = view;
  const areOthersFenced = lease !== null && isFencing && fenceOthers(draft, lease, others, nowMs);
  planOwn(draft, view, areOthersFenced, nowMs);
  return draft;
}

/**
 * Takes in what a call has come to.
 * @param view that of the moment in which the answer was taken in: a pod was read under a lease that is valid afterwards, too
 */
export function takeReply(
  state: LabelState,
  made: LabelCall,
  reply: LabelReply,
  view: RoleView,
  moment: Moment,
): LabelState {
  const draft: Draft = { state, calls: [], wakeAtMs: Infinity };
  if (made.pod === state.config.pod) takeOfOwn(draft, made, reply, view, moment);
  else takeOfOther(draft, made, reply, view.others, moment);
  return draft.state;
}

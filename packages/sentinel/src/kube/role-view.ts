import { currentMaster, heldUntilMs, isLeading, type NodeState, type PodName } from '@sentinel-micro/core';

/** The lease that this pod holds now. */
export interface HeldLease {
  readonly term: number;
  /** A quorum has granted it by answers to requests that were sent at this time, on the own clock. */
  readonly renewedAtMs: number;
}

/** A pod that may carry `master` without having the lease. */
export interface OtherPod {
  readonly pod: PodName;
  /** One of the configured ones. Others may be beyond what this sidecar is permitted to touch. */
  readonly isMember: boolean;
}

/** What the labels have to follow, at one moment. */
export interface RoleView {
  /** `none`: no label; `keep`: `replica` may stay, for all that is known. */
  readonly wanted: 'master' | 'replica' | 'none' | 'keep';
  /** Null when this pod holds no lease that is valid at this moment. */
  readonly lease: HeldLease | null;
  /** This pod is master, or about to be: nobody else may carry the label. */
  readonly isFencing: boolean;
  /** The newest term that this sidecar knows. */
  readonly term: number;
  readonly others: readonly OtherPod[];
}

function leaseOf(state: NodeState, nowMs: number): HeldLease | null {
  const untilMs = heldUntilMs(state);
  if (state.role.kind !== 'holder' || untilMs <= nowMs) return null;
  return { term: state.role.term, renewedAtMs: untilMs - state.config.timings.leaseMs };
}

function followsTheMaster(state: NodeState, nowMs: number): boolean {
  const master = currentMaster(state, nowMs);
  const { info, health } = state.own;
  if (master === null || info === null || health.state === 'down' || master.pod === state.config.self.pod) return false;
  const isPointed = info.role === 'replica' && info.masterHost === master.ip && info.masterPort === master.port;
  return isPointed && info.linkUp && !info.syncInProgress;
}

function wantedRole(state: NodeState, nowMs: number): RoleView['wanted'] {
  const { role, own, stopping } = state;
  if (stopping) return 'keep';
  if (isLeading(state, nowMs)) {
    // Its successor is about to be labelled.
    if (role.kind === 'holder' && role.phase.name === 'handover') return 'keep';
    return own.info?.role === 'master' && own.health.state !== 'down' ? 'master' : 'none';
  }
  return followsTheMaster(state, nowMs) ? 'replica' : 'none';
}

/** Configured pods, and those that have been master and are none of them any more: a set that has become smaller. */
function othersOf({ config, changes, announcement }: NodeState): readonly OtherPod[] {
  const { members, self } = config;
  const former = [announcement?.pod ?? null, ...changes.flatMap(({ from, to }) => [from, to])];
  const isStranger = (pod: PodName | null): pod is PodName =>
    pod !== null && pod !== self.pod && !members.includes(pod);
  return [
    ...members.filter((pod) => pod !== self.pod).map((pod) => ({ pod, isMember: true })),
    ...[...new Set(former.filter(isStranger))].map((pod) => ({ pod, isMember: false })),
  ];
}

/** What the labels have to follow at `nowMs`: to be asked anew at each moment, for a lease runs out by itself. */
export function roleViewOf(state: NodeState, nowMs: number): RoleView {
  const { role, term } = state;
  const lease = leaseOf(state, nowMs);
  const isNear = role.kind === 'holder' && (role.phase.name === 'promote' || role.phase.name === 'lead');
  return {
    wanted: wantedRole(state, nowMs),
    lease,
    isFencing: lease !== null && isNear,
    term,
    others: othersOf(state),
  };
}

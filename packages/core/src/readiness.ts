import type { PodName } from './brand.ts';
import type { Announcement } from './messages.ts';
import { ordinalOf } from './pod-names.ts';
import { isInLimbo, type ReplicationInfo } from './replication-info.ts';
import type { NodeState } from './state.ts';
import { isAnnouncementFresh, heldUntilMs, isLeading } from './view.ts';

/** One thing that has to be so, whether it is, and why in words for people. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly text: string;
}

/** What is known beside the state when somebody asks whether this pod is ready. */
export interface Surroundings {
  /** What DNS names: the pod where it tells that; null while DNS has never answered. */
  readonly named: readonly { readonly ip: string; readonly podName: string | null }[] | null;
  /** Pods whose sidecars are connected now. */
  readonly connected: readonly PodName[];
  /** The most that a replica may lack, and what it lacks as far as that is known; null when nobody wants to know. */
  readonly lag: { readonly mostBytes: number; readonly bytes: number | null } | null;
}

const passed = (name: string, text: string): Check => ({ name, ok: true, text });
const failed = (name: string, text: string): Check => ({ name, ok: false, text });

/** So old may the last INFO be: older, and Redis counts as down, or answers with errors only. */
function isInfoFresh({ own, config }: NodeState, nowMs: number): boolean {
  const { downAfterMs, heartbeatMs } = config.timings;
  return own.info !== null && nowMs - own.infoAtMs <= downAfterMs + heartbeatMs;
}

function redisCheck(state: NodeState, nowMs: number): Check {
  const { health, info } = state.own;
  if (health.state === 'unknown' || health.state === 'down')
    return failed('redis', `${health.state}: ${health.reason}`);
  if (!isInfoFresh(state, nowMs)) return failed('redis', `it tells nothing of itself: ${health.reason}`);
  return info?.loading === true ? failed('redis', 'it is loading its data') : passed('redis', health.reason);
}

function voteCheck({ voter, stopping }: NodeState, nowMs: number): Check {
  if (stopping) return failed('vote', 'this sidecar is stopping');
  const muteMs = Math.ceil(voter.mutedUntilMs - nowMs);
  if (muteMs <= 0) return passed('vote', 'this sidecar votes');
  return failed('vote', `this sidecar does not vote for another ${String(muteMs)} ms: it has just started`);
}

function replicaCheck(info: ReplicationInfo | null, master: Announcement): Check {
  const name = `${master.pod}, master of term ${String(master.term)}`;
  if (info === null) return failed('role', `nothing is known of its Redis; it has to follow ${name}`);
  if (info.role === 'master') return failed('role', `its Redis is a master without a lease; it has to follow ${name}`);
  if (isInLimbo(info)) return failed('role', `its Redis follows nobody; it has to follow ${name}`);
  if (info.masterHost !== master.ip || info.masterPort !== master.port) {
    return failed('role', `its Redis follows ${String(info.masterHost)}:${String(info.masterPort)} instead of ${name}`);
  }
  if (info.syncInProgress) return failed('role', `its Redis is copying all data from ${name}`);
  return info.linkUp ? passed('role', `replica of ${name}`) : failed('role', `its link to ${name} is down`);
}

/** Its sidecar is connected, or has answered within the time of a promise. */
function isHeard({ peers, config }: NodeState, pod: PodName, nowMs: number, { connected }: Surroundings): boolean {
  const answeredAtMs = peers[pod]?.answeredAtMs ?? null;
  return connected.includes(pod) || (answeredAtMs !== null && nowMs - answeredAtMs <= config.timings.grantMs);
}

/**
 * A pod that comes after this one in the StatefulSet, and surely does not exist; null when there is none, or that can not be told.
 * With `podManagementPolicy: OrderedReady` it is made only when all before it are ready.
 */
function laterPodThatIsMissing(state: NodeState, nowMs: number, around: Surroundings): PodName | null {
  const { named } = around;
  if (named === null) return null;
  const { members, self } = state.config;
  const known = [self.ip, ...Object.values(state.peers).map((peer) => peer?.identity?.ip)];
  // An address without a name may be that pod's.
  if (named.some(({ ip, podName }) => podName === null && !known.includes(ip))) return null;
  const isThere = (pod: PodName): boolean =>
    named.some(({ podName }) => podName === pod) || isHeard(state, pod, nowMs, around);
  return members.slice(members.indexOf(self.pod) + 1).find((pod) => !isThere(pod)) ?? null;
}

/** A pod that is heard and was started with fewer replicas than it takes for this pod to be one of them; null for none. */
function podThatDoesNotCountThis(state: NodeState, nowMs: number, around: Surroundings): PodName | null {
  const { members, self } = state.config;
  const ordinal = members.indexOf(self.pod);
  const heard = members.filter((pod) => pod !== self.pod && isHeard(state, pod, nowMs, around));
  const replicasOf = (pod: PodName): number => state.peers[pod]?.identity?.replicas || Infinity;
  return heard.find((pod) => replicasOf(pod) <= ordinal) ?? null;
}

/**
 * The Redis that this one follows outside of all that is known of the set, in step, while no quorum of sidecars can be heard; null for none.
 * So it is when a running StatefulSet gets its sidecars one by one. As long as it has the data, the next pod may be replaced.
 */
function unprotectedMaster(state: NodeState, nowMs: number, around: Surroundings): string | null {
  const { members, self, quorum } = state.config;
  const { info } = state.own;
  const heard = members.filter((pod) => pod !== self.pod && isHeard(state, pod, nowMs, around)).length;
  if (heard + 1 >= quorum || state.announcement !== null || around.named === null) return null;
  return info?.linkUp === true && !info.syncInProgress ? `${String(info.masterHost)}:${String(info.masterPort)}` : null;
}

/** With `publishNotReadyAddresses` DNS names every pod that has an address, this one before it is ready too. */
function dnsHint({ config }: NodeState, { named }: Surroundings): string {
  const { ip, pod } = config.self;
  if (named === null) return '; DNS has not answered yet';
  if (named.some((one) => one.ip === ip || one.podName === pod)) return '';
  return '; DNS does not name this pod: is publishNotReadyAddresses set to true on the Service?';
}

/** Nobody is known who leads. That is no fault of this pod when what is missing comes only after it is ready. */
function leaderlessCheck(state: NodeState, nowMs: number, around: Surroundings): Check {
  const missing = laterPodThatIsMissing(state, nowMs, around);
  const hint = dnsHint(state, around);
  if (missing !== null) {
    const why = `${missing} does not exist, and may be made only when this pod is ready`;
    return passed('role', `nobody leads, but ${why}${hint}`);
  }
  const uncounting = podThatDoesNotCountThis(state, nowMs, around);
  if (uncounting !== null) {
    return passed(
      'role',
      `${uncounting} runs with fewer replicas and does not count this pod yet: the change can go on`,
    );
  }
  const unprotected = unprotectedMaster(state, nowMs, around);
  if (unprotected !== null) {
    const why = 'too few sidecars are heard for a quorum; the next pod can get its own';
    return passed('role', `replica of ${unprotected}, which nobody protects yet: ${why}${hint}`);
  }
  return failed('role', `nobody leads: ${state.reason}${hint}`);
}

/** A pod that is being scaled in has nothing left to do, and Kubernetes takes those before it away only as long as it is ready. */
function leavingCheck({ config, resizing }: NodeState): Check | null {
  const wanted = resizing?.view?.wanted ?? null;
  if (wanted === null || ordinalOf(config.self.pod) < wanted) return null;
  return passed('role', `the StatefulSet is to have ${String(wanted)} pods, and this one not among them`);
}

function roleCheck(state: NodeState, nowMs: number, around: Surroundings): Check {
  const leaving = leavingCheck(state);
  if (leaving !== null) return leaving;
  const { announcement, own, config } = state;
  if (isLeading(state, nowMs)) {
    const remainingMs = Math.floor(heldUntilMs(state) - nowMs);
    return own.info?.role === 'master'
      ? passed('role', `master of term ${String(state.term)}, its lease lasts for another ${String(remainingMs)} ms`)
      : failed('role', 'this pod holds the lease, but its Redis is not master');
  }
  if (announcement === null || !isAnnouncementFresh(state, nowMs)) return leaderlessCheck(state, nowMs, around);
  if (announcement.pod !== config.self.pod) return replicaCheck(own.info, announcement);
  return failed('role', 'this pod was announced as master, but does not hold the lease');
}

function lagCheck(state: NodeState, nowMs: number, { lag }: Surroundings): readonly Check[] {
  // There is nobody whom a master, or a set without one, could be behind.
  if (lag === null || isLeading(state, nowMs) || !isAnnouncementFresh(state, nowMs)) return [];
  const most = `${String(lag.mostBytes)} are allowed`;
  if (lag.bytes === null) return [failed('lag', `it is not known how many bytes this replica lacks; ${most}`)];
  const text = `${String(lag.bytes)} bytes behind the master; ${most}`;
  return [lag.bytes <= lag.mostBytes ? passed('lag', text) : failed('lag', text)];
}

/**
 * May this pod serve, and may a rolling update go on to the next one? It may when all checks pass: Redis answers and has loaded its
 * data, this sidecar votes, and the pod has its role (docs/adr/0008-probes.md). What does not exist yet is not waited for.
 */
export function readinessChecks(state: NodeState, nowMs: number, around: Surroundings): readonly Check[] {
  return [
    redisCheck(state, nowMs),
    voteCheck(state, nowMs),
    roleCheck(state, nowMs, around),
    ...lagCheck(state, nowMs, around),
  ];
}

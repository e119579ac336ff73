import {
  currentMaster,
  isPlanned,
  knownPeers,
  standingGrant,
  type Address,
  type Grants,
  type MemberView,
  type NodeState,
  type PodName,
  type RunId,
} from '@sentinel-micro/core';

/** What the answers for Sentinel clients are made of. */
export interface SentinelContext {
  readonly state: NodeState;
  readonly masterName: string;
  readonly nowMs: number;
  /** Pods whose sidecars are connected now. */
  readonly connected: readonly PodName[];
}

/** How far this sidecar is with an election, in the order in which things happen. */
export const STAGES = ['none', 'try', 'elected', 'done'] as const;
export type Stage = (typeof STAGES)[number];

export interface ReplicaView {
  /** As Redis Sentinel names it: `ip:port`. */
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly runId: RunId | null;
  readonly isUp: boolean;
  readonly isLinked: boolean;
}

export interface SentinelView {
  /** New at each start of the sidecar. */
  readonly id: string;
  readonly pod: PodName;
  readonly ip: string;
  readonly port: number;
  readonly isConnected: boolean;
  readonly isUp: boolean;
  /** It has promised the lease to this sidecar, so the master is gone for it too. */
  readonly agreesThatDown: boolean;
  /** Milliseconds since it has answered; 0 when it never had to. */
  readonly answeredAgoMs: number;
}

/** Everything that clients are told, at one moment. */
export interface SetView {
  readonly masterName: string;
  readonly quorum: number;
  readonly term: number;
  /** The master that clients were told of last, whether or not it is named now; null when there never was one. */
  readonly master: (Address & { readonly runId: RunId | null }) | null;
  /** There is a fresh view of the lease, so the master is named to whoever asks. */
  readonly isNamed: boolean;
  /** It is not named, and nobody has ordered that it moves. */
  readonly isDown: boolean;
  /** Not only this sidecar finds it gone: its own sidecar has given the lease back, or a quorum or this voter has promised it anew. */
  readonly isAgreedDown: boolean;
  readonly stage: Stage;
  /** Id of this sidecar. */
  readonly self: string;
  readonly replicas: readonly ReplicaView[];
  readonly sentinels: readonly SentinelView[];
}

function stageOf(state: NodeState, isNamed: boolean): Stage {
  if (isNamed) return 'done';
  const { role } = state;
  if (role.kind === 'holder') return 'elected';
  // A pre-vote leaves no trace.
  return role.kind === 'candidate' && role.step === 'acquire' ? 'try' : 'none';
}

/** A switchover or its like: the master has left its place as ordered, so nothing is down. */
function isMoving({ release, command, stopping }: NodeState): boolean {
  if (release !== null && isPlanned(release.cause)) return true;
  // The old master's own sidecar, which carries it out. Ordered where there is no master, a failover names no successor.
  return stopping || (command !== null && command.to !== null);
}

function isAgreedDown(state: NodeState, master: Address, nowMs: number): boolean {
  const promised = standingGrant(state.voter, nowMs)?.holder.pod;
  return state.masterGone || state.role.kind === 'holder' || (promised !== undefined && promised !== master.pod);
}

/** The pods beside the master; the holder tells them to everybody with its renewals. */
export function otherMembersOf(state: NodeState): readonly MemberView[] {
  return state.members.filter((member) => member.pod !== state.announcement?.pod);
}

export function replicaNameOf({ ip, port }: { readonly ip: string; readonly port: number }): string {
  return `${ip}:${String(port)}`;
}

/** Who has promised the lease anew to this sidecar: the master is gone for them too. */
function agreedBy({ role }: NodeState): Grants {
  if (role.kind === 'candidate') return role.grants;
  return role.kind === 'holder' && role.phase.name !== 'lead' && role.phase.name !== 'handover' ? role.grants : {};
}

/** The other sidecars that have been met. */
export function sentinelsOf({ state, nowMs, connected }: SentinelContext): SentinelView[] {
  const { role, config } = state;
  const grants = agreedBy(state);
  return knownPeers(state, nowMs).map(({ identity, answeredAgoMs }) => {
    const { pod, incarnation: id, ip, port } = identity;
    const isConnected = connected.includes(pod);
    const isSilent = answeredAgoMs === null || answeredAgoMs > config.timings.leaseMs;
    // Followers talk to each other only when there is something to agree on, so silence between them says nothing.
    const isUp = isConnected && !(role.kind === 'holder' && isSilent);
    const agreesThatDown = grants[pod] !== undefined;
    return { id, pod, ip, port, isConnected, isUp, agreesThatDown, answeredAgoMs: Math.round(answeredAgoMs ?? 0) };
  });
}

/** What this sidecar would tell a client that asks for everything now. */
export function viewOf(context: SentinelContext): SetView {
  const { state, masterName, nowMs } = context;
  const { config, toldMaster, announcement } = state;
  const named = currentMaster(state, nowMs);
  const master = named ?? toldMaster;
  const isDown = named === null && master !== null && !isMoving(state);
  const isAnnounced = announcement !== null && announcement.ip === master?.ip && announcement.port === master.port;
  return {
    masterName,
    quorum: config.quorum,
    term: state.term,
    master: master === null ? null : { ...master, runId: isAnnounced ? announcement.runId : null },
    isNamed: named !== null,
    isDown,
    isAgreedDown: isDown && isAgreedDown(state, master, nowMs),
    stage: stageOf(state, named !== null),
    self: config.self.incarnation,
    replicas: otherMembersOf(state).map(({ ip, port, runId, isReachable, linkUp }) => ({
      ...{ name: replicaNameOf({ ip, port }), ip, port, runId },
      ...{ isUp: isReachable, isLinked: linkUp },
    })),
    sentinels: sentinelsOf(context),
  };
}

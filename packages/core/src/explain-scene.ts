import type { PodName } from './brand.ts';
import { quorumOf } from './lease.ts';
import type { Announcement, PeerStatus } from './messages.ts';
import { podNames } from './pod-names.ts';
import { newerAnnouncement } from './position.ts';

/** One pod that was asked for PEER STATUS: what its sidecar told, or why it did not. */
export interface AskedPod {
  readonly ip: string;
  /** Null when only its address is known. */
  readonly pod: string | null;
  readonly status: PeerStatus | null;
  readonly error: string | null;
}

/** Whether one configured pod would give its vote to a candidate now. */
export interface VoteReport {
  readonly pod: string;
  readonly vote: 'yes' | 'later' | 'no';
  readonly reason: string;
}

export interface QuorumReport {
  /** N, as the one who leads was started with it. */
  readonly replicas: number;
  readonly needed: number;
  /** How many pods vote now. */
  readonly votes: number;
  readonly hasQuorum: boolean;
  readonly reason: string;
  readonly pods: readonly VoteReport[];
}

/** One member of the set that has answered. */
export interface Member {
  readonly pod: PodName;
  readonly status: PeerStatus;
}

/** The set as the one who leads knows it, or the one who knows the newest term. */
export interface Scene {
  readonly cluster: string;
  readonly replicas: number;
  readonly names: readonly PodName[];
  readonly members: readonly Member[];
  readonly leader: Member | null;
  readonly announcement: Announcement | null;
  readonly asked: readonly AskedPod[];
}

/** `1 byte`, `2 bytes`. */
export const plural = (count: number, one: string, many: string): string =>
  `${String(count)} ${count === 1 ? one : many}`;

const leads = ({ role, leaseRemainingMs }: PeerStatus): boolean => role === 'holder' && leaseRemainingMs > 0;

/** Puts together what the sidecars have told. @returns null when none has answered. */
export function setTheScene(asked: readonly AskedPod[]): Scene | null {
  const answers = asked.flatMap(({ status }) => (status === null ? [] : [status]));
  // One that does not know yet how many pods are counted can tell nothing of the others.
  const knows = ({ from }: PeerStatus): number => Number(from.replicas > 0);
  const byTerm = [...answers].sort(
    (a, b) => knows(b) - knows(a) || Number(leads(b)) - Number(leads(a)) || b.term - a.term,
  );
  const [reference] = byTerm;
  if (reference === undefined) return null;
  const { cluster, from } = reference;
  const names = podNames(from.pod, from.replicas);
  const members = answers
    .filter((status) => status.cluster === cluster && names.includes(status.from.pod))
    .map((status) => ({ pod: status.from.pod, status }));
  const announcement = members.reduce<Announcement | null>(
    (newest, { status }) => newerAnnouncement(newest, status.master),
    null,
  );
  const leader = members.find(({ status }) => status === reference && leads(status)) ?? null;
  return { cluster, replicas: from.replicas, names, members, leader, announcement, asked };
}

/** The pods whose sidecars know that automatic failover is paused; empty when it is not. The newest that anybody has heard counts. */
export function pausedBy(asked: readonly AskedPod[]): string[] {
  const members = setTheScene(asked)?.members ?? [];
  const newest = Math.max(0, ...members.map(({ status }) => status.pauses ?? 0));
  return newest % 2 === 0 ? [] : members.filter(({ status }) => status.pauses === newest).map(({ pod }) => pod);
}

/** Why nothing is known of a configured pod. */
export function silenceOf({ asked }: Scene, name: PodName): string {
  const found = asked.find(({ pod }) => pod === name);
  if (found === undefined) return 'DNS does not name it, or its sidecar did not say who it is';
  return found.status === null
    ? 'its sidecar does not answer'
    : `its sidecar is of another cluster, ${found.status.cluster}`;
}

/** Would this sidecar vote for a pod that was started with `replicas`, once the lease is free? */
function voteOf(status: PeerStatus, scene: Scene): Omit<VoteReport, 'pod'> {
  const { from, mutedForMs } = status;
  if (mutedForMs > 0) {
    return { vote: 'later', reason: `mute for ${String(mutedForMs)} ms: its sidecar has just started` };
  }
  if (from.replicas !== scene.replicas) {
    const reason = `runs with --replicas ${String(from.replicas)} instead of ${String(scene.replicas)}, and counts another quorum`;
    return { vote: 'yes', reason };
  }
  return { vote: 'yes', reason: leads(status) ? 'holds the lease' : 'answers' };
}

function votesOf(scene: Scene): VoteReport[] {
  const configured = scene.names.map((name): VoteReport => {
    const member = scene.members.find(({ pod }) => pod === name);
    const error = scene.asked.find(({ pod }) => pod === name)?.error ?? null;
    const detail = error === null ? '' : `: ${error}`;
    if (member === undefined) return { pod: name, vote: 'no', reason: `${silenceOf(scene, name)}${detail}` };
    return { pod: name, ...voteOf(member.status, scene) };
  });
  const strangers = scene.asked.flatMap(({ ip, pod, status, error }): VoteReport[] => {
    if (pod !== null && scene.names.some((name) => name === pod)) return [];
    const reason = status === null ? `does not answer: ${String(error)}` : 'is not one of the configured pods';
    return [{ pod: pod ?? ip, vote: 'no', reason }];
  });
  return [...configured, ...strangers];
}

/** How many pods have to be there for an election. Where a store gives the lease, the one that asks for it is enough. */
export function votesNeeded({ replicas, members }: Pick<Scene, 'replicas' | 'members'>): number {
  return members.some(({ status }) => status.from.store !== undefined) ? 1 : quorumOf(replicas);
}

function storeText({ members }: Scene): string {
  const stores = members.flatMap(({ pod, status }) => (status.store === undefined ? [] : [{ pod, ...status.store }]));
  if (stores.length === 0) return '';
  const without = stores.filter(({ trouble }) => trouble !== null).map(({ pod }) => pod);
  const trouble = without.length === 0 ? '' : `, which does not answer ${without.join(', ')}`;
  return `; the lease is in the Kubernetes API${trouble}`;
}

/** Who would vote now, and whether that is enough. */
export function quorumReport(scene: Scene): QuorumReport {
  const { replicas } = scene;
  const pods = votesOf(scene);
  const votes = pods.filter(({ vote }) => vote === 'yes').length;
  const needed = votesNeeded(scene);
  const later = pods.filter(({ vote }) => vote === 'later').length;
  const soon = later === 0 ? '' : `, ${plural(later, 'more votes', 'more vote')} in a moment`;
  const reason = `${String(votes)} of ${plural(replicas, 'pod votes', 'pods vote')}, ${plural(needed, 'is', 'are')} needed${soon}${storeText(scene)}`;
  return { replicas, needed, votes, hasQuorum: votes >= needed, reason, pods };
}

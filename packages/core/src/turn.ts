import type { Action, Note, OwnAction, RemoteAction } from './action.ts';
import type { PodName, RunId, Term } from './brand.ts';
import type { HolderId } from './lease.ts';
import type { History, Lineage } from './lineage.ts';
import type { PodIdentity, RequestBody } from './messages.ts';
import { isOfSameSet, ordinalOf } from './pod-names.ts';
import { countsOtherwise } from './size-rule.ts';
import { heldUntilMs } from './view.ts';
import type { Moment, NodeState, OwnRedis, PeerView, Phase, Role } from './state.ts';

/** One decision in the making: the state as it is so far, and what has been decided. Lives for one call of `decide`. */
export interface Turn extends Moment {
  state: NodeState;
  readonly actions: Action[];
  readonly notes: Note[];
  wakeAtMs: number;
}

export type HolderRole = Extract<Role, { kind: 'holder' }>;
export type CandidateRole = Extract<Role, { kind: 'candidate' }>;

export function patch(turn: Turn, change: Partial<NodeState>): void {
  turn.state = { ...turn.state, ...change };
}

/** Takes the next step of what the lease is for. */
export function enter(turn: Turn, role: HolderRole, phase: Phase): void {
  patch(turn, { role: { ...role, phase } });
}

export function patchOwn(turn: Turn, change: Partial<OwnRedis>): void {
  patch(turn, { own: { ...turn.state.own, ...change } });
}

const UNMET: PeerView = { identity: null, position: null, answeredAtMs: null, strayCheckAtMs: 0, lostUid: null };

export function peerView(state: NodeState, pod: PodName): PeerView {
  return state.peers[pod] ?? UNMET;
}

export function patchPeer(turn: Turn, pod: PodName, change: Partial<PeerView>): void {
  patch(turn, { peers: { ...turn.state.peers, [pod]: { ...peerView(turn.state, pod), ...change } } });
}

/** Asks to be called again at `atMs` at the latest. */
export function wakeAt(turn: Turn, atMs: number): void {
  turn.wakeAtMs = Math.min(turn.wakeAtMs, Math.max(atMs, turn.nowMs + 1));
}

export function takeId(turn: Turn): number {
  const id = turn.state.nextId;
  patch(turn, { nextId: id + 1 });
  return id;
}

/** Orders something of the own Redis. @returns the id under which its outcome comes back. */
export function orderOwn(turn: Turn, action: OwnAction): number {
  const id = takeId(turn);
  turn.actions.push({ type: 'own', id, action });
  if (action.kind !== 'sample') patchOwn(turn, { pending: { id, action, sinceMs: turn.nowMs } });
  if (action.kind === 'promote' || action.kind === 'donate') patchOwn(turn, { promotingId: id });
  return id;
}

/** How often the own Redis is asked while something waits for it to catch up, in milliseconds. */
export const CATCH_UP_POLL_MS = 5;

/** Sees to it that what is known of the own Redis is never older than `everyMs` milliseconds, as long as it is called each time. */
export function watchOwn(turn: Turn, everyMs: number): void {
  const { own } = turn.state;
  if (own.pending === null && turn.nowMs - own.infoAtMs >= everyMs) orderOwn(turn, { kind: 'sample' });
  wakeAt(turn, turn.nowMs + everyMs);
}

/** A Redis of another pod, and by what it is known to be the one that is meant. */
export interface RemoteTarget {
  readonly pod: PodName;
  readonly ip: string;
  readonly port: number;
  readonly runId: RunId | null;
  readonly history: History | Lineage | null;
}

/** The Redis of `pod`, as far as this sidecar can tell where it is and how to know it; null when it can not. */
export function remoteTarget(state: NodeState, pod: PodName): RemoteTarget | null {
  const { identity, position } = peerView(state, pod);
  const told = state.members.find((member) => member.pod === pod);
  const replaced = state.role.kind === 'holder' ? state.role.old?.announcement : undefined;
  // Nobody tells of the last master but itself: who has not met its sidecar knows it by what it announced.
  const old = replaced?.pod === pod ? replaced : undefined;
  const ip = identity?.ip ?? told?.ip ?? old?.ip;
  const port = identity?.redisPort ?? told?.port ?? old?.port;
  const runId = position?.runId ?? told?.runId ?? old?.runId ?? null;
  const history = state.announcement?.history ?? null;
  if (ip === undefined || port === undefined || (runId === null && history === null)) return null;
  return { pod, ip, port, runId, history };
}

/** Orders something of another pod's Redis. @returns the id under which its outcome comes back. */
export function orderRemote(turn: Turn, target: RemoteTarget, action: RemoteAction): number {
  const id = takeId(turn);
  const { pod, ip, port, runId, history } = target;
  const deadlineMs = action.kind === 'probe' ? Infinity : heldUntilMs(turn.state);
  turn.actions.push({ type: 'remote', id, pod, ip, port, runId, history, deadlineMs, action });
  return id;
}

export function otherMembers(state: NodeState): readonly PodName[] {
  return state.config.members.filter((pod) => pod !== state.config.self.pod);
}

/** False as long as N follows the StatefulSet and nobody has told what it is. */
export function knowsItsSize({ config }: NodeState): boolean {
  return config.self.replicas > 0;
}

export function isMember(state: NodeState): boolean {
  return state.config.members.includes(state.config.self.pod);
}

/**
 * Is the one that speaks a pod of this set? While N follows the StatefulSet it need not be one by the own count: it may know more
 * already. By its own it has to be.
 */
export function isPodOfSet({ config }: NodeState, speaker: Pick<PodIdentity, 'pod' | 'replicas'>): boolean {
  if (speaker.pod === config.self.pod) return false;
  if (config.members.includes(speaker.pod)) return true;
  if (config.isResizable !== true || !isOfSameSet(config.self.pod, speaker.pod)) return false;
  return ordinalOf(speaker.pod) < speaker.replicas;
}

/** Another pod of this StatefulSet that does not count itself, or does not know yet. Only when N follows the StatefulSet. */
export function isUncounted({ config }: NodeState, { pod }: Pick<PodIdentity, 'pod'>): boolean {
  return config.isResizable === true && pod !== config.self.pod && isOfSameSet(config.self.pod, pod);
}

/** Pods of this StatefulSet that are not counted, not yet or not any more, and were met. None when N is given by a flag. */
function uncountedPods(state: NodeState): readonly PodName[] {
  if (state.config.isResizable !== true) return [];
  return Object.values(state.peers).flatMap((peer) => {
    const pod = peer?.identity?.pod;
    return pod === undefined || state.config.members.includes(pod) ? [] : [pod];
  });
}

/** This pod is counted, and the leader is not about to change that. */
export function isKept(state: NodeState): boolean {
  return isMember(state) && ordinalOf(state.config.self.pod) < (state.resizing?.keeps ?? Infinity);
}

/** The same pods; those that the StatefulSet is about to take away come last. */
export function stayingFirst({ resizing }: NodeState, pods: PodName[]): PodName[] {
  const wanted = resizing?.view?.wanted ?? null;
  if (wanted === null) return pods;
  const isStaying = (pod: PodName): boolean => ordinalOf(pod) < wanted;
  return [...pods.filter(isStaying), ...pods.filter((pod) => !isStaying(pod))];
}

/** Sidecars of the other pods that have been met, and how long ago each answered last (milliseconds, null for never). */
export function knownPeers(state: NodeState, nowMs: number): { identity: PodIdentity; answeredAgoMs: number | null }[] {
  return otherMembers(state).flatMap((pod) => {
    const { identity, answeredAtMs } = peerView(state, pod);
    return identity === null ? [] : [{ identity, answeredAgoMs: answeredAtMs === null ? null : nowMs - answeredAtMs }];
  });
}

/** Does this pod count votes as this one does? Otherwise their quorums need not overlap, or go by another store. */
export function countsAlike({ config }: NodeState, other: PodIdentity): boolean {
  const { isResizable = false, self } = config;
  return !countsOtherwise(isResizable, self.replicas, other.replicas) && other.store === self.store;
}

/** Pods that count other votes than this one. */
export function podsOfOtherSize(state: NodeState): readonly PodIdentity[] {
  return otherMembers(state).flatMap((pod) => {
    const { identity } = peerView(state, pod);
    return identity === null || countsAlike(state, identity) ? [] : [identity];
  });
}

/** Remembers that `holder` may act under the lease of `term` from now on. */
export function rememberPromise(turn: Turn, holder: HolderId, term: Term): void {
  const { pod, uid } = holder;
  const others = turn.state.promises.filter((promised) => promised.holder.pod !== pod);
  patch(turn, { promises: [...others, { term, holder: { pod, uid } }] });
}

/** What was promised up to `term` is known: whoever was promoted under it has been announced. */
export function forgetPromises(turn: Turn, term: Term): void {
  patch(turn, { promises: turn.state.promises.filter((promised) => promised.term > term) });
}

/** Sends one question to a peer, stamped with `term`. */
export function ask(turn: Turn, to: PodName, term: NodeState['term'], body: RequestBody): void {
  const { cluster, self } = turn.state.config;
  const request = { v: 1, cluster, from: self, term, pauses: turn.state.pauses, ...body } as const;
  turn.actions.push({ type: 'ask', to, request, sentAtMs: turn.nowMs });
}

export function askAll(turn: Turn, term: NodeState['term'], body: RequestBody): void {
  for (const pod of otherMembers(turn.state)) ask(turn, pod, term, body);
}

/** As `askAll`, and those who are not counted as well: they are to know who leads, and by what it counts. */
export function tellAll(turn: Turn, term: NodeState['term'], body: RequestBody): void {
  askAll(turn, term, body);
  for (const pod of uncountedPods(turn.state)) ask(turn, pod, term, body);
}

export function note(turn: Turn, level: Note['level'], event: string, text: string, fields?: Note['fields']): void {
  turn.notes.push(fields === undefined ? { level, event, text } : { level, event, text, fields });
}

/** Sets the one sentence that says what this sidecar is doing and why. */
export function because(turn: Turn, reason: string): void {
  if (turn.state.reason !== reason) patch(turn, { reason });
}

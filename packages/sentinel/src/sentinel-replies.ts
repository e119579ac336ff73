import {
  currentMaster,
  heldUntilMs,
  knownPeers,
  type MemberView,
  type NodeState,
  type PodIdentity,
} from '@sentinel-micro/core';
import { bulk, type Reply } from '@sentinel-micro/runtime';

/** What the replies for Sentinel clients are made of. */
export interface ReplyContext {
  readonly state: NodeState;
  readonly masterName: string;
  readonly nowMs: number;
}

type Fields = readonly (readonly [string, string | number])[];

/** All values are bulk strings, as in Redis Sentinel (addReplySentinelRedisInstance in sentinel.c). */
function asMap(fields: Fields): Reply {
  return { type: 'map', entries: fields.map(([key, value]) => [key, bulk(String(value))]) };
}

const UNKNOWN_RUN_ID = '';

interface Instance {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly runId: string;
  readonly flags: string;
  readonly answeredAgoMs: number;
  readonly downAfterMs: number;
}

function commonFields(instance: Instance): Fields {
  return [
    ['name', instance.name],
    ['ip', instance.ip],
    ['port', instance.port],
    ['runid', instance.runId],
    ['flags', instance.flags],
    ['link-pending-commands', 0],
    ['link-refcount', 1],
    ['last-ping-sent', 0],
    ['last-ok-ping-reply', instance.answeredAgoMs],
    ['last-ping-reply', instance.answeredAgoMs],
    ['down-after-milliseconds', instance.downAfterMs],
  ];
}

function redisFields(role: 'master' | 'slave', answeredAgoMs: number): Fields {
  return [
    ['info-refresh', answeredAgoMs],
    ['role-reported', role],
    ['role-reported-time', answeredAgoMs],
  ];
}

/** The reply of SENTINEL MASTER, or null when no master can be named. */
export function masterReply({ state, masterName, nowMs }: ReplyContext): Reply | null {
  const master = currentMaster(state, nowMs);
  if (master === null) return null;
  const { config, announcement, term } = state;
  const { downAfterMs, heartbeatMs } = config.timings;
  const peers = knownPeers(state, nowMs);
  const instance: Instance = {
    name: masterName,
    ip: master.ip,
    port: master.port,
    runId: announcement?.runId ?? UNKNOWN_RUN_ID,
    flags: 'master',
    answeredAgoMs: 0,
    downAfterMs,
  };
  return asMap([
    ...commonFields(instance),
    ...redisFields('master', Math.min(heartbeatMs, Math.round(nowMs - state.own.infoAtMs))),
    ['config-epoch', term],
    ['num-slaves', otherMembersOf(state).length],
    ['num-other-sentinels', peers.length],
    ['quorum', config.quorum],
    ['failover-timeout', config.timings.grantMs + config.timings.dataWaitMs],
    ['parallel-syncs', Math.max(1, config.members.length - 1)],
  ]);
}

/** The pods beside the master; the holder tells them to everybody with its renewals. */
export function otherMembersOf(state: NodeState): readonly MemberView[] {
  return state.members.filter((member) => member.pod !== state.announcement?.pod);
}

/** One map for each replica. */
export function replicaReplies({ state, nowMs }: ReplyContext): Reply[] {
  const master = currentMaster(state, nowMs);
  if (master === null) return [];
  return otherMembersOf(state).map((member) => {
    const answeredAgoMs = member.isReachable ? 0 : state.config.timings.leaseMs;
    const instance: Instance = {
      name: `${member.ip}:${String(member.port)}`,
      ip: member.ip,
      port: member.port,
      runId: member.runId ?? UNKNOWN_RUN_ID,
      flags: member.isReachable ? 'slave' : 's_down,slave,disconnected',
      answeredAgoMs,
      downAfterMs: state.config.timings.downAfterMs,
    };
    return asMap([
      ...commonFields(instance),
      ...redisFields('slave', answeredAgoMs),
      ['master-link-down-time', 0],
      ['master-link-status', member.linkUp ? 'ok' : 'err'],
      ['master-host', master.ip],
      ['master-port', master.port],
      ['slave-priority', member.priority ?? 100],
      ['slave-repl-offset', member.offset],
      ['replica-announced', 1],
    ]);
  });
}

function sentinelFlags(answeredAgoMs: number | null, limitMs: number): string {
  return answeredAgoMs === null || answeredAgoMs > limitMs ? 's_down,sentinel,disconnected' : 'sentinel';
}

/** One map for each other sidecar. */
export function sentinelReplies({ state, nowMs }: ReplyContext): Reply[] {
  const { timings } = state.config;
  // Followers talk to each other only when there is something to agree on, so silence between them says nothing.
  const limitMs = state.role.kind === 'holder' ? timings.leaseMs : Infinity;
  return knownPeers(state, nowMs).map(({ identity, answeredAgoMs }) => {
    const instance: Instance = {
      name: identity.incarnation,
      ip: identity.ip,
      port: identity.port,
      runId: identity.incarnation,
      flags: sentinelFlags(answeredAgoMs, limitMs),
      answeredAgoMs: Math.round(answeredAgoMs ?? 0),
      downAfterMs: timings.downAfterMs,
    };
    return asMap([
      ...commonFields(instance),
      ['last-hello-message', Math.round(answeredAgoMs ?? 0)],
      ['voted-leader', leaderOf(state, identity)],
      ['voted-leader-epoch', state.term],
    ]);
  });
}

function leaderOf(state: NodeState, identity: PodIdentity): string {
  const holder = state.announcement?.pod;
  return holder === identity.pod ? identity.incarnation : '?';
}

/** How many sidecars, this one included, could take part in an election now, as far as this one can tell. */
export function usableSentinels(state: NodeState, nowMs: number, connected: number): number {
  const isHolder = heldUntilMs(state) > nowMs;
  const answering = knownPeers(state, nowMs).filter(
    ({ answeredAgoMs }) => answeredAgoMs !== null && answeredAgoMs <= state.config.timings.leaseMs,
  ).length;
  return 1 + (isHolder ? answering : connected);
}

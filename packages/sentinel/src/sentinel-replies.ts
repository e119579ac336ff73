import { currentMaster, type MemberView, type NodeState } from '@sentinel-micro/core';
import { array, bulk, integer, map, type Reply } from '@sentinel-micro/runtime';
import {
  otherMembersOf,
  replicaNameOf,
  sentinelsOf,
  type SentinelContext,
  type SentinelView,
} from './sentinel-view.ts';

/** What answers need beside the context: since when an instance is down, in milliseconds; null when it is not known. */
export type DownSince = (instance: string) => number | null;

type Fields = readonly (readonly [string, string | number])[];

/** All values are bulk strings, as in Redis Sentinel (addReplySentinelRedisInstance in sentinel.c). */
function asMap(fields: Fields): Reply {
  return map(fields.map(([key, value]) => [key, bulk(String(value))]));
}

const UNKNOWN_RUN_ID = '';

interface Instance {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly runId: string;
  readonly flags: string;
  readonly answeredAgoMs: number;
  /** What is only there at times, in its place. */
  readonly failoverState?: string;
  /** Milliseconds for which it has been down; null when it is not. */
  readonly downMs?: number | null;
  readonly downAfterMs: number;
}

function commonFields(instance: Instance): Fields {
  const { failoverState, downMs = null } = instance;
  return [
    ['name', instance.name],
    ['ip', instance.ip],
    ['port', instance.port],
    ['runid', instance.runId],
    ['flags', instance.flags],
    ['link-pending-commands', 0],
    ['link-refcount', 1],
    ...(failoverState === undefined ? [] : ([['failover-state', failoverState]] as const)),
    ['last-ping-sent', 0],
    ['last-ok-ping-reply', instance.answeredAgoMs],
    ['last-ping-reply', instance.answeredAgoMs],
    ...(downMs === null ? [] : ([['s-down-time', downMs]] as const)),
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

/** The holder is about to move the master elsewhere: clients that look at flags had better ask again. */
function isMovingMaster({ role }: NodeState): boolean {
  return role.kind === 'holder' && role.phase.name !== 'lead';
}

/** The reply of SENTINEL MASTER, or null when no master can be named. */
export function masterReply(context: SentinelContext): Reply | null {
  const { state, masterName, nowMs } = context;
  const master = currentMaster(state, nowMs);
  if (master === null) return null;
  const { config, announcement, term } = state;
  const { downAfterMs, heartbeatMs } = config.timings;
  const isMoving = isMovingMaster(state);
  const instance: Instance = {
    name: masterName,
    ip: master.ip,
    port: master.port,
    runId: announcement?.runId ?? UNKNOWN_RUN_ID,
    flags: isMoving ? 'master,failover_in_progress' : 'master',
    answeredAgoMs: 0,
    ...(isMoving ? { failoverState: 'wait_promotion' } : {}),
    downAfterMs,
  };
  return asMap([
    ...commonFields(instance),
    ...redisFields('master', Math.min(heartbeatMs, Math.round(nowMs - state.own.infoAtMs))),
    ['config-epoch', term],
    ['num-slaves', otherMembersOf(state).length],
    ['num-other-sentinels', sentinelsOf(context).length],
    ['quorum', config.quorum],
    ['failover-timeout', failoverTimeoutMs(state)],
    ['parallel-syncs', Math.max(1, config.members.length - 1)],
  ]);
}

/** How long the master is away at most, when a quorum is there and has its data. */
export function failoverTimeoutMs({ config }: NodeState): number {
  return config.timings.grantMs + config.timings.dataWaitMs;
}

function downMsOf(instance: string, isUp: boolean, { nowMs }: SentinelContext, downSince: DownSince): number | null {
  return isUp ? null : Math.max(0, Math.round(nowMs - (downSince(instance) ?? nowMs)));
}

function replicaReply(context: SentinelContext, member: MemberView, downSince: DownSince): Reply {
  const { timings } = context.state.config;
  const master = currentMaster(context.state, context.nowMs);
  const answeredAgoMs = member.isReachable ? 0 : timings.leaseMs;
  const name = replicaNameOf(member);
  const instance: Instance = {
    name,
    ip: member.ip,
    port: member.port,
    runId: member.runId ?? UNKNOWN_RUN_ID,
    flags: member.isReachable ? 'slave' : 's_down,slave,disconnected',
    answeredAgoMs,
    downMs: downMsOf(name, member.isReachable, context, downSince),
    downAfterMs: timings.downAfterMs,
  };
  return asMap([
    ...commonFields(instance),
    ...redisFields('slave', answeredAgoMs),
    ['master-link-down-time', 0],
    ['master-link-status', member.linkUp ? 'ok' : 'err'],
    ['master-host', master?.ip ?? '?'],
    ['master-port', master?.port ?? 0],
    ['slave-priority', member.priority ?? 100],
    ['slave-repl-offset', member.offset],
    ['replica-announced', 1],
  ]);
}

/** One map for each replica, or null when no master can be named that they would be replicas of. */
export function replicaReplies(context: SentinelContext, downSince: DownSince): Reply[] | null {
  if (currentMaster(context.state, context.nowMs) === null) return null;
  return otherMembersOf(context.state).map((member) => replicaReply(context, member, downSince));
}

function sentinelFlags({ isUp, isConnected, agreesThatDown }: SentinelView): string {
  return [
    ...(isUp ? [] : ['s_down']),
    'sentinel',
    ...(isConnected && isUp ? [] : ['disconnected']),
    ...(agreesThatDown ? ['master_down'] : []),
  ].join(',');
}

/** One map for each other sidecar. */
export function sentinelReplies(context: SentinelContext, downSince: DownSince): Reply[] {
  const { state } = context;
  return sentinelsOf(context).map((sentinel) => {
    const { id, pod, ip, port, isUp, answeredAgoMs } = sentinel;
    const instance: Instance = {
      ...{ name: id, ip, port, runId: id, flags: sentinelFlags(sentinel), answeredAgoMs },
      downMs: downMsOf(id, isUp, context, downSince),
      downAfterMs: state.config.timings.downAfterMs,
    };
    return asMap([
      ...commonFields(instance),
      ['last-hello-message', answeredAgoMs],
      ['voted-leader', state.announcement?.pod === pod ? id : '?'],
      ['voted-leader-epoch', state.term],
    ]);
  });
}

/** How many sidecars, this one included, could take part in an election now, as far as this one can tell. */
export function usableSentinels(context: SentinelContext): number {
  return 1 + sentinelsOf(context).filter(({ isUp }) => isUp).length;
}

/** The lines of INFO replication, as far as they are known of a pod that is not asked for them. */
function infoLines(lines: Readonly<Record<string, string | number>>): string {
  return ['# Replication', ...Object.entries(lines).map(([key, value]) => `${key}:${String(value)}`), ''].join('\r\n');
}

/** SENTINEL INFO-CACHE: for each instance its age and text. Others' INFO is not kept, so it has what they tell of themselves. */
export function infoCacheReply(context: SentinelContext): Reply {
  const { state, masterName, nowMs } = context;
  const master = currentMaster(state, nowMs);
  if (master === null) return array([]);
  const entry = (ageMs: number, text: string): Reply => array([integer(ageMs), bulk(text)]);
  const replicas = otherMembersOf(state).map(({ linkUp, offset, priority, isReachable }) =>
    entry(
      isReachable ? 0 : state.config.timings.leaseMs,
      infoLines({
        ...{ role: 'slave', master_host: master.ip, master_port: master.port },
        master_link_status: linkUp ? 'up' : 'down',
        ...{ slave_repl_offset: offset, slave_priority: priority ?? 100 },
      }),
    ),
  );
  const connected = otherMembersOf(state).filter(({ linkUp }) => linkUp).length;
  const own = entry(0, infoLines({ role: 'master', connected_slaves: connected }));
  return array([bulk(masterName), array([own, ...replicas])]);
}

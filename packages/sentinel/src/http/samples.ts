import {
  CHANGE_CAUSES,
  heldUntilMs,
  isInLimbo,
  isLeading,
  isPaused,
  statusOf,
  WELL,
  type NodeState,
  type PodName,
} from '@sentinel-micro/core';
import { KUBE_FAILURES } from '../kube/failure-kinds.ts';
import { COUNTED_EVENTS, LEASE_ROLES, REDIS_ROLES, type MetricKey } from './catalogue.ts';
import type { Counters } from './counters.ts';

/** One number. */
export interface Sample {
  readonly metric: MetricKey;
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** What this process uses of the machine. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Since the epoch. */
  readonly startedAtSeconds: number;
}

/** What the samples are made of. */
export interface Snapshot {
  readonly state: NodeState;
  readonly nowMs: number;
  readonly counters: Counters;
  /** Pods whose sidecars are connected now. */
  readonly connected: readonly PodName[];
  readonly isReady: boolean;
  readonly usage: Usage;
}

type Metric = Exclude<MetricKey, 'phases' | 'moves' | 'loopDelay'>;

const one = (metric: Metric, value: number | boolean): Sample => ({ metric, value: Number(value) });

/** One series for each of the values that there are, so that none comes and goes. */
function each(
  metric: Metric,
  label: string,
  values: readonly string[],
  valueOf: (value: string) => number | boolean,
): Sample[] {
  return values.map((value) => ({ metric, value: Number(valueOf(value)), labels: { [label]: value } }));
}

function redisRoleOf({ own }: NodeState): (typeof REDIS_ROLES)[number] {
  const { info, health } = own;
  if (info === null || health.state === 'down') return 'unknown';
  if (info.role === 'master') return 'master';
  return isInLimbo(info) ? 'limbo' : 'replica';
}

function redisSamples(state: NodeState): Sample[] {
  const { health, info, minReplicas } = state.own;
  const isUp = health.state === 'up' || health.state === 'suspect';
  const role = redisRoleOf(state);
  return [
    ...each('redisRole', 'role', REDIS_ROLES, (value) => value === role),
    one('redisUp', isUp),
    one('redisSick', health.state === 'up' && health.reason !== WELL),
    ...(role === 'unknown' || info === null ? [] : [one('offset', info.offset)]),
    ...(role === 'replica' || role === 'limbo' ? [one('linkUp', info?.linkUp === true)] : []),
    ...(role === 'master' ? [one('onlineReplicas', onlineReplicas(state))] : []),
    ...(minReplicas === null ? [] : [one('minReplicas', minReplicas)]),
  ];
}

const onlineReplicas = ({ own }: NodeState): number =>
  own.info?.replicas.filter((replica) => replica.state === 'online').length ?? 0;

/** As the master's Redis tells it: those that are not attached have no lag, but are missing. */
function lagSamples({ own, peers, config }: NodeState): Sample[] {
  const { info } = own;
  if (info === null) return [];
  return config.members.flatMap((pod): Sample[] => {
    const identity = peers[pod]?.identity;
    const replica = info.replicas.find(({ ip, port }) => ip === identity?.ip && port === identity.redisPort);
    if (replica === undefined) return [];
    return [{ metric: 'replicaLag', value: Math.max(0, info.offset - replica.offset), labels: { replica: pod } }];
  });
}

function setSamples({ state, nowMs, connected }: Snapshot): Sample[] {
  const { config } = state;
  const { mutedForMs, masterIsFresh } = statusOf(state, nowMs);
  const peers = connected.filter((pod) => pod !== config.self.pod && config.members.includes(pod)).length;
  return [
    one('votes', mutedForMs === 0),
    one('masterKnown', masterIsFresh),
    one('connectedPeers', peers),
    one('quorumReachable', peers + 1 >= config.quorum),
    one('configuredReplicas', config.members.length),
    one('paused', isPaused(state)),
    one('term', state.term),
  ];
}

function leaseSamples({ state, nowMs }: Snapshot): Sample[] {
  const remainingMs = Math.max(0, heldUntilMs(state) - nowMs);
  const leads = isLeading(state, nowMs);
  return [
    ...each('leaseRole', 'role', LEASE_ROLES, (role) => role === state.role.kind),
    one('leading', leads),
    one('leaseRemaining', remainingMs / 1000),
    ...(leads ? lagSamples(state) : []),
  ];
}

function counterSamples({ counters, state }: Snapshot): Sample[] {
  const counted: Readonly<Record<string, number>> = { ...counters.failovers };
  const kubeFailures: Readonly<Record<string, number>> = { ...counters.kubeFailures };
  return [
    one('decisions', counters.decisions),
    ...each('failovers', 'cause', CHANGE_CAUSES, (cause) => counted[cause] ?? 0),
    ...each('events', 'event', COUNTED_EVENTS, (event) => counters.events[event] ?? 0),
    one('fenced', counters.fencedMs / 1000),
    one('discarded', counters.discardedBytes),
    one('refused', state.refusedMessages),
    ...each('kubeFailures', 'kind', KUBE_FAILURES, (kind) => kubeFailures[kind] ?? 0),
  ];
}

/** Everything that is told at once, histograms apart. A metric without a sample is not known at the moment. */
export function samplesOf(snapshot: Snapshot): readonly Sample[] {
  const { cpuSeconds, residentBytes, startedAtSeconds } = snapshot.usage;
  return [
    one('ready', snapshot.isReady),
    ...leaseSamples(snapshot),
    ...redisSamples(snapshot.state),
    ...setSamples(snapshot),
    ...counterSamples(snapshot),
    one('cpu', cpuSeconds),
    one('memory', residentBytes),
    one('started', startedAtSeconds),
  ];
}

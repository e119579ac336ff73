/** One metric: what it is called, what it means, and by what it is told apart. Labels have few values, all known beforehand. */
export interface MetricSpec {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of a histogram, in the unit of its name. */
  readonly buckets?: readonly number[];
}

const PREFIX = 'sentinel_micro_';

const gauge = (name: string, help: string, labels: readonly string[] = []): MetricSpec => ({
  name: `${PREFIX}${name}`,
  type: 'gauge',
  help,
  labels,
});

const counter = (name: string, help: string, labels: readonly string[] = []): MetricSpec => ({
  ...gauge(name, help, labels),
  type: 'counter',
});

const histogram = (
  name: string,
  help: string,
  buckets: readonly number[],
  labels: readonly string[] = [],
): MetricSpec => ({
  ...gauge(name, help, labels),
  type: 'histogram',
  buckets,
});

/** From a few milliseconds to well beyond lease, guard and `--data-wait-ms`. */
const PHASE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const DELAY_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** All metrics of the sidecar, by a short name. docs/METRICS.md lists them; a test keeps the two the same. */
export const METRICS = {
  ready: gauge('ready', '1 while /readyz would answer 200, without a bound for the lag.'),
  leaseRole: gauge('lease_role', '1 for the part that this sidecar has in the lease, 0 for the others.', ['role']),
  redisRole: gauge('redis_role', '1 for what the Redis of this pod is, 0 for the others.', ['role']),
  redisUp: gauge('redis_up', '1 while the Redis of this pod answers, errors such as LOADING included.'),
  redisSick: gauge('redis_sick', '1 while the Redis of this pod answers, but not as it should.'),
  term: gauge('term', 'Newest term that this sidecar knows.'),
  leading: gauge('leading', '1 while this pod is master under a valid lease.'),
  leaseRemaining: gauge('lease_remaining_seconds', 'How long the lease of this pod lasts; 0 when it holds none.'),
  masterKnown: gauge('master_known', '1 while this sidecar knows a master whose lease may be alive.'),
  votes: gauge('votes', '1 when this sidecar votes, 0 just after its start.'),
  quorumReachable: gauge(
    'quorum_reachable',
    '1 while a majority of the configured pods can be reached, this one included.',
  ),
  connectedPeers: gauge('connected_peers', 'Sidecars of other configured pods that are connected.'),
  configuredReplicas: gauge(
    'configured_replicas',
    'The number of pods that this sidecar was started with (--replicas).',
  ),
  paused: gauge('failover_paused', '1 while automatic failover is paused for the whole set.'),
  offset: gauge('replication_offset_bytes', 'Replication offset of the Redis of this pod.'),
  linkUp: gauge('replication_link_up', '1 while the replica of this pod is linked to its master; absent for a master.'),
  onlineReplicas: gauge('online_replicas', 'Replicas that are online at the master of this pod; absent for a replica.'),
  replicaLag: gauge(
    'replica_lag_bytes',
    'How far a replica is behind the master of this pod; told by the leading pod only.',
    ['replica'],
  ),
  minReplicas: gauge('min_replicas_to_write', 'The min-replicas-to-write of the Redis of this pod.'),
  decisions: counter('decisions_total', 'Decisions that the loop of this sidecar has taken.'),
  failovers: counter(
    'failovers_total',
    'Moves of the master to this pod, by cause; the first election (bootstrap) is one of them.',
    ['cause'],
  ),
  events: counter('events_total', 'What this sidecar has logged that somebody should know of, by event.', ['event']),
  fenced: counter('fenced_seconds_total', 'Time that the Redis of this pod has spent as a replica of nobody.'),
  discarded: counter('discarded_bytes_total', 'Bytes that diverged Redis instances threw away when they followed.'),
  kubeFailures: counter('kubernetes_failures_total', 'Calls of the Kubernetes API that failed, by kind.', ['kind']),
  refused: counter('refused_messages_total', 'PEER messages that were refused because they do not belong to this set.'),
  phases: histogram('failover_phase_duration_seconds', 'Duration of the phases of moves to this pod.', PHASE_BUCKETS, [
    'phase',
  ]),
  moves: histogram(
    'failover_duration_seconds',
    'Duration of moves to this pod, from when it asked for the lease.',
    PHASE_BUCKETS,
  ),
  loopDelay: histogram('loop_delay_seconds', 'How late a timer of this process fires.', DELAY_BUCKETS),
  cpu: { name: 'process_cpu_seconds_total', type: 'counter', help: 'User and system CPU time of the sidecar.' },
  memory: { name: 'process_resident_memory_bytes', type: 'gauge', help: 'Resident memory of the sidecar.' },
  started: { name: 'process_start_time_seconds', type: 'gauge', help: 'Start of the sidecar since the epoch.' },
} as const satisfies Readonly<Record<string, MetricSpec>>;

export type MetricKey = keyof typeof METRICS;

/** The labels' values, as they are; where they are not listed here they are names of configured pods. */
export const LEASE_ROLES = ['follower', 'candidate', 'holder'] as const;
export const REDIS_ROLES = ['master', 'replica', 'limbo', 'unknown'] as const;
export const PHASES = ['lease', 'assess', 'freeze', 'promote'] as const;
/** Lines of the log that are counted: what an alert can be made of. */
export const COUNTED_EVENTS = [
  'data-at-risk',
  'data-kept',
  'data-missing',
  'handover-failed',
  'lease-lost',
  'limbo',
  'redis-down',
  'redis-order-failed',
  'redis-restarted',
  'repair',
  'replicas-differ',
  'repoint',
] as const;

/** The table of docs/METRICS.md. */
export function metricsTable(): string {
  const rows = Object.values<MetricSpec>(METRICS).map(({ name, type, labels = [], help }) => {
    const told = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${told === '' ? '-' : told} | ${help} |`;
  });
  return ['| metric | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

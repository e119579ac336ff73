import { type Mutations, setVariable } from './mutation.ts';

export const lifecycleMutations: Mutations = {
  probes: [
    [
      'a probe by exec',
      ({ sentinel }) => (sentinel.livenessProbe = { exec: { command: ['node', '/app/sentinel.mjs', 'status'] } }),
      'sentinel: livenessProbe must not start a process',
    ],
    [
      'a pod that waits for another one',
      ({ sentinel }) => (sentinel.readinessProbe!.httpGet!.host = 'redis-0.redis'),
      'sentinel: readinessProbe asks another host',
    ],
    [
      "another container's port",
      ({ sentinel }) => (sentinel.readinessProbe!.httpGet!.port = 'redis'),
      'sentinel: readinessProbe asks port redis, not one of its own',
    ],
    ['always ready', ({ sentinel }) => delete sentinel.readinessProbe, 'sentinel: no readinessProbe'],
    ['Redis always ready', ({ redis }) => delete redis.readinessProbe, 'redis: no readinessProbe'],
    [
      'a liveness probe for Redis',
      ({ redis }) => (redis.livenessProbe = { tcpSocket: { port: 'redis' } }),
      'redis: a livenessProbe kills',
    ],
    [
      'killed for what Redis does',
      ({ sentinel }) => (sentinel.livenessProbe!.httpGet!.path = '/readyz'),
      'sentinel: livenessProbe has to ask /livez',
    ],
    [
      'ready when only the port is open',
      ({ sentinel }) => (sentinel.readinessProbe = { tcpSocket: { port: 'sentinel' } }),
      'sentinel: readinessProbe has to ask /readyz',
    ],
    [
      'the port of RESP asked in HTTP',
      ({ sentinel }) => (sentinel.startupProbe!.httpGet!.port = 'sentinel'),
      'sentinel: startupProbe has to ask the port http',
    ],
  ],
  'parallel-start': [
    ['an ordered start', ({ statefulSet }) => delete statefulSet.spec!.podManagementPolicy, 'has to be Parallel'],
  ],
  'min-ready': [
    ['no pause in an update', ({ statefulSet }) => delete statefulSet.spec!.minReadySeconds, '2250 ms'],
    [
      'a longer lease, the same pause',
      ({ makeSlave, sentinel }) =>
        [makeSlave, sentinel].forEach((container) => setVariable(container, 'SENTINEL_MICRO_LEASE_MS', '15000')),
      '15250 ms',
    ],
  ],
  'disruption-budget': [
    [
      'a budget for nobody',
      ({ budgets }) => (budgets[0]!.spec!.selector = { matchLabels: { app: 'redis' } }),
      '0 PodDisruptionBudgets select the pods',
    ],
    [
      'a budget that gives the quorum away',
      ({ budgets }) => (budgets[0]!.spec!.maxUnavailable = 2),
      'leaves 1 pods, a quorum is 2',
    ],
    [
      'both of two pods given away',
      ({ budgets }) => (budgets[0]!.spec!.maxUnavailable = 2),
      'leaves 0 pods, a quorum is 1',
      'kubernetes-lease',
    ],
    ['no drain possible', ({ budgets }) => (budgets[0]!.spec!.maxUnavailable = 0), 'no disruption'],
    ['a budget that rounds', ({ budgets }) => (budgets[0]!.spec!.maxUnavailable = '50%'), 'not a percentage'],
    [
      'pods taken that are not ready',
      ({ budgets }) => (budgets[0]!.spec!.unhealthyPodEvictionPolicy = 'AlwaysAllow'),
      'may be the last with the data',
    ],
  ],
  spread: [
    [
      'other pods spread',
      ({ pod }) => (pod.topologySpreadConstraints![0]!.labelSelector = { matchLabels: { app: 'redis' } }),
      'no topologySpreadConstraint',
    ],
    ['nothing spread', ({ pod }) => delete pod.topologySpreadConstraints, 'no topologySpreadConstraint'],
    [
      'a spread that may be given up',
      ({ pod }) => (pod.topologySpreadConstraints![0]!.whenUnsatisfiable = 'ScheduleAnyway'),
      'the spread over kubernetes.io/hostname may put a quorum into one place',
    ],
    [
      'three of five in one zone',
      ({ pod }) =>
        (pod.topologySpreadConstraints!.find(({ topologyKey }) => topologyKey.endsWith('zone'))!.maxSkew = 2),
      'the spread over topology.kubernetes.io/zone may put',
      'five-pods-over-zones',
    ],
  ],
  'grace-period': [
    ['no grace period', ({ pod }) => delete pod.terminationGracePeriodSeconds, 'has to be given'],
    ['a short grace period', ({ pod }) => (pod.terminationGracePeriodSeconds = 18), 'longer than 18.75'],
    [
      'a longer lease, the same grace',
      ({ sentinel }) => {
        setVariable(sentinel, 'SENTINEL_MICRO_LEASE_MS', '6000');
        setVariable(sentinel, 'SENTINEL_MICRO_GUARD_MS', '500');
      },
      'longer than 35.5',
    ],
    [
      'a hook that takes all the time there is',
      ({ redis }) => (redis.lifecycle!.preStop!.exec!.command![1] = '20'),
      'longer than 33.25',
      'native-sidecar',
    ],
    [
      'a Redis that takes its time',
      ({ configMaps }) => (configMaps[0]!.data!['with-time.conf'] = 'shutdown-timeout 60\n'),
      'longer than 68.75',
    ],
  ],
  handover: [
    [
      'a sidecar that is not to go on',
      ({ sentinel }) => delete sentinel.restartPolicy,
      'needs restartPolicy: Always',
      'native-sidecar',
    ],
    [
      'no hook',
      ({ redis }) => delete redis.lifecycle,
      'redis: the preStop hook has to end in redis-cli -e -p 26379 SENTINEL HANDOVER mymaster',
      'native-sidecar',
    ],
    [
      'another name of the set',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_MASTER_NAME', 'cache'),
      'SENTINEL HANDOVER cache',
      'native-sidecar',
    ],
    [
      'a hook that may hang',
      ({ redis }) => redis.lifecycle!.preStop!.exec!.command!.splice(0, 2),
      'has to begin with timeout',
      'native-sidecar',
    ],
    [
      'a hook that gives up before the master has moved',
      ({ redis }) => (redis.lifecycle!.preStop!.exec!.command![1] = '5'),
      'has to begin with timeout and more than 5.5 seconds',
      'native-sidecar',
    ],
    [
      'a hook that can not log in',
      ({ redis }) => (redis.env = []),
      'can not log in without REDISCLI_AUTH',
      'production',
    ],
    [
      'a hook that orders nothing, beside a sidecar that is told to stop, too',
      ({ redis }) => (redis.lifecycle = { preStop: { exec: { command: ['redis-cli'] } } }),
      'has to end in redis-cli -e -p 26379 SENTINEL HANDOVER mymaster',
    ],
  ],
};

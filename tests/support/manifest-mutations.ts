import type { RedisSet } from './redis-set.ts';

/** A way to break the manifests: what it is, how it is done, and a part of what the check has to say. */
type Mutation = [what: string, breakIt: (set: RedisSet) => void, complaint: string];

/** For each check, the mistakes that it has to notice. */
export const mutations: Readonly<Record<string, readonly Mutation[]>> = {
  'headless-service': [['a Service with an IP', ({ service }) => delete service.spec!.clusterIP, 'clusterIP']],
  'publish-not-ready': [
    [
      'only ready pods in DNS',
      ({ service }) => delete service.spec!.publishNotReadyAddresses,
      'publishNotReadyAddresses: true',
    ],
  ],
  selectors: [
    ['Service finds nobody', ({ service }) => (service.spec!.selector = { app: 'redis' }), 'the Service'],
    ['Service without selector', ({ service }) => delete service.spec!.selector, 'the Service'],
    [
      'StatefulSet finds nobody',
      ({ statefulSet }) => (statefulSet.spec!.selector.matchLabels = { app: 'redis' }),
      'the StatefulSet',
    ],
  ],
  'service-flag': [
    [
      'another Service',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_SERVICE', 'redis-headless'),
      'sentinel: --service is redis-headless, spec.serviceName is redis',
    ],
    [
      'no Service',
      ({ makeSlave }) => dropVariable(makeSlave, 'SENTINEL_MICRO_SERVICE'),
      'make-slave: --service is undefined',
    ],
  ],
  'replicas-flag': [
    [
      'scaled, but the flag forgotten',
      ({ statefulSet }) => (statefulSet.spec!.replicas = 5),
      'make-slave: --replicas is 3, spec.replicas is 5',
    ],
    [
      'the flag changed in one place',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_REPLICAS', '1'),
      'sentinel: --replicas is 1, spec.replicas is 3',
    ],
    [
      'an argument wins over the variable',
      ({ sentinel }) => (sentinel.args = ['run', '--replicas', '5']),
      'sentinel: --replicas is 5, spec.replicas is 3',
    ],
  ],
  'known-flags': [
    [
      'a variable of no flag',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_LEASE_SECONDS', '2'),
      'sentinel: there is no flag --lease-seconds',
    ],
    [
      'an unknown argument',
      ({ makeSlave }) => (makeSlave.args = ['--baseconfig=/redis-base/redis.conf']),
      'make-slave: there is no flag --baseconfig',
    ],
    [
      'a misspelt prefix',
      ({ sentinel }) => setVariable(sentinel, 'SENTINAL_MICRO_LOG_LEVEL', 'debug'),
      'SENTINAL_MICRO_LOG_LEVEL is not a flag',
    ],
  ],
  'flags-agree': [
    [
      'two opinions about a port',
      ({ makeSlave, sentinel }) => {
        setVariable(makeSlave, 'SENTINEL_MICRO_REDIS_PORT', '6379');
        setVariable(sentinel, 'SENTINEL_MICRO_REDIS_PORT', '6380');
      },
      '--redis-port is 6379 for make-slave and 6380 for sentinel',
    ],
  ],
  identity: [
    [
      'no UID',
      ({ sentinel }) => dropVariable(sentinel, 'SENTINEL_MICRO_POD_UID'),
      'sentinel: SENTINEL_MICRO_POD_UID has to come from the field metadata.uid',
    ],
    [
      'the same name for all pods',
      ({ makeSlave }) => setVariable(makeSlave, 'SENTINEL_MICRO_POD_NAME', 'redis-0'),
      'make-slave: SENTINEL_MICRO_POD_NAME has to come from the field metadata.name',
    ],
  ],
  ports: [
    ['a nameless port', ({ service }) => (service.spec!.ports![1]!.name = 'peers'), 'no port named sentinel'],
    ['another Service port', ({ service }) => (service.spec!.ports![0]!.port = 6380), 'is 6380, not 6379'],
    ['no container port', ({ redis }) => (redis.ports = []), 'leads to redis, which redis does not have'],
    [
      'another port to listen on',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_PORT', '5000'),
      'sentinel: the port sentinel is 26379, not 5000',
    ],
  ],
  'boot-fence': [
    [
      "Redis started from the user's own config",
      ({ redis }) => (redis.command = ['redis-server', '/redis-base/redis.conf']),
      'redis: started from /redis-base/redis.conf, but make-slave writes /redis-config/redis.conf',
    ],
    ['Redis started from no config', ({ redis }) => delete redis.command, 'redis: started from undefined'],
    [
      'Redis behind a shell',
      ({ redis }) => (redis.command = ['sh', '/redis-config/redis.conf']),
      'the command has to be redis-server',
    ],
    [
      'the fence undone by an argument',
      ({ redis }) => (redis.args = ['--replicaof', 'no', 'one']),
      '--replicaof on the command line overrides the rendered config',
    ],
    [
      'an output that nobody reads',
      ({ makeSlave }) => setVariable(makeSlave, 'SENTINEL_MICRO_OUTPUT', '/tmp/redis.conf'),
      'do not share the volume that /tmp/redis.conf lies in',
    ],
    [
      'two volumes',
      ({ redis }) => (redis.volumeMounts![1]!.name = 'data'),
      'do not share the volume that /redis-config/redis.conf lies in',
    ],
    [
      'an output that cannot be written',
      ({ makeSlave }) => (makeSlave.volumeMounts![1]!.readOnly = true),
      'make-slave: cannot write its output',
    ],
    [
      'CONFIG REWRITE possible',
      ({ redis }) => delete redis.volumeMounts![1]!.readOnly,
      'redis: the rendered config has to be mounted read-only',
    ],
  ],
  'base-config': [
    [
      'an include that redis cannot open',
      ({ redis }) => redis.volumeMounts!.shift(),
      'have to mount the volume of /redis-base/redis.conf at the same place',
    ],
    [
      'a file that is not there',
      ({ configMaps }) => (configMaps[0]!.data = { 'my.conf': '' }),
      'no ConfigMap has the file /redis-base/redis.conf',
    ],
    [
      "a master in the user's own config",
      ({ configMaps }) => (configMaps[0]!.data!['redis.conf'] = 'dir /data\nreplicaof redis-0.redis 6379\n'),
      '/redis-base/redis.conf sets replicaof, which make-slave renders',
    ],
  ],
  'restricted-security': [
    ['root allowed', ({ pod }) => delete pod.securityContext!.runAsNonRoot, 'redis: runAsNonRoot'],
    ['a root user', ({ redis }) => (redis.securityContext!.runAsUser = 0), 'redis: runAsUser'],
    ['no seccomp', ({ pod }) => delete pod.securityContext!.seccompProfile, 'seccompProfile'],
    [
      'no security context',
      ({ makeSlave }) => delete makeSlave.securityContext,
      'make-slave: allowPrivilegeEscalation',
    ],
    [
      'one capability dropped',
      ({ sentinel }) => (sentinel.securityContext!.capabilities = { drop: ['NET_RAW'] }),
      'sentinel: all capabilities have to be dropped',
    ],
    [
      'a capability added',
      ({ sentinel }) => (sentinel.securityContext!.capabilities!.add = ['SYS_PTRACE']),
      'sentinel: no capability may be added: SYS_PTRACE',
    ],
    [
      'a writable root',
      ({ redis }) => (redis.securityContext!.readOnlyRootFilesystem = false),
      'redis: readOnlyRootFilesystem',
    ],
    ['a privileged container', ({ redis }) => (redis.securityContext!.privileged = true), 'redis: privileged'],
    ["the host's network", ({ pod }) => (pod.hostNetwork = true), 'namespaces of the host'],
    [
      "the host's files",
      ({ pod }) => pod.volumes!.push({ name: 'host', hostPath: { path: '/' } }),
      'the volume host is a hostPath',
    ],
  ],
  'shared-files': [
    [
      'a config that redis cannot read',
      ({ pod, makeSlave }) => {
        delete pod.securityContext!.fsGroup;
        makeSlave.securityContext!.runAsUser = 1000;
      },
      'with an fsGroup, or with the same user',
    ],
  ],
  probes: [
    [
      'a probe by exec',
      ({ sentinel }) => (sentinel.livenessProbe = { exec: { command: ['node', '/app/sentinel.mjs', 'status'] } }),
      'sentinel: livenessProbe must not start a process',
    ],
    [
      'a pod that waits for another one',
      ({ sentinel }) => (sentinel.readinessProbe!.tcpSocket!.host = 'redis-0.redis'),
      'sentinel: readinessProbe asks another host',
    ],
    [
      "another container's port",
      ({ sentinel }) => (sentinel.readinessProbe!.tcpSocket!.port = 'redis'),
      'sentinel: readinessProbe asks port redis, not one of its own',
    ],
    ['always ready', ({ sentinel }) => delete sentinel.readinessProbe, 'sentinel: no readinessProbe'],
    ['Redis always ready', ({ redis }) => delete redis.readinessProbe, 'redis: no readinessProbe'],
    [
      'a liveness probe for Redis',
      ({ redis }) => (redis.livenessProbe = { tcpSocket: { port: 'redis' } }),
      'redis: a livenessProbe kills',
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
    ['no drain possible', ({ budgets }) => (budgets[0]!.spec!.maxUnavailable = 0), 'no disruption'],
    ['a budget that rounds', ({ budgets }) => (budgets[0]!.spec!.maxUnavailable = '50%'), 'not a percentage'],
  ],
  spread: [
    [
      'other pods spread',
      ({ pod }) => (pod.topologySpreadConstraints![0]!.labelSelector = { matchLabels: { app: 'redis' } }),
      'no topologySpreadConstraint',
    ],
    ['nothing spread', ({ pod }) => delete pod.topologySpreadConstraints, 'no topologySpreadConstraint'],
  ],
  'grace-period': [
    ['no grace period', ({ pod }) => delete pod.terminationGracePeriodSeconds, 'has to be given'],
    ['a short grace period', ({ pod }) => (pod.terminationGracePeriodSeconds = 5), 'longer than 10'],
  ],
  resources: [
    ['no limit', ({ redis }) => delete redis.resources!.limits!['memory'], 'no resources.limits.memory'],
    ['no resources', ({ sentinel }) => delete sentinel.resources, 'sentinel: no resources.requests.cpu'],
  ],
  'no-service-links': [['Service links', ({ pod }) => delete pod.enableServiceLinks, 'enableServiceLinks']],
  'no-token': [['a token', ({ pod }) => delete pod.automountServiceAccountToken, 'automountServiceAccountToken']],
  images: [
    ['an image without tag', ({ redis }) => (redis.image = 'redis'), 'the image redis has no fixed tag'],
    ['a moving tag', ({ redis }) => (redis.image = 'localhost:5000/redis:latest'), 'has no fixed tag'],
    ['half an upgrade', ({ sentinel }) => (sentinel.image = 'sentinel-micro/sentinel:99.0.0'), 'different versions'],
  ],
};

function setVariable(container: RedisSet['redis'], name: string, value: string): void {
  dropVariable(container, name);
  container.env!.push({ name, value });
}

function dropVariable(container: RedisSet['redis'], name: string): void {
  container.env = container.env!.filter((variable) => variable.name !== name);
}

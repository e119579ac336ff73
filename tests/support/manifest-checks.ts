import type { IContainer } from 'kubernetes-models/v1/Container';
import { splitImage } from './kustomize.ts';
import type { Manifest } from './kubernetes-schemas.ts';
import {
  findRedisSets,
  flagOfVariable,
  flagValue,
  givenFlags,
  mountOf,
  type RedisSet,
  selects,
  variableOfFlag,
} from './redis-set.ts';

/** The flags of both programs. Each is an environment variable too: --pod-name is SENTINEL_MICRO_POD_NAME. */
const knownFlags: readonly string[] = [
  'service',
  'replicas',
  'pod-name',
  'pod-uid',
  'pod-ip',
  'namespace',
  'redis-port',
  'redis-username',
  'redis-password-file',
  'port',
  'http-port',
  'master-name',
  'lease-ms',
  'heartbeat-ms',
  'down-after-ms',
  'write-quorum',
  'durability',
  'data-wait-ms',
  'dns-servers',
  'base-config',
  'output',
  'replica-priority',
  'log-level',
  'log-format',
];

/** Flags that mean the same to both programs, and have to be given to both or to neither. */
const sharedFlags = ['redis-port', 'redis-username', 'redis-password-file', 'port', 'write-quorum', 'dns-servers'];

/** Variables that Node itself reads. Everything else in our containers' environment has to be one of our flags. */
const nodeVariables = ['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'TZ'];

const identity: Readonly<Record<string, string>> = {
  'pod-name': 'metadata.name',
  'pod-uid': 'metadata.uid',
  'pod-ip': 'status.podIP',
  namespace: 'metadata.namespace',
};

/** Directives that make-slave renders. Anywhere else they would undo the boot fence, or lose against it. */
const renderedDirectives = [
  'replicaof',
  'slaveof',
  'replica-announce-ip',
  'replica-announce-port',
  'min-replicas-to-write',
  'min-replicas-max-lag',
  'min-slaves-to-write',
  'min-slaves-max-lag',
];

const defaults = { redisPort: '6379', port: '26379', output: '/redis-config/redis.conf', leaseMs: '2000' };
const guardMs = 250;
/** Redis 7 and later wait this long for their replicas when told to stop (shutdown-timeout). */
const redisShutdownSeconds = 10;

type Check = (set: RedisSet) => string[];

/** What the schemas cannot tell. Each check answers with its complaints; none means that all is well. */
export const checks: Readonly<Record<string, Check>> = {
  'headless-service': ({ service }) => when(service.spec?.clusterIP !== 'None', 'the Service needs clusterIP: None'),

  'publish-not-ready': ({ service }) =>
    when(
      service.spec?.publishNotReadyAddresses !== true,
      'the Service needs publishNotReadyAddresses: true, or no pod finds the others before it is ready',
    ),

  selectors: ({ service, statefulSet, podLabels }) => [
    ...when(!selects(service.spec?.selector, podLabels), "the Service does not select the StatefulSet's pods"),
    ...when(
      !selects(statefulSet.spec?.selector.matchLabels, podLabels),
      'the StatefulSet does not select its own pods',
    ),
  ],

  'service-flag': ({ service, makeSlave, sentinel }) => {
    const name = service.metadata?.name ?? '';
    return ours(makeSlave, sentinel).flatMap((container) => {
      const given = flagValue(container, 'service');
      const names = given === name || given?.startsWith(`${name}.`) === true;
      return when(!names, `${container.name}: --service is ${String(given)}, spec.serviceName is ${name}`);
    });
  },

  'replicas-flag': ({ replicas, makeSlave, sentinel }) =>
    ours(makeSlave, sentinel).flatMap((container) => {
      const given = flagValue(container, 'replicas');
      return when(
        given !== String(replicas),
        `${container.name}: --replicas is ${String(given)}, spec.replicas is ${replicas}`,
      );
    }),

  'known-flags': ({ makeSlave, sentinel }) =>
    ours(makeSlave, sentinel).flatMap((container) => [
      ...givenFlags(container)
        .filter(({ name }) => !knownFlags.includes(name))
        .map(({ name }) => `${container.name}: there is no flag --${name}`),
      ...(container.env ?? [])
        .map(({ name }) => name)
        .filter((name) => !nodeVariables.includes(name) && name !== variableOfFlag(flagOfVariable(name)))
        .map((name) => `${container.name}: the variable ${name} is not a flag of ours`),
    ]),

  'flags-agree': ({ makeSlave, sentinel }) =>
    sharedFlags.flatMap((name) => {
      const [first, second] = ours(makeSlave, sentinel).map((container) => String(flagValue(container, name)));
      return when(first !== second, `--${name} is ${String(first)} for make-slave and ${String(second)} for sentinel`);
    }),

  identity: ({ makeSlave, sentinel }) =>
    ours(makeSlave, sentinel).flatMap((container) =>
      Object.entries(identity).flatMap(([flag, fieldPath]) => {
        const variable = (container.env ?? []).find(({ name }) => name === variableOfFlag(flag));
        return when(
          variable?.valueFrom?.fieldRef?.fieldPath !== fieldPath,
          `${container.name}: ${variableOfFlag(flag)} has to come from the field ${fieldPath}`,
        );
      }),
    ),

  ports: (set) => [
    ...portComplaints(set, 'redis', set.redis, flagValue(set.sentinel, 'redis-port') ?? defaults.redisPort),
    ...portComplaints(set, 'sentinel', set.sentinel, flagValue(set.sentinel, 'port') ?? defaults.port),
  ],

  'boot-fence': ({ makeSlave, redis }) => {
    const output = flagValue(makeSlave, 'output') ?? defaults.output;
    const [program, file, ...others] = [...(redis.command ?? []), ...(redis.args ?? [])];
    const written = mountOf(makeSlave, output);
    const read = mountOf(redis, output);
    const sameVolume = written?.name !== undefined && written.name === read?.name;
    return [
      ...when(!/(^|\/)(redis|valkey)-server$/.test(program ?? ''), 'redis: the command has to be redis-server'),
      ...when(file !== output, `redis: started from ${String(file)}, but make-slave writes ${output}`),
      ...others
        .filter((word) => renderedDirectives.includes(word.replace(/^--/, '')))
        .map((word) => `redis: ${word} on the command line overrides the rendered config`),
      ...when(!sameVolume, `make-slave and redis do not share the volume that ${output} lies in`),
      ...when(
        sameVolume && written.mountPath !== read.mountPath,
        `make-slave and redis mount the volume of ${output} at different places`,
      ),
      ...when(written?.readOnly === true, 'make-slave: cannot write its output, the mount is read-only'),
      ...when(read?.readOnly !== true, 'redis: the rendered config has to be mounted read-only'),
    ];
  },

  'base-config': (set) => {
    const file = flagValue(set.makeSlave, 'base-config');
    if (file === undefined) return [];
    const mounts = [set.makeSlave, set.redis].map((container) => mountOf(container, file));
    const [mount, same] = mounts;
    if (!mount || mount.name !== same?.name || mount.mountPath !== same.mountPath) {
      return [`make-slave and redis have to mount the volume of ${file} at the same place: redis includes it by path`];
    }
    const text = configMapFile(set, mount.name, file.slice(mount.mountPath.length).replace(/^\//, ''));
    if (text === undefined) return [`no ConfigMap has the file ${file}`];
    return text
      .split('\n')
      .map((line) => line.trim().split(/\s+/)[0]?.toLowerCase() ?? '')
      .filter((directive) => renderedDirectives.includes(directive))
      .map((directive) => `${file} sets ${directive}, which make-slave renders`);
  },

  'restricted-security': ({ pod, containers }) => [
    ...when(Boolean(pod.hostNetwork ?? pod.hostPID ?? pod.hostIPC), 'the pod shares namespaces of the host'),
    ...(pod.volumes ?? [])
      .filter((volume) => volume.hostPath !== undefined)
      .map(({ name }) => `the volume ${name} is a hostPath`),
    ...containers.flatMap((container) => {
      const own = container.securityContext;
      const shared = pod.securityContext;
      const seccomp = (own?.seccompProfile ?? shared?.seccompProfile)?.type;
      const added = (own?.capabilities?.add ?? []).filter((capability) => capability !== 'NET_BIND_SERVICE');
      const complaints = [
        ...when((own?.runAsNonRoot ?? shared?.runAsNonRoot) !== true, 'runAsNonRoot has to be true'),
        ...when((own?.runAsUser ?? shared?.runAsUser ?? 0) === 0, 'runAsUser has to be a user other than root'),
        ...when(seccomp !== 'RuntimeDefault' && seccomp !== 'Localhost', 'seccompProfile has to be RuntimeDefault'),
        ...when(own?.allowPrivilegeEscalation !== false, 'allowPrivilegeEscalation has to be false'),
        ...when(own?.privileged === true, 'privileged is not allowed'),
        ...when(own?.capabilities?.drop?.includes('ALL') !== true, 'all capabilities have to be dropped'),
        ...when(added.length > 0, `no capability may be added: ${added.join(', ')}`),
        ...when(own?.readOnlyRootFilesystem !== true, 'readOnlyRootFilesystem has to be true'),
      ];
      return complaints.map((complaint) => `${container.name}: ${complaint}`);
    }),
  ],

  'shared-files': ({ pod, makeSlave, redis }) => {
    const user = (container: IContainer): number | undefined =>
      container.securityContext?.runAsUser ?? pod.securityContext?.runAsUser;
    return when(
      pod.securityContext?.fsGroup === undefined && user(makeSlave) !== user(redis),
      'the rendered config (mode 0640) is readable for redis only with an fsGroup, or with the same user in both',
    );
  },

  probes: ({ containers, redis, sentinel }) => [
    ...containers.flatMap(probeComplaints),
    ...when(!sentinel.readinessProbe, 'sentinel: no readinessProbe'),
    ...when(!redis.readinessProbe, 'redis: no readinessProbe'),
    ...when(redis.livenessProbe !== undefined, 'redis: a livenessProbe kills a Redis that is loading or busy'),
  ],

  'parallel-start': ({ statefulSet }) =>
    when(
      statefulSet.spec?.podManagementPolicy !== 'Parallel',
      'podManagementPolicy has to be Parallel: the first pod cannot become master alone',
    ),

  'min-ready': ({ statefulSet, sentinel }) => {
    const muteMs = Number(flagValue(sentinel, 'lease-ms') ?? defaults.leaseMs) + guardMs;
    return when(
      (statefulSet.spec?.minReadySeconds ?? 0) * 1000 <= muteMs,
      `minReadySeconds has to be longer than the ${muteMs} ms in which a new sidecar does not vote`,
    );
  },

  'disruption-budget': ({ budgets, podLabels, replicas }) => {
    const own = budgets.filter(({ spec }) => selects(spec?.selector?.matchLabels, podLabels));
    if (own.length !== 1) return [`${own.length} PodDisruptionBudgets select the pods; it has to be one`];
    const { maxUnavailable, minAvailable } = own[0]?.spec ?? {};
    const leftCount =
      typeof maxUnavailable === 'number'
        ? replicas - maxUnavailable
        : typeof minAvailable === 'number'
          ? minAvailable
          : undefined;
    if (leftCount === undefined) return ['the PodDisruptionBudget needs a number of pods, not a percentage'];
    const quorum = Math.floor(replicas / 2) + 1;
    return [
      ...when(leftCount < quorum, `the PodDisruptionBudget leaves ${leftCount} pods, a quorum is ${quorum}`),
      ...when(leftCount >= replicas, 'the PodDisruptionBudget allows no disruption at all: no node could be drained'),
    ];
  },

  spread: ({ pod, podLabels }) =>
    when(
      !(pod.topologySpreadConstraints ?? []).some(
        ({ topologyKey, labelSelector }) =>
          topologyKey === 'kubernetes.io/hostname' && selects(labelSelector?.matchLabels, podLabels),
      ),
      'no topologySpreadConstraint spreads these pods over nodes (kubernetes.io/hostname)',
    ),

  'grace-period': ({ pod }) =>
    when(
      (pod.terminationGracePeriodSeconds ?? 0) <= redisShutdownSeconds,
      `terminationGracePeriodSeconds has to be given, and longer than ${redisShutdownSeconds}`,
    ),

  resources: ({ containers }) =>
    containers.flatMap(({ name, resources }) =>
      ['requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'].flatMap((entry) => {
        const [kind, resource] = entry.split('.') as ['requests' | 'limits', 'cpu' | 'memory'];
        return when(resources?.[kind]?.[resource] === undefined, `${name}: no resources.${entry}`);
      }),
    ),

  'no-service-links': ({ pod }) =>
    when(
      pod.enableServiceLinks !== false,
      'enableServiceLinks has to be false: a Service named sentinel-micro would set SENTINEL_MICRO_PORT',
    ),

  'no-token': ({ pod }) =>
    when(
      pod.serviceAccountName === undefined && pod.automountServiceAccountToken !== false,
      'automountServiceAccountToken has to be false: nothing here uses the Kubernetes API',
    ),

  images: ({ containers, makeSlave, sentinel }) => [
    ...containers
      .filter(({ image }) => ['latest', undefined].includes(splitImage(image ?? '').tag))
      .map(({ name, image }) => `${name}: the image ${String(image)} has no fixed tag`),
    ...when(
      splitImage(makeSlave.image ?? '').tag !== splitImage(sentinel.image ?? '').tag,
      'make-slave and sentinel are of different versions',
    ),
  ],
};

/** All complaints about these objects, each as `check: complaint`. The objects have to fit their schemas already. */
export function checkManifests(objects: readonly Manifest[]): string[] {
  const { sets, complaints } = findRedisSets(objects);
  return [
    ...complaints.map((complaint) => `parts: ${complaint}`),
    ...sets.flatMap((set) =>
      Object.entries(checks).flatMap(([name, check]) => check(set).map((complaint) => `${name}: ${complaint}`)),
    ),
  ];
}

function when(wrong: boolean, complaint: string): string[] {
  return wrong ? [complaint] : [];
}

function ours(makeSlave: IContainer, sentinel: IContainer): IContainer[] {
  return [makeSlave, sentinel];
}

/** DNS makes SRV records of the Service's named ports; what they lead to has to be the port that is listened on. */
function portComplaints({ service }: RedisSet, name: string, container: IContainer, port: string): string[] {
  const servicePort = service.spec?.ports?.find((candidate) => candidate.name === name);
  if (!servicePort) return [`the Service has no port named ${name}`];
  const target = servicePort.targetPort ?? servicePort.port;
  const containerPort = (container.ports ?? []).find(
    (candidate) => candidate.name === target || candidate.containerPort === target,
  );
  return [
    ...when(String(servicePort.port) !== port, `the Service's port ${name} is ${servicePort.port}, not ${port}`),
    ...when(!containerPort, `the Service's port ${name} leads to ${target}, which ${container.name} does not have`),
    ...when(
      containerPort !== undefined && String(containerPort.containerPort) !== port,
      `${container.name}: the port ${target} is ${String(containerPort?.containerPort)}, not ${port}`,
    ),
  ];
}

/** A probe asks its own container and nobody else. Otherwise pods wait for each other, and a start never ends. */
function probeComplaints(container: IContainer): string[] {
  const { startupProbe, readinessProbe, livenessProbe } = container;
  return Object.entries({ startupProbe, readinessProbe, livenessProbe }).flatMap(([name, probe]) => {
    if (!probe) return [];
    const action = probe.tcpSocket ?? probe.httpGet;
    const port = action?.port;
    const own = (container.ports ?? []).some((one) => one.name === port || one.containerPort === port);
    return [
      ...when(probe.exec !== undefined, `${container.name}: ${name} must not start a process (exec)`),
      ...when(action?.host !== undefined, `${container.name}: ${name} asks another host`),
      ...when(action !== undefined && !own, `${container.name}: ${name} asks port ${String(port)}, not one of its own`),
    ];
  });
}

function configMapFile({ pod, configMaps }: RedisSet, volumeName: string, file: string): string | undefined {
  const volume = (pod.volumes ?? []).find(({ name }) => name === volumeName);
  const configMap = configMaps.find(({ metadata }) => metadata?.name === volume?.configMap?.name);
  return configMap?.data?.[file];
}

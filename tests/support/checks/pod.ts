import path from 'node:path';
import { imageNodeFlags } from '@sentinel-micro/testkit';
import type { IContainer } from 'kubernetes-models/v1/Container';
import { type RedisSet, splitImage } from '../redis-set.ts';
import { type Checks, when } from './complaints.ts';

/** The volumes that the restricted Pod Security Standard allows. */
const allowedVolumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** Of a sidecar with a full heap: Node itself, what its port has in its hands, and a `sentinel handover` beside it. */
const besideHeapMib = 48 + 16 + 60;

/** As the image limits the heap: the old space, and a new space of three parts. */
function leastSentinelMib(): number {
  const flagMib = (name: string): number =>
    Number(
      imageNodeFlags('sentinel')
        .find((flag) => flag.startsWith(`--${name}=`))
        ?.split('=')[1],
    );
  return flagMib('max-old-space-size') + 3 * flagMib('max-semi-space-size') + besideHeapMib;
}

/** Infinite where there is none. */
function memoryLimitMib({ resources }: IContainer): number {
  const limit = resources?.limits?.['memory'];
  return limit === undefined ? Infinity : Number(/^(\d+)Mi$/.exec(String(limit))?.[1] ?? 0);
}

/** What the pod may, and what it gets. */
export const podChecks: Checks = {
  'restricted-security': (set) => [
    ...when(
      Boolean(set.pod.hostNetwork ?? set.pod.hostPID ?? set.pod.hostIPC),
      'the pod shares namespaces of the host',
    ),
    ...(set.pod.volumes ?? []).flatMap(({ name, ...source }) =>
      Object.keys(source)
        .filter((kind) => !allowedVolumes.includes(kind))
        .map((kind) => `the volume ${name} is a ${kind}`),
    ),
    ...set.containers.flatMap((container) =>
      securityComplaints(set, container).map((complaint) => `${container.name}: ${complaint}`),
    ),
  ],

  resources: ({ containers, sentinel }) => [
    ...containers.flatMap(({ name, resources }) =>
      ['requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'].flatMap((entry) => {
        const [kind, resource] = entry.split('.') as ['requests' | 'limits', 'cpu' | 'memory'];
        return when(resources?.[kind]?.[resource] === undefined, `${name}: no resources.${entry}`);
      }),
    ),
    ...when(
      memoryLimitMib(sentinel) < leastSentinelMib(),
      `sentinel: resources.limits.memory is less than the ${leastSentinelMib()}Mi that a full heap and \`handover\` take`,
    ),
  ],

  'no-service-links': ({ pod }) =>
    when(
      pod.enableServiceLinks !== false,
      'enableServiceLinks has to be false: a Service named sentinel-micro would set SENTINEL_MICRO_PORT',
    ),

  images: ({ containers, makeSlave, redis, sentinel }) => [
    ...containers
      .filter(({ image }) => ['latest', undefined].includes(splitImage(image ?? '').tag))
      .map(({ name, image }) => `${name}: the image ${String(image)} has no fixed tag`),
    ...when(
      splitImage(makeSlave.image ?? '').tag !== splitImage(sentinel.image ?? '').tag,
      'make-slave and sentinel are of different versions',
    ),
    ...[makeSlave, sentinel].flatMap(({ name, image }) =>
      when(programOf(image) !== name, `${name}: the image ${String(image)} is not one of ${name}`),
    ),
    ...when(
      programOf(redis.image) !== path.basename(redis.command?.[0] ?? '').replace(/-server$/, ''),
      `redis: the image ${String(redis.image)} does not have ${String(redis.command?.[0])}`,
    ),
  ],
};

const programOf = (image = ''): string => path.basename(splitImage(image).name);

function securityComplaints({ pod }: RedisSet, container: IContainer): string[] {
  const own = container.securityContext;
  const shared = pod.securityContext;
  const seccomp = (own?.seccompProfile ?? shared?.seccompProfile)?.type;
  const added = (own?.capabilities?.add ?? []).filter((capability) => capability !== 'NET_BIND_SERVICE');
  return [
    ...when((own?.runAsNonRoot ?? shared?.runAsNonRoot) !== true, 'runAsNonRoot has to be true'),
    ...when((own?.runAsUser ?? shared?.runAsUser ?? 0) === 0, 'runAsUser has to be a user other than root'),
    ...when(seccomp !== 'RuntimeDefault' && seccomp !== 'Localhost', 'seccompProfile has to be RuntimeDefault'),
    ...when(own?.allowPrivilegeEscalation !== false, 'allowPrivilegeEscalation has to be false'),
    ...when(own?.privileged === true, 'privileged is not allowed'),
    ...when(own?.capabilities?.drop?.includes('ALL') !== true, 'all capabilities have to be dropped'),
    ...when(added.length > 0, `no capability may be added: ${added.join(', ')}`),
    ...when((own?.procMount ?? 'Default') !== 'Default', 'procMount has to be Default'),
    ...when(
      (container.ports ?? []).some(({ hostPort }) => hostPort !== undefined),
      'no hostPort',
    ),
    ...when(own?.readOnlyRootFilesystem !== true, 'readOnlyRootFilesystem has to be true'),
  ];
}

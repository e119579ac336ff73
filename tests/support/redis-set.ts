import type { IStatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import type { IRole } from 'kubernetes-models/rbac.authorization.k8s.io/v1/Role';
import type { IRoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1/RoleBinding';
import type { IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import type { ISecret } from 'kubernetes-models/v1/Secret';
import type { IService } from 'kubernetes-models/v1/Service';
import type { IServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import type { IVolumeMount } from 'kubernetes-models/v1/VolumeMount';
import type { Manifest } from './kubernetes-schemas.ts';

export type Labels = Readonly<Record<string, string>>;

/** One StatefulSet with what belongs to it: the thing that sentinel-micro protects. */
export interface RedisSet {
  readonly statefulSet: IStatefulSet;
  readonly replicas: number;
  readonly podLabels: Labels;
  readonly pod: IPodSpec;
  /** The Service that gives the pods their names. */
  readonly service: IService;
  /** Services beside that one. */
  readonly otherServices: readonly IService[];
  readonly makeSlave: IContainer;
  readonly redis: IContainer;
  readonly sentinel: IContainer;
  /** The sidecar stands among the init containers: the kubelet starts it before Redis, and ends it after. */
  readonly isNative: boolean;
  /** Of both kinds. */
  readonly containers: readonly IContainer[];
  readonly budgets: readonly IPodDisruptionBudget[];
  readonly networkPolicies: readonly INetworkPolicy[];
  readonly configMaps: readonly IConfigMap[];
  readonly secrets: readonly ISecret[];
  readonly serviceAccounts: readonly IServiceAccount[];
  readonly roles: readonly IRole[];
  readonly roleBindings: readonly IRoleBinding[];
}

/** The parts of each StatefulSet, or which of them are missing. */
export function findRedisSets(objects: readonly Manifest[]): { sets: RedisSet[]; complaints: string[] } {
  const statefulSets = objects.filter((object): object is IStatefulSet => object.kind === 'StatefulSet');
  if (statefulSets.length === 0) return { sets: [], complaints: ['no StatefulSet'] };

  const sets: RedisSet[] = [];
  const complaints: string[] = [];
  for (const statefulSet of statefulSets) {
    const found = findParts(statefulSet, objects);
    if (Array.isArray(found)) complaints.push(...found);
    else sets.push(found);
  }
  return { sets, complaints };
}

function findParts(statefulSet: IStatefulSet, objects: readonly Manifest[]): RedisSet | string[] {
  const spec = statefulSet.spec;
  const pod = spec?.template.spec;
  const initContainers = pod?.initContainers ?? [];
  const containers = [...initContainers, ...(pod?.containers ?? [])];
  const serviceName = spec?.serviceName;
  const service = objects.find(
    (object): object is IService => object.kind === 'Service' && object.metadata?.name === serviceName,
  );
  const makeSlave = initContainers.find(({ name }) => name === 'make-slave');
  const redis = pod?.containers.find(({ name }) => name === 'redis');
  // As a native sidecar it stands among the init containers.
  const sentinel = containers.find(({ name }) => name === 'sentinel');

  if (!spec || !pod || !service || !makeSlave || !redis || !sentinel) {
    return [
      ...(service ? [] : [`spec.serviceName ${String(serviceName)} names no Service`]),
      ...(makeSlave ? [] : ['no init container make-slave']),
      ...(redis ? [] : ['no container redis']),
      ...(sentinel ? [] : ['no container sentinel']),
    ];
  }
  return {
    statefulSet,
    replicas: spec.replicas ?? 1,
    podLabels: spec.template.metadata?.labels ?? {},
    pod,
    service,
    otherServices: objects.filter((object): object is IService => object.kind === 'Service' && object !== service),
    makeSlave,
    redis,
    sentinel,
    isNative: initContainers.includes(sentinel),
    containers,
    budgets: objects.filter((object): object is IPodDisruptionBudget => object.kind === 'PodDisruptionBudget'),
    networkPolicies: objects.filter((object): object is INetworkPolicy => object.kind === 'NetworkPolicy'),
    configMaps: objects.filter((object): object is IConfigMap => object.kind === 'ConfigMap'),
    secrets: objects.filter((object): object is ISecret => object.kind === 'Secret'),
    serviceAccounts: objects.filter((object): object is IServiceAccount => object.kind === 'ServiceAccount'),
    roles: objects.filter((object): object is IRole => object.kind === 'Role'),
    roleBindings: objects.filter((object): object is IRoleBinding => object.kind === 'RoleBinding'),
  };
}

interface Flag {
  readonly name: string;
  readonly value: string | undefined;
}

const environmentPrefix = 'SENTINEL_MICRO_';

/** The flags a container is given, by its arguments and by its environment. Arguments come first, because they win. */
export function givenFlags(container: IContainer): Flag[] {
  const words = [...(container.command ?? []), ...(container.args ?? [])];
  const fromArguments = words.flatMap((word, index): Flag[] => {
    const match = /^--([^=]+)(?:=(.*))?$/.exec(word);
    if (!match?.[1]) return [];
    return [{ name: match[1], value: match[2] ?? words[index + 1] }];
  });
  const fromEnvironment = (container.env ?? [])
    .filter(({ name }) => name.startsWith(environmentPrefix))
    .map(({ name, value }): Flag => ({ name: flagOfVariable(name), value }));
  return [...fromArguments, ...fromEnvironment];
}

/** SENTINEL_MICRO_POD_NAME is --pod-name. */
export function flagOfVariable(variable: string): string {
  return variable.slice(environmentPrefix.length).toLowerCase().replaceAll('_', '-');
}

export function variableOfFlag(flag: string): string {
  return `${environmentPrefix}${flag.toUpperCase().replaceAll('-', '_')}`;
}

export function flagValue(container: IContainer, name: string): string | undefined {
  return givenFlags(container).find((flag) => flag.name === name)?.value;
}

/** The mount that a path inside the container lies in. */
export function mountOf(container: IContainer, file: string): IVolumeMount | undefined {
  return (container.volumeMounts ?? [])
    .filter(({ mountPath }) => file.startsWith(mountPath.endsWith('/') ? mountPath : `${mountPath}/`))
    .sort((a, b) => b.mountPath.length - a.mountPath.length)[0];
}

export function selects(selector: Labels | undefined, labels: Labels): boolean {
  const wanted = Object.entries(selector ?? {});
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}

/** A colon before the last slash belongs to a registry's port. */
export function splitImage(image: string): { name: string; tag: string | undefined } {
  const colon = image.indexOf(':', image.lastIndexOf('/') + 1);
  return colon === -1 ? { name: image, tag: undefined } : { name: image.slice(0, colon), tag: image.slice(colon + 1) };
}

import type { IPolicyRule } from 'kubernetes-models/rbac.authorization.k8s.io/v1/PolicyRule';
import { flagOf } from './program-flags.ts';
import { flagValue, type RedisSet } from './redis-set.ts';

/** One thing that may be done: `get pods redis-0`, `update leases.coordination.k8s.io redis`; `*` in place of a name means any. */
export interface Grant {
  readonly verb: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly resource: string;
  readonly name: string;
}

interface Use {
  readonly isOn: (set: RedisSet) => boolean;
  readonly grants: (set: RedisSet) => readonly Grant[];
}

const podNames = ({ statefulSet, replicas }: RedisSet): string[] =>
  Array.from({ length: replicas }, (_, ordinal) => `${String(statefulSet.metadata?.name)}-${ordinal}`);

const statefulSetName = ({ sentinel, statefulSet }: RedisSet): string =>
  String(flagOf(sentinel, 'statefulset') ?? statefulSet.metadata?.name);

/** The sidecar's own default follows from the StatefulSet. */
const leaseName = (set: RedisSet): string => flagOf(set.sentinel, 'lease-name') ?? `${statefulSetName(set)}-master`;

const allOf = (verbs: readonly string[], group: string, resource: string, names: readonly string[]): Grant[] =>
  verbs.flatMap((verb) => names.map((name) => ({ verb, group, resource, name })));

/** What the sidecar does with the Kubernetes API, by the flag that has it do so. README.md of the examples has the same table. */
const uses: Readonly<Record<string, Use>> = {
  'role-labels': {
    isOn: ({ sentinel }) => flagValue(sentinel, 'role-labels') === 'true',
    grants: (set) => allOf(['get', 'patch'], '', 'pods', podNames(set)),
  },
  'lease-store': {
    isOn: hasKubernetesLease,
    grants: (set) => [
      ...allOf(['get', 'update'], 'coordination.k8s.io', 'leases', [leaseName(set)]),
      ...allOf(['create'], 'coordination.k8s.io', 'leases', ['*']),
    ],
  },
  'kube-events': {
    isOn: ({ sentinel }) => flagValue(sentinel, 'kube-events') === 'true',
    grants: (set) => [...allOf(['create', 'patch'], '', 'events', ['*']), ...allOf(['get'], '', 'pods', podNames(set))],
  },
  replicas: {
    isOn: takesReplicasFromStatefulSet,
    grants: (set) => allOf(['get', 'list', 'watch'], 'apps', 'statefulsets', [statefulSetName(set)]),
  },
};

/** The lease is in Kubernetes: one pod can have it, without a majority. */
export function hasKubernetesLease({ sentinel }: RedisSet): boolean {
  return flagValue(sentinel, 'lease-store') === 'kubernetes';
}

export function takesReplicasFromStatefulSet({ sentinel }: RedisSet): boolean {
  return flagValue(sentinel, 'replicas') === 'from-statefulset';
}

/** Everything that the sidecar has to be allowed, some of it twice; nothing, when none of its flags has it use the API. */
export function neededGrants(set: RedisSet): Grant[] {
  return Object.values(uses).flatMap((use) => (use.isOn(set) ? use.grants(set) : []));
}

/** Everything that the Roles bound to the pods' account allow. */
export function givenGrants({ pod, roles, roleBindings }: RedisSet): Grant[] {
  const bound = roleBindings
    .filter(({ subjects = [] }) =>
      subjects.some(({ kind, name }) => kind === 'ServiceAccount' && name === pod.serviceAccountName),
    )
    .map(({ roleRef }) => roleRef.name);
  return grantsOf(
    roles.filter(({ metadata }) => bound.includes(String(metadata?.name))).flatMap((role) => role.rules ?? []),
  );
}

export function grantsOf(rules: readonly IPolicyRule[]): Grant[] {
  return rules.flatMap(({ verbs, apiGroups = [], resources = [], resourceNames = ['*'] }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => allOf(verbs, group, resource, resourceNames))),
  );
}

export function describeGrant({ verb, group, resource, name }: Grant): string {
  return `${verb} ${resource}${group === '' ? '' : `.${group}`} ${name}`;
}

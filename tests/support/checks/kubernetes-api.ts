import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IVolume } from 'kubernetes-models/v1/Volume';
import { describeGrant, givenGrants, type Grant, neededGrants, takesReplicasFromStatefulSet } from '../permissions.ts';
import { flagValue, mountOf, type RedisSet, selects } from '../redis-set.ts';
import { type Checks, when } from './complaints.ts';

const tokenFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
const roleLabel = 'sentinel-micro.io/role';

/** What the sidecar may do with the Kubernetes API, and how it gets there. Without a flag that needs it: nothing. */
export const kubernetesApiChecks: Checks = {
  permissions: (set) => {
    const given = new Set(givenGrants(set).map(describeGrant));
    const needed = new Set(neededGrants(set).map(describeGrant));
    return [
      ...[...needed].filter((grant) => !given.has(grant)).map((grant) => `the sidecar may not ${grant}`),
      ...givenGrants(set)
        .filter((grant) => !needed.has(describeGrant(grant)) && !isOfPodToCome(set, grant))
        .map((grant) => `nothing here needs to ${describeGrant(grant)}`),
      ...unboundComplaints(set),
    ];
  },

  'service-account': (set) => {
    const { pod, roleBindings, serviceAccounts } = set;
    if (neededGrants(set).length === 0) {
      return when(pod.serviceAccountName !== undefined, 'no serviceAccountName: nothing here uses the Kubernetes API');
    }
    const account = serviceAccounts.find(({ metadata }) => metadata?.name === pod.serviceAccountName);
    return [
      ...when(!account, `there is no ServiceAccount ${String(pod.serviceAccountName)} of this set's own`),
      ...roleBindings.flatMap(({ metadata, subjects = [], roleRef }) => [
        // Without a namespace it is the RoleBinding's, wherever that is applied.
        ...subjects
          .filter(({ namespace }) => namespace !== undefined && namespace !== metadata?.namespace)
          .map(({ namespace }) => `${String(metadata?.name)}: may be bound to an account of ${String(namespace)}`),
        ...when(roleRef.kind !== 'Role', `${String(metadata?.name)}: binds a ${roleRef.kind}`),
      ]),
    ];
  },

  token: (set) => {
    const { pod, serviceAccounts, containers } = set;
    const holders = containers.filter((container) => tokenVolumeOf(set, container) !== undefined);
    const isNeeded = neededGrants(set).length > 0;
    return [
      ...when(
        pod.automountServiceAccountToken !== false,
        'automountServiceAccountToken has to be false: it gives the token to all containers, Redis among them',
      ),
      ...when(
        serviceAccounts.some(({ automountServiceAccountToken }) => automountServiceAccountToken !== false),
        'the ServiceAccount has to say automountServiceAccountToken: false, too',
      ),
      ...holders
        .filter((container) => !isNeeded || container !== set.sentinel)
        .map(({ name }) => `${name}: has a token for the Kubernetes API and does not use it`),
      ...(isNeeded ? sidecarTokenComplaints(set) : []),
    ];
  },

  'role-services': (set) =>
    set.otherServices
      .filter(({ spec }) => selects(withoutRole(spec?.selector), set.podLabels))
      .flatMap(({ metadata, spec }) => {
        const role = spec?.selector?.[roleLabel];
        const name = String(metadata?.name);
        const redis = spec?.ports?.find((port) => port.name === 'redis');
        return [
          ...when(role === undefined, `${name}: leads to the master and to replicas`),
          ...when(
            role !== undefined && role !== 'master' && role !== 'replica',
            `${name}: no pod has ever the role ${String(role)}`,
          ),
          ...when(
            role !== undefined && flagValue(set.sentinel, 'role-labels') !== 'true',
            `${name}: finds nobody, for no pod has a role without --role-labels`,
          ),
          ...when(
            spec?.publishNotReadyAddresses === true,
            `${name}: leads to pods that are not ready (publishNotReadyAddresses)`,
          ),
          ...when(
            (redis?.targetPort ?? redis?.port) !== Number(flagValue(set.sentinel, 'redis-port') ?? 6379),
            `${name}: does not lead to Redis's port`,
          ),
        ];
      }),
};

/** A set that is to grow without a restart names the pods that it may have one day. */
function isOfPodToCome(set: RedisSet, { verb, group, resource, name }: Grant): boolean {
  if (!takesReplicasFromStatefulSet(set) || resource !== 'pods') return false;
  const prefix = `${String(set.statefulSet.metadata?.name)}-`;
  const isPod = name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length));
  const alike = (grant: Grant): boolean =>
    grant.verb === verb && grant.group === group && grant.resource === resource && grant.name === `${prefix}0`;
  return isPod && neededGrants(set).some(alike);
}

function unboundComplaints({ roles, roleBindings }: RedisSet): string[] {
  const bound = roleBindings.map(({ roleRef }) => roleRef.name);
  const known = roles.map(({ metadata }) => String(metadata?.name));
  return [
    ...known.filter((name) => !bound.includes(name)).map((name) => `the Role ${name} is bound to nobody`),
    ...bound.filter((name) => !known.includes(name)).map((name) => `there is no Role ${name}`),
  ];
}

const withoutRole = (selector: Readonly<Record<string, string>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(selector).filter(([key]) => key !== roleLabel));

/** The volume with a token that the container mounts. */
function tokenVolumeOf({ pod }: RedisSet, container: IContainer): IVolume | undefined {
  const mounted = (container.volumeMounts ?? []).map(({ name }) => name);
  return (pod.volumes ?? []).find(
    ({ name, projected }) =>
      mounted.includes(name) && (projected?.sources ?? []).some((source) => source.serviceAccountToken !== undefined),
  );
}

function sidecarTokenComplaints(set: RedisSet): string[] {
  const volume = tokenVolumeOf(set, set.sentinel);
  if (volume === undefined) return ['sentinel: no token for the Kubernetes API is mounted'];
  const mount = mountOf(set.sentinel, `${tokenFolder}/token`);
  const files = (volume.projected?.sources ?? []).flatMap(({ serviceAccountToken, configMap, downwardAPI }) => [
    serviceAccountToken?.path,
    ...(configMap?.items ?? []).map(({ path }) => path),
    ...(downwardAPI?.items ?? []).map(({ path }) => path),
  ]);
  return [
    ...when(mount?.name !== volume.name, `sentinel: looks for its token in ${tokenFolder}`),
    ...when(mount?.readOnly !== true, 'sentinel: the token has to be mounted read-only'),
    ...['token', 'ca.crt', 'namespace']
      .filter((file) => !files.includes(file))
      .map((file) => `sentinel: no ${file} beside its token`),
  ];
}

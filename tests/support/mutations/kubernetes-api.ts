import type { RedisSet } from '../redis-set.ts';
import { dropVariable, type Mutations, setVariable } from './mutation.ts';

const firstRule = ({ roles }: RedisSet): NonNullable<RedisSet['roles'][number]['rules']>[number] =>
  roles[0]!.rules![0]!;
const tokenVolume = ({ pod }: RedisSet): NonNullable<RedisSet['pod']['volumes']>[number] =>
  pod.volumes!.find(({ projected }) => projected !== undefined)!;

export const kubernetesApiMutations: Mutations = {
  permissions: [
    [
      'a verb too much',
      (set) => firstRule(set).verbs.push('delete'),
      'nothing here needs to delete pods redis-0',
      'role-labels',
    ],
    [
      'a verb too few',
      (set) => (firstRule(set).verbs = ['get']),
      'the sidecar may not patch pods redis-2',
      'role-labels',
    ],
    [
      'all pods of the namespace',
      (set) => delete firstRule(set).resourceNames,
      'nothing here needs to patch pods *',
      'role-labels',
    ],
    [
      'a pod forgotten',
      (set) => firstRule(set).resourceNames!.pop(),
      'the sidecar may not get pods redis-2',
      'role-labels',
    ],
    [
      "another set's pod",
      (set) => firstRule(set).resourceNames!.push('cache-0'),
      'nothing here needs to patch pods cache-0',
      'role-labels',
    ],
    [
      'a pod that there is not',
      (set) => firstRule(set).resourceNames!.push('redis-3'),
      'nothing here needs to patch pods redis-3',
      'role-labels',
    ],
    [
      'another resource, too',
      (set) => firstRule(set).resources!.push('secrets'),
      'nothing here needs to get secrets redis-0',
      'role-labels',
    ],
    [
      'everything',
      (set) => Object.assign(firstRule(set), { verbs: ['*'], resources: ['*'] }),
      'nothing here needs to * * redis-0',
      'role-labels',
    ],
    [
      'the API group forgotten',
      (set) => (firstRule(set).apiGroups = ['']),
      'the sidecar may not get leases.coordination.k8s.io redis-master',
      'kubernetes-lease',
    ],
    [
      'another name for the Lease',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_LEASE_NAME', 'cache'),
      'the sidecar may not update leases.coordination.k8s.io cache',
      'kubernetes-lease',
    ],
    [
      'a Lease that can not be made',
      ({ roles }) => roles[0]!.rules!.pop(),
      'the sidecar may not create leases.coordination.k8s.io *',
      'kubernetes-lease',
    ],
    [
      'permissions that no flag uses any more',
      ({ sentinel }) => dropVariable(sentinel, 'SENTINEL_MICRO_ROLE_LABELS'),
      'nothing here needs to get pods redis-0',
      'role-labels',
    ],
    [
      'a flag without its permissions',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_KUBE_EVENTS', 'true'),
      'the sidecar may not create events *',
      'role-labels',
    ],
    [
      'a flag of the base',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_REPLICAS', 'from-statefulset'),
      'the sidecar may not watch statefulsets.apps redis',
    ],
    [
      'bound to somebody else',
      ({ roleBindings }) => (roleBindings[0]!.subjects![0]!.name = 'default'),
      'the sidecar may not get pods redis-0',
      'role-labels',
    ],
    [
      'bound to a Role that is not there',
      ({ roleBindings }) => (roleBindings[0]!.roleRef.name = 'redis'),
      'there is no Role redis',
      'role-labels',
    ],
    [
      'a Role that is bound to nobody',
      ({ roleBindings }) => (roleBindings[0]!.roleRef.name = 'redis'),
      'the Role redis-role-labels is bound to nobody',
      'role-labels',
    ],
  ],
  'service-account': [
    ['an account that nothing needs', ({ pod }) => (pod.serviceAccountName = 'redis'), 'no serviceAccountName'],
    [
      'the account of everybody',
      ({ pod }) => delete pod.serviceAccountName,
      'there is no ServiceAccount undefined of this set',
      'role-labels',
    ],
    [
      'an account of another namespace',
      ({ roleBindings }) => (roleBindings[0]!.subjects![0]!.namespace = 'default'),
      'redis-role-labels: may be bound to an account of default',
      'role-labels',
    ],
    [
      'a Role of the whole cluster',
      ({ roleBindings }) => (roleBindings[0]!.roleRef.kind = 'ClusterRole'),
      'redis-role-labels: binds a ClusterRole',
      'role-labels',
    ],
  ],
  token: [
    [
      'a token for all containers',
      ({ pod }) => (pod.automountServiceAccountToken = true),
      'it gives the token to all containers',
      'role-labels',
    ],
    ['a token for nothing', ({ pod }) => delete pod.automountServiceAccountToken, 'automountServiceAccountToken'],
    [
      'a token for other pods of the account',
      ({ serviceAccounts }) => delete serviceAccounts[0]!.automountServiceAccountToken,
      'the ServiceAccount has to say automountServiceAccountToken: false',
      'role-labels',
    ],
    [
      'a token for Redis',
      ({ redis, sentinel }) =>
        redis.volumeMounts!.push(...sentinel.volumeMounts!.filter(({ name }) => name === 'kubernetes-api')),
      'redis: has a token for the Kubernetes API and does not use it',
      'role-labels',
    ],
    [
      'a token that the sidecar does not get',
      ({ sentinel }) =>
        (sentinel.volumeMounts = sentinel.volumeMounts!.filter(({ name }) => name !== 'kubernetes-api')),
      'sentinel: no token for the Kubernetes API is mounted',
      'role-labels',
    ],
    [
      'a token where nobody looks',
      ({ sentinel }) => (sentinel.volumeMounts!.find(({ name }) => name === 'kubernetes-api')!.mountPath = '/token'),
      'sentinel: looks for its token in /var/run/secrets/kubernetes.io/serviceaccount',
      'role-labels',
    ],
    [
      'a token that can be written',
      ({ sentinel }) => delete sentinel.volumeMounts!.find(({ name }) => name === 'kubernetes-api')!.readOnly,
      'sentinel: the token has to be mounted read-only',
      'role-labels',
    ],
    [
      'a server that can not be known',
      (set) => tokenVolume(set).projected!.sources!.splice(1, 1),
      'sentinel: no ca.crt beside its token',
      'role-labels',
    ],
  ],
  'role-services': [
    [
      'a Service that leads to two roles',
      ({ otherServices }) => delete otherServices[0]!.spec!.selector!['sentinel-micro.io/role'],
      'redis-master: leads to the master and to replicas',
      'role-labels',
    ],
    [
      'a role that there is not',
      ({ otherServices }) => (otherServices[0]!.spec!.selector!['sentinel-micro.io/role'] = 'primary'),
      'redis-master: no pod has ever the role primary',
      'role-labels',
    ],
    [
      'labels that nobody writes',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_ROLE_LABELS', 'false'),
      'redis-replica: finds nobody',
      'role-labels',
    ],
    [
      'a master that is not ready',
      ({ otherServices }) => (otherServices[0]!.spec!.publishNotReadyAddresses = true),
      'redis-master: leads to pods that are not ready',
      'role-labels',
    ],
    [
      'another port',
      ({ otherServices }) => (otherServices[1]!.spec!.ports![0]!.targetPort = 6380),
      "redis-replica: does not lead to Redis's port",
      'role-labels',
    ],
  ],
};

import type { Mutations } from './mutation.ts';

export const podMutations: Mutations = {
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
    ['a port of the node', ({ redis }) => (redis.ports![0]!.hostPort = 6379), 'redis: no hostPort'],
  ],
  resources: [
    ['no limit', ({ redis }) => delete redis.resources!.limits!['memory'], 'no resources.limits.memory'],
    ['no resources', ({ sentinel }) => delete sentinel.resources, 'sentinel: no resources.requests.cpu'],
    [
      'less memory than the heap may take',
      ({ sentinel }) => (sentinel.resources!.limits!['memory'] = '128Mi'),
      'sentinel: resources.limits.memory is less than the 191Mi',
    ],
  ],
  'no-service-links': [['Service links', ({ pod }) => delete pod.enableServiceLinks, 'enableServiceLinks']],
  images: [
    ['an image without tag', ({ redis }) => (redis.image = 'redis'), 'the image redis has no fixed tag'],
    ['a moving tag', ({ redis }) => (redis.image = 'localhost:5000/redis:latest'), 'has no fixed tag'],
    ['half an upgrade', ({ sentinel }) => (sentinel.image = 'sentinel-micro/sentinel:99.0.0'), 'different versions'],
    [
      'another image',
      ({ makeSlave, sentinel }) => (makeSlave.image = sentinel.image!),
      'make-slave: the image sentinel-micro/sentinel:0.0.0 is not one of make-slave',
    ],
    [
      'a program that the image does not have',
      ({ redis }) => (redis.image = 'valkey/valkey:8.1'),
      'redis: the image valkey/valkey:8.1 does not have redis-server',
    ],
  ],
};

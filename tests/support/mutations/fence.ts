import { dropVariable, type Mutations, setVariable } from './mutation.ts';

export const fenceMutations: Mutations = {
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
  'rendered-config': [
    [
      'a sidecar that looks at another file',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_RENDERED_CONFIG', '/redis-config/other.conf'),
      '--rendered-config is /redis-config/other.conf, but make-slave writes /redis-config/redis.conf',
    ],
    [
      'a sidecar without the volume',
      ({ sentinel }) => delete sentinel.volumeMounts,
      'sentinel: does not mount the volume of /redis-config/redis.conf',
    ],
    [
      'a sidecar that may not write',
      ({ sentinel }) => (sentinel.volumeMounts![0]!.readOnly = true),
      'sentinel: the volume of /redis-config/redis.conf has to be writable',
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
      'no ConfigMap and no Secret has the file /redis-base/redis.conf',
    ],
    [
      "a master in the user's own config",
      ({ configMaps }) => (configMaps[0]!.data!['redis.conf'] = 'dir /data\nreplicaof redis-0.redis 6379\n'),
      '/redis-base/redis.conf sets replicaof, which make-slave renders',
    ],
    [
      'an old word for a master',
      ({ configMaps }) => (configMaps[0]!.data!['redis.conf'] = 'dir /data\nslaveof redis-0.redis 6379\n'),
      '/redis-base/redis.conf sets replicaof, which make-slave renders',
    ],
    [
      'a file of the Secret that is not there',
      ({ secrets }) => delete secrets[0]!.stringData!['redis.conf'],
      'no ConfigMap and no Secret has the file /redis-auth/redis.conf',
      'password',
    ],
  ],
  'data-folder': [
    [
      'data in the root file system',
      ({ redis }) => (redis.volumeMounts = redis.volumeMounts!.filter(({ mountPath }) => mountPath !== '/data')),
      'redis: /data is on no volume',
    ],
    [
      'a config that does not say where',
      ({ configMaps }) => (configMaps[0]!.data!['redis.conf'] = 'maxmemory 1gb\n'),
      'no config says where Redis keeps its data',
    ],
    [
      'an append-only file in an emptyDir',
      ({ configMaps }) => (configMaps[0]!.data!['with-persistence.conf'] = 'appendonly yes\n'),
      'does not survive the pod',
    ],
    [
      'the emptyDir forgotten',
      ({ pod }) => pod.volumes!.push({ name: 'data', emptyDir: {} }),
      'the volume data is there twice',
      'persistence',
    ],
    [
      'data that can not be written',
      ({ redis }) => (redis.volumeMounts!.find(({ name }) => name === 'data')!.readOnly = true),
      'redis: /data is mounted read-only',
    ],
  ],
  password: [
    [
      'a Redis without a password',
      ({ configMaps }) => delete configMaps[0]!.data!['with-password.conf'],
      'no config sets requirepass',
      'password',
    ],
    [
      'a password that our programs do not have',
      ({ makeSlave, sentinel }) =>
        [makeSlave, sentinel].forEach((container) => dropVariable(container, 'SENTINEL_MICRO_REDIS_PASSWORD_FILE')),
      'our programs have no --redis-password-file',
      'password',
    ],
    [
      'changed in one place',
      ({ secrets }) => (secrets[0]!.stringData!['password'] = 'another'),
      'sentinel: /redis-auth/password is not what requirepass is',
      'password',
    ],
    [
      'a Secret that is not mounted',
      ({ sentinel }) => (sentinel.volumeMounts = sentinel.volumeMounts!.filter(({ name }) => name !== 'auth')),
      'sentinel: no Secret has the file /redis-auth/password',
      'password',
    ],
  ],
  'shared-files': [
    [
      'a config that redis cannot read',
      ({ pod, makeSlave }) => {
        delete pod.securityContext!.fsGroup;
        makeSlave.securityContext!.runAsUser = 1000;
      },
      'only with an fsGroup, or with the same user',
    ],
  ],
  'kill-hung': [
    [
      'no shared process namespace',
      ({ pod }) => delete pod.shareProcessNamespace,
      '--kill-hung needs shareProcessNamespace',
      'kill-hung',
    ],
    [
      'another user',
      ({ sentinel }) => (sentinel.securityContext!.runAsUser = 1000),
      '--kill-hung needs the same runAsUser',
      'kill-hung',
    ],
  ],
};

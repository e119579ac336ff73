import { dropVariable, type Mutations, setVariable } from './mutation.ts';

export const flagMutations: Mutations = {
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
      'a number for one, the StatefulSet for the other',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_REPLICAS', 'from-statefulset'),
      'make-slave: --replicas is 3',
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
  'flags-accepted': [
    [
      'a value that is none of the choices',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_DURABILITY', 'none'),
      'sentinel: --durability is "none"; it must be one of available, strict',
    ],
    [
      'a heartbeat that does not fit the lease',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_HEARTBEAT_MS', '1500'),
      'sentinel: --heartbeat-ms is 1500',
    ],
    [
      'a base config that is the output, too',
      ({ makeSlave }) => setVariable(makeSlave, 'SENTINEL_MICRO_BASE_CONFIG', '/redis-config/redis.conf'),
      'make-slave: --base-config and --output are both /redis-config/redis.conf',
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
    [
      'two names for one set',
      ({ makeSlave }) => setVariable(makeSlave, 'SENTINEL_MICRO_MASTER_NAME', 'cache'),
      '--master-name is cache for make-slave and mymaster for sentinel',
    ],
    [
      'a password for one of the two',
      ({ makeSlave }) => dropVariable(makeSlave, 'SENTINEL_MICRO_REDIS_PASSWORD_FILE'),
      '--redis-password-file is undefined for make-slave',
      'password',
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
  'no-secret-in-plain-sight': [
    [
      'a password as a variable',
      ({ sentinel }) => setVariable(sentinel, 'SENTINEL_MICRO_REDIS_PASSWORD', 'abc'),
      'sentinel: --redis-password stands in the manifest',
    ],
    [
      'a password on the command line',
      ({ redis }) => (redis.args = ['--requirepass', '$(PASSWORD)']),
      'redis: --requirepass puts a password where every process',
    ],
  ],
};

import { Resolver } from 'node:dns';
import { describe, expect, test } from '@jest/globals';
import {
  choiceFlag,
  clusterIdOf,
  dnsServersFlag,
  FLAGS,
  flagsFromEnvironment,
  ipFlag,
  numberFlag,
  optionalText,
  podPlace,
  portFlag,
  refuseSecretsInArguments,
  textFlag,
  UsageError,
  type RawFlags,
} from '../src/index.ts';

/** The message of the UsageError that `work` throws. */
function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('it was taken');
}

type Check = readonly [given: unknown, message: string];

const WHOLE = 'a whole number from 1 to 10';
const PORT = 'a whole number from 1 to 65535';
const IP = 'an IP address';
const CHOICE = 'one of json, pretty';

const checks: readonly (readonly [string, (flags: RawFlags) => unknown, readonly Check[]])[] = [
  [
    'textFlag',
    (flags) => textFlag(flags, 'x'),
    [
      [undefined, '--x is missing; it must be given'],
      ['', '--x is ""; it must be given'],
      ['  ', '--x is "  "; it must be given'],
      [['a', 'b'], '--x is ["a","b"]; it must be given'],
      [7, '--x is 7; it must be given'],
    ],
  ],
  [
    'optionalText',
    (flags) => optionalText(flags, 'x'),
    [
      ['', '--x is ""; it must be a text, or left out'],
      [['a', 'b'], '--x is ["a","b"]; it must be a text, or left out'],
    ],
  ],
  [
    'numberFlag',
    (flags) => numberFlag(flags, 'x', 1, 10),
    [
      [undefined, `--x is missing; it must be ${WHOLE}`],
      ['', `--x is ""; it must be ${WHOLE}`],
      ['0', `--x is "0"; it must be ${WHOLE}`],
      [0, `--x is 0; it must be ${WHOLE}`],
      ['11', `--x is "11"; it must be ${WHOLE}`],
      ['-1', `--x is "-1"; it must be ${WHOLE}`],
      ['1.5', `--x is "1.5"; it must be ${WHOLE}`],
      [1.5, `--x is 1.5; it must be ${WHOLE}`],
      ['1e1', `--x is "1e1"; it must be ${WHOLE}`],
      ['0x5', `--x is "0x5"; it must be ${WHOLE}`],
      [' 5', `--x is " 5"; it must be ${WHOLE}`],
      ['five', `--x is "five"; it must be ${WHOLE}`],
      ['5s', `--x is "5s"; it must be ${WHOLE}`],
      [['5', '6'], `--x is ["5","6"]; it must be ${WHOLE}`],
      [true, `--x is true; it must be ${WHOLE}`],
      ['99999999999999999999', `--x is "99999999999999999999"; it must be ${WHOLE}`],
    ],
  ],
  [
    'portFlag',
    (flags) => portFlag(flags, 'x'),
    [
      ['0', `--x is "0"; it must be ${PORT}`],
      ['65536', `--x is "65536"; it must be ${PORT}`],
      ['tcp://10.0.0.1:6379', `--x is "tcp://10.0.0.1:6379"; it must be ${PORT}`],
    ],
  ],
  [
    'ipFlag',
    (flags) => ipFlag(flags, 'x'),
    [
      [undefined, `--x is missing; it must be ${IP}`],
      ['redis-0', `--x is "redis-0"; it must be ${IP}`],
      ['10.0.0', `--x is "10.0.0"; it must be ${IP}`],
      ['10.0.0.256', `--x is "10.0.0.256"; it must be ${IP}`],
      ['[::1]', `--x is "[::1]"; it must be ${IP}`],
      ['10.0.0.1:6379', `--x is "10.0.0.1:6379"; it must be ${IP}`],
    ],
  ],
  [
    'choiceFlag',
    (flags) => choiceFlag(flags, 'x', ['json', 'pretty']),
    [
      [undefined, `--x is missing; it must be ${CHOICE}`],
      ['JSON', `--x is "JSON"; it must be ${CHOICE}`],
      ['', `--x is ""; it must be ${CHOICE}`],
      [['json', 'pretty'], `--x is ["json","pretty"]; it must be ${CHOICE}`],
    ],
  ],
];

describe.each(checks)('%s names the flag, the value and what would be right', (_, check, table) => {
  test.each(table)('%j', (given, message) => {
    expect(refusal(() => check({ x: given }))).toBe(message);
  });
});

test('what is right is taken', () => {
  expect(textFlag({ x: ' a ' }, 'x')).toBe(' a ');
  expect(optionalText({}, 'x')).toBeUndefined();
  expect(['1', '10', 7, '007'].map((x) => numberFlag({ x }, 'x', 1, 10))).toEqual([1, 10, 7, 7]);
  expect(numberFlag({ x: '-3' }, 'x', -5, 0)).toBe(-3);
  expect(['10.0.0.1', 'fd00::a', '::1'].map((x) => ipFlag({ x }, 'x'))).toEqual(['10.0.0.1', 'fd00::a', '::1']);
  expect(choiceFlag({ x: 'json' }, 'x', ['json', 'pretty'])).toBe('json');
});

describe('--dns-servers', () => {
  const good: readonly (readonly [string, string[]])[] = [
    ['10.0.0.10', ['10.0.0.10']],
    ['10.0.0.10:5353', ['10.0.0.10:5353']],
    ['10.0.0.10:53, 10.0.0.11:53', ['10.0.0.10:53', '10.0.0.11:53']],
    ['fd00::a', ['fd00::a']],
    ['[fd00::a]', ['[fd00::a]']],
    ['[fd00::a]:5353,10.0.0.10', ['[fd00::a]:5353', '10.0.0.10']],
    ['10.0.0.10:1,10.0.0.10:65535', ['10.0.0.10:1', '10.0.0.10:65535']],
  ];

  test.each(good)('%s', (given, servers) => {
    expect(dnsServersFlag({ 'dns-servers': given })).toEqual(servers);
    // What passes here must be good enough for Node's resolver, or the mistake would show much later.
    const resolver = new Resolver();
    resolver.setServers(servers);
    expect(resolver.getServers()).toHaveLength(servers.length);
  });

  test('left out: the servers of the system', () => {
    expect(dnsServersFlag({})).toBeNull();
  });

  test.each([
    ['dns.example:53'],
    ['10.0.0.10,'],
    [',10.0.0.10'],
    ['10.0.0.10;10.0.0.11'],
    ['10.0.0.10:'],
    ['10.0.0.10:dns'],
    ['10.0.0.10:0'],
    ['10.0.0.10:65536'],
    ['10.0.0.10:99999'],
    ['[fd00::a]:0'],
    ['[fd00::a]:70000'],
    ['[fd00::a'],
    ['[10.0.0.10]:53'],
    ['10.0.0.10:53:53'],
    ['udp://10.0.0.10'],
  ])('%s is refused', (given) => {
    expect(refusal(() => dnsServersFlag({ 'dns-servers': given }))).toBe(
      `--dns-servers is ${JSON.stringify(given)}; it must be a list of IP addresses, each with or without a port: 10.0.0.10:53,[fd00::a]:53`,
    );
  });
});

describe('clusterIdOf', () => {
  const ids: readonly (readonly [string, RawFlags, string])[] = [
    ['short name and namespace', { service: 'redis', namespace: 'shop' }, 'redis.shop/mymaster'],
    ['full name', { service: 'redis.shop.svc.cluster.local' }, 'redis.shop/mymaster'],
    ['full name with a dot at its end', { service: 'redis.shop.svc.cluster.local.' }, 'redis.shop/mymaster'],
    ['name with namespace', { service: 'redis.shop' }, 'redis.shop/mymaster'],
    ['another master name', { service: 'redis.shop', 'master-name': 'cache' }, 'redis.shop/cache'],
    ['both, and they agree', { service: 'redis.shop', namespace: 'shop' }, 'redis.shop/mymaster'],
  ];

  test.each(ids)('%s', (_, flags, id) => {
    expect(clusterIdOf(flags)).toBe(id);
  });

  test.each([[{ service: 'redis' }], [{ service: 'redis.' }]])('no namespace anywhere: %j', (flags) => {
    expect(refusal(() => clusterIdOf(flags))).toBe(
      "--namespace is missing; it must be the pod's namespace, unless --service is the full name of the Service",
    );
  });

  test('no Service', () => {
    expect(refusal(() => clusterIdOf({ namespace: 'shop' }))).toBe(
      '--service is missing; it must be the headless Service of the StatefulSet',
    );
  });
});

describe('podPlace', () => {
  test('the names of all pods follow from one', () => {
    expect(podPlace({ 'pod-name': 'my-redis-1', replicas: '3' })).toMatchObject({
      pod: 'my-redis-1',
      members: ['my-redis-0', 'my-redis-1', 'my-redis-2'],
    });
    expect(podPlace({ 'pod-name': 'redis-0', replicas: '1' }).members).toEqual(['redis-0']);
    expect(podPlace({ 'pod-name': 'redis-10', replicas: 11 }).members).toHaveLength(11);
  });

  test.each([
    ['redis', '"redis"'],
    ['redis-', '"redis-"'],
    ['-1', '"-1"'],
    ['redis-x', '"redis-x"'],
    ['redis-1.redis', '"redis-1.redis"'],
    ['redis-01', '"redis-01"'],
  ])('%s is no pod of a StatefulSet', (name, shown) => {
    expect(refusal(() => podPlace({ 'pod-name': name, replicas: '3' }))).toBe(
      `--pod-name is ${shown}; it must be the pod's name as a StatefulSet makes it, such as redis-0`,
    );
  });

  test.each(['0', '64', 'three', '-3'])('%s replicas', (replicas) => {
    expect(refusal(() => podPlace({ 'pod-name': 'redis-0', replicas }))).toBe(
      `--replicas is "${replicas}"; it must be a whole number from 1 to 63`,
    );
  });

  test('a pod beyond the replicas', () => {
    expect(refusal(() => podPlace({ 'pod-name': 'redis-3', replicas: '3' }))).toMatch(
      '--replicas is 3, but --pod-name is redis-3; it must be at least 4',
    );
  });
});

describe('the environment', () => {
  const ofArgv = { output: { type: 'string', isArgumentOnly: true } } as const;
  const flags = { ...FLAGS, print: { type: 'boolean' }, 'any-number': { type: 'number' }, ...ofArgv } as const;

  test.each([
    ['SENTINEL_MICRO_SERVICE', 'redis', { service: 'redis' }],
    ['SENTINEL_MICRO_REDIS_PASSWORD_FILE', '/etc/p', { 'redis-password-file': '/etc/p' }],
    ['SENTINEL_MICRO_REDIS_PASSWORD', '12345', { 'redis-password': '12345' }],
    ['SENTINEL_MICRO_LOG_LEVEL', 'debug', { 'log-level': 'debug' }],
    ['SENTINEL_MICRO_REDIS_PORT', '6380', { 'redis-port': '6380' }],
    ['SENTINEL_MICRO_REDIS_PORT', 'tcp://10.0.0.1:6379', { 'redis-port': 'tcp://10.0.0.1:6379' }],
    ['SENTINEL_MICRO_ANY_NUMBER', '7', { 'any-number': 7 }],
    ['SENTINEL_MICRO_ANY_NUMBER', 'seven', { 'any-number': 'seven' }],
    ['SENTINEL_MICRO_PRINT', 'true', { print: true }],
    ['SENTINEL_MICRO_PRINT', '1', { print: true }],
    ['SENTINEL_MICRO_PRINT', 'false', { print: false }],
    ['SENTINEL_MICRO_SERVICE', '', {}],
    ['SENTINEL_MICRO_OF_ANOTHER_COMMAND', 'x', {}],
    ['SENTINEL_MICRO_OUTPUT', '/redis-config/redis.conf', {}],
    ['REDIS_PORT', 'tcp://10.0.0.1:6379', {}],
    ['sentinel_micro_service', 'redis', {}],
  ])('%s=%s', (name, value, expected) => {
    expect(flagsFromEnvironment({ [name]: value, HOME: '/root' }, flags)).toEqual(expected);
  });

  test('nothing at all', () => {
    expect(flagsFromEnvironment({}, flags)).toEqual({});
    expect(flagsFromEnvironment({ SENTINEL_MICRO_SERVICE: undefined }, flags)).toEqual({});
  });
});

describe('secrets among the arguments', () => {
  test.each([
    [['run', '--redis-password', 'open-sesame']],
    [['run', '--redis-password=open-sesame']],
    [['--redisPassword=open-sesame', 'run']],
    [['--redisPassword', 'open-sesame']],
    [['--REDIS-PASSWORD', 'open-sesame']],
    [['--redis-password.x=open-sesame']],
    [['promote', 'a:1', '--redis-password']],
  ])('%j is refused, without repeating it', (args) => {
    const message = refusal(() => refuseSecretsInArguments(args));
    expect(message).toMatch(/^--redis-password is given as an argument.*--redis-password-file/);
    expect(message).not.toContain('sesame');
  });

  test.each([
    [['run', '--redis-password-file', '/etc/redis/password']],
    [['run', '--redis-password-file=/etc/redis/password']],
    [['run', '--redisPasswordFile=/etc/redis/password']],
    [['status', '--service', 'redis-password']],
    [[]],
  ])('%j is not', (args) => {
    expect(() => refuseSecretsInArguments(args)).not.toThrow();
  });
});

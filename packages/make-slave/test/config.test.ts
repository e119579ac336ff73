import { UsageError } from '@sentinel-micro/runtime';
import { describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseConfig } from '../src/config.ts';
import { configOf, MINIMAL_FLAGS, withFolder } from './support.ts';

test('the fewest flags make a whole config', () => {
  expect(configOf()).toEqual({
    pod: 'redis-0',
    isResizable: false,
    podUid: null,
    ip: '10.0.0.10',
    members: ['redis-0', 'redis-1', 'redis-2'],
    cluster: 'redis.shop/mymaster',
    service: 'redis',
    namespace: 'shop',
    dnsServers: null,
    redisPort: 6379,
    port: 26379,
    username: undefined,
    password: undefined,
    writeQuorum: 'auto',
    replicaPriority: null,
    probeTimeoutMs: 500,
    baseConfig: null,
    output: '/redis-config/redis.conf',
    print: false,
    logLevel: 'info',
    logFormat: 'json',
  });
});

test('numbers may come as text, an IPv6 address in any spelling, paths are made absolute', () => {
  const config = configOf({ 'redis-port': '7000', 'replica-priority': '0', 'pod-ip': 'FD00:0::A', output: 'out.conf' });
  expect(config).toMatchObject({
    redisPort: 7000,
    replicaPriority: 0,
    ip: 'fd00::a',
    output: path.resolve('out.conf'),
  });
});

test('the password comes from the file, without the line break at its end', async () => {
  await withFolder((folder) => {
    const file = path.join(folder, 'password');
    writeFileSync(file, 'pass word\n');
    expect(configOf({ 'redis-password-file': file }).password).toBe('pass word');
  });
});

const wrong: readonly (readonly [string, Readonly<Record<string, unknown>>, string])[] = [
  ['no service', { service: undefined }, '--service is missing; it must be'],
  ['no namespace', { namespace: undefined }, '--namespace is missing'],
  ['no replicas', { replicas: undefined }, '--replicas is missing; it must be a whole number from 1 to 63'],
  ['replicas no number', { replicas: 'three' }, '--replicas is "three"; it must be a whole number'],
  ['replicas zero', { replicas: '0' }, '--replicas is "0"; it must be a whole number'],
  ['a flag given twice', { replicas: ['3', '5'] }, '--replicas is ["3","5"]; it must be a whole number'],
  ['no pod name', { 'pod-name': undefined }, '--pod-name is missing'],
  [
    'a pod of no StatefulSet',
    { 'pod-name': 'redis' },
    '--pod-name is "redis"; it must be the pod\'s name as a StatefulSet',
  ],
  [
    'a pod beyond the replicas',
    { 'pod-name': 'redis-3' },
    '--replicas is 3, but --pod-name is redis-3; it must be at least 4',
  ],
  ['no pod IP', { 'pod-ip': undefined }, '--pod-ip is missing; it must be an IP address'],
  ['a name as pod IP', { 'pod-ip': 'redis-0' }, '--pod-ip is "redis-0"; it must be an IP address'],
  [
    'a port beyond the last',
    { 'redis-port': '65536' },
    '--redis-port is "65536"; it must be a whole number from 1 to 65535',
  ],
  ['a Service link as port', { port: 'tcp://10.1.1.1:26379' }, '--port is "tcp://10.1.1.1:26379"; it must be'],
  ['a negative priority', { 'replica-priority': '-1' }, '--replica-priority is "-1"; it must be a whole number from 0'],
  ['no time for probes', { 'probe-timeout-ms': '0' }, '--probe-timeout-ms is "0"; it must be'],
  [
    'an unknown write quorum',
    { 'write-quorum': 'maybe' },
    '--write-quorum is "maybe"; it must be one of auto, strict, off',
  ],
  ['a DNS server by name', { 'dns-servers': 'dns:53' }, '--dns-servers is "dns:53"; it must be a list of IP addresses'],
  ['a user without password', { 'redis-username': 'app' }, '--redis-username is given without a password'],
  [
    'a password file that is not there',
    { 'redis-password-file': '/none' },
    '--redis-password-file is /none, which can not be read',
  ],
  ['an empty output', { output: '' }, '--output is ""; it must be the path of the file to write'],
  [
    'a base config that is the output',
    { 'base-config': '/redis-config/redis.conf' },
    '--base-config and --output are both',
  ],
  [
    'a pattern as base config',
    { 'base-config': '/etc/*.conf' },
    '--base-config is "/etc/*.conf"; it must be the path of one file',
  ],
];

describe('wrong flags are refused, naming the flag, the value and what would be right', () => {
  test.each(wrong)('%s', (_, change, message) => {
    const parse = (): unknown => parseConfig({ ...MINIMAL_FLAGS, ...change });
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(message);
  });
});

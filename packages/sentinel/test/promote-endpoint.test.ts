import { describe, expect, test } from '@jest/globals';
import type { PromotionPlan } from '@sentinel-micro/core';
import { refuseLoopbackMaster } from '../src/promote/command.ts';
import { isLoopback, joinHostPort, normalizeIp, parseEndpoint, parseEndpoints } from '../src/promote/endpoint.ts';
import { masterAddressesOf, type Session } from '../src/promote/observe.ts';

describe('an endpoint', () => {
  test.each([
    ['10.0.0.1:6379', '10.0.0.1', 6379, '10.0.0.1:6379'],
    ['Redis-0.Redis.Default.svc:6380', 'redis-0.redis.default.svc', 6380, 'redis-0.redis.default.svc:6380'],
    ['redis.:6379', 'redis', 6379, 'redis:6379'],
    ['[::1]:7000', '::1', 7000, '[::1]:7000'],
    ['[0:0:0:0:0:0:0:1]:7000', '::1', 7000, '[::1]:7000'],
    ['[FD00::000A]:7000', 'fd00::a', 7000, '[fd00::a]:7000'],
    ['[::ffff:10.0.0.1]:7000', '10.0.0.1', 7000, '10.0.0.1:7000'],
    ['localhost:06379', 'localhost', 6379, 'localhost:6379'],
  ])('%s', (given, host, port, text) => {
    expect(parseEndpoint(given)).toEqual({ host, port, text });
  });

  test.each([
    ['', 'no port'],
    ['redis', 'no port'],
    ['redis:', 'no port from 1 to 65535'],
    ['redis:0', 'no port from 1 to 65535'],
    ['redis:65536', 'no port from 1 to 65535'],
    ['redis:6e3', 'no port from 1 to 65535'],
    ['redis:-1', 'no port from 1 to 65535'],
    [':6379', 'no valid host name'],
    ['::1:6379', 'without brackets'],
    ['[::1]', 'no port'],
    ['[redis]:6379', 'no IPv6 address between the brackets'],
    ['[fe80::1%eth0]:6379', 'no IPv6 address between the brackets'],
    ['10.0.0:6379', 'looks like an IPv4 address'],
    ['10.0.0.256:6379', 'looks like an IPv4 address'],
    ['redis://redis:6379', 'without brackets, or more than one port'],
    ['a b:6379', 'no valid host name'],
    ['-x:6379', 'no valid host name'],
    ['0.0.0.0:6379', 'stands for no host in particular'],
    ['[::]:6379', 'stands for no host in particular'],
  ])('%j is refused', (given, why) => {
    const parse = (): unknown => parseEndpoint(given);
    expect(parse).toThrow(expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(why) }));
    expect(parse).toThrow(JSON.stringify(given));
  });

  test('twice the same is refused, in any spelling; none at all too', () => {
    expect(() => parseEndpoints(['a:1', 'a:2', 'A.:1'])).toThrow('endpoint a:1 is given twice (as a:1 and A.:1)');
    expect(() => parseEndpoints(['[::1]:1', '[0::1]:1'])).toThrow('given twice');
    expect(() => parseEndpoints([])).toThrow('no endpoint is given');
    expect(parseEndpoints(['a:1', 'a:2'])).toHaveLength(2);
  });
});

test('addresses are compared in one spelling', () => {
  expect(normalizeIp('0:0::1')).toBe('::1');
  expect(normalizeIp('redis')).toBe('redis');
  expect(joinHostPort('fd00::a', 1)).toBe('[fd00::a]:1');
  expect(['127.0.0.1', '127.3.2.1', '::1', '128.0.0.1', '::2', 'localhost'].map(isLoopback)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

describe('127.0.0.1 is another host to each instance', () => {
  const replicaOf = (masterHost: string): Parameters<typeof masterAddressesOf>[0] => ({
    role: 'replica',
    masterHost,
    masterPort: 7000,
  });

  test('as the address of a master it means the host of the replica', async () => {
    expect(await masterAddressesOf(replicaOf('127.0.0.1'), '10.0.0.5', 100)).toContain('10.0.0.5:7000');
    expect(await masterAddressesOf(replicaOf('127.0.0.1'), '127.0.0.1', 100)).toEqual(['127.0.0.1:7000']);
    expect(await masterAddressesOf(replicaOf('10.0.0.1'), '10.0.0.5', 100)).not.toContain('10.0.0.5:7000');
  });

  test('nobody on another host is pointed at it', () => {
    const sessions = new Map([
      ['here:1', '127.0.0.1'],
      ['here:2', '127.0.0.1'],
      ['there:1', '10.0.0.5'],
    ]);
    const observer = {
      session: (endpoint: string): Session => ({ ip: sessions.get(endpoint)!, port: 1 }) as unknown as Session,
    };
    const planFor = (winner: string, other: string): PromotionPlan => ({
      kind: 'promote',
      winner,
      reason: '',
      orders: [{ endpoint: other, kind: 'follow', cutClients: false, reason: '' }],
      verdicts: [],
      warnings: [],
    });
    expect(() => refuseLoopbackMaster(planFor('here:1', 'there:1'), observer)).toThrow(
      'here:1 is an address of this host only',
    );
    expect(() => refuseLoopbackMaster(planFor('here:1', 'here:2'), observer)).not.toThrow();
    expect(() => refuseLoopbackMaster(planFor('there:1', 'here:1'), observer)).not.toThrow();
  });
});

import { describe, expect, test } from '@jest/globals';
import { directivesOf, renderConfig } from '../src/render.ts';
import { parseSettings } from '../src/redis-conf.ts';
import { configOf, LIMBO, replicaOf } from './support.ts';

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
const comments = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.startsWith('#'))
    .join('\n');
const rendered = (change: Readonly<Record<string, unknown>>, decision = replicaOf('10.0.0.11')): string[] =>
  lines(renderConfig(configOf(change), decision, false));

test('the whole file of a replica', () => {
  const config = configOf({
    'base-config': '/redis-base/redis.conf',
    'redis-password': 'secret',
    'replica-priority': 10,
  });
  expect(renderConfig(config, replicaOf('10.0.0.11'), false)).toBe(`\
# Written by make-slave of sentinel-micro for pod redis-0 of redis.shop/mymaster, anew at each start of the pod.
# Starts as: replica
# Because: it is the one

# Of a directive that stands twice Redis takes the later one: what follows wins over this file.
include /redis-base/redis.conf

replicaof 10.0.0.11 6379
masterauth secret
replica-announce-ip 10.0.0.10
replica-announce-port 6379
replica-priority 10
# The second fence: a master that has lost its replicas refuses writes, also when its sidecar is frozen or dead.
min-replicas-to-write 1
# Seconds. In a silent partition the fence closes after at most 4 s: Redis compares whole seconds, once a second.
min-replicas-max-lag 2
# A new replica gets its copy at once, not after 5 seconds.
repl-diskless-sync-delay 0
`);
});

describe('the lines', () => {
  test.each<readonly [string, Readonly<Record<string, unknown>>, readonly string[]]>([
    [
      'without options',
      {},
      [
        'replicaof 10.0.0.11 6379',
        'replica-announce-ip 10.0.0.10',
        'replica-announce-port 6379',
        'min-replicas-to-write 1',
        'min-replicas-max-lag 2',
        'repl-diskless-sync-delay 0',
      ],
    ],
    [
      'with a user, a port, and no write quorum',
      { 'redis-password': 'p', 'redis-username': 'app', 'redis-port': '7000', 'write-quorum': 'off' },
      [
        'replicaof 10.0.0.11 6379',
        'masteruser app',
        'masterauth p',
        'replica-announce-ip 10.0.0.10',
        'replica-announce-port 7000',
        'repl-diskless-sync-delay 0',
      ],
    ],
  ])('%s', (_, change, expected) => {
    expect(rendered(change)).toEqual(expected);
  });

  test.each([
    ['1', 0],
    ['2', 1],
    ['3', 1],
    ['4', 2],
    ['5', 2],
    ['7', 3],
  ])('of %s pods, %d replicas must confirm', (replicas, expected) => {
    expect(rendered({ replicas, 'write-quorum': 'strict' })).toContain(`min-replicas-to-write ${String(expected)}`);
  });

  test('limbo is a replica of nobody', () => {
    expect(rendered({}, LIMBO)[0]).toBe('replicaof 127.0.0.1 1');
  });

  test('an IPv6 address stands without brackets', () => {
    const text = rendered({ 'pod-ip': 'FD00:0::A' }, replicaOf('fd00::b'));
    expect(text).toContain('replicaof fd00::b 6379');
    expect(text).toContain('replica-announce-ip fd00::a');
  });

  test('a path with a space is quoted', () => {
    expect(rendered({ 'base-config': '/my config/redis.conf' })[0]).toBe('include "/my config/redis.conf"');
  });
});

describe('what must not be in it', () => {
  test('a line of its own from the words of others', () => {
    const decision = { ...LIMBO, reason: 'it said\r\nreplicaof no one\nrequirepass x\u2028y' };
    const text = renderConfig(configOf(), decision, false);
    expect(comments(text)).toContain('# Because: it said replicaof no one requirepass x y');
    expect(lines(text)).toEqual(lines(renderConfig(configOf(), LIMBO, false)));
  });

  test('a secret in what is printed, and it says so', () => {
    const config = configOf({ 'redis-password': 'hunter2', 'redis-username': 'app' });
    const text = renderConfig(config, LIMBO, true);
    expect(text).not.toContain('hunter2');
    expect(text).toContain('masterauth ***\n');
    expect(comments(text)).toContain('# Secrets are shown as *** here.');
    expect(comments(renderConfig(config, LIMBO, false))).not.toContain('hunter2');
  });

  test('the remark on secrets where there are none', () => {
    expect(renderConfig(configOf(), LIMBO, true)).not.toContain('Secrets');
  });

  test('anything that makes a master', () => {
    for (const decision of [LIMBO, replicaOf('10.0.0.11')]) {
      expect(directivesOf(configOf(), decision).filter(({ name }) => name === 'replicaof')).toHaveLength(1);
      expect(renderConfig(configOf(), decision, false)).not.toMatch(/no one/i);
    }
  });
});

test('what the user says about the delay of a full sync wins', () => {
  const base = { settings: parseSettings('repl-diskless-sync-delay 3', 'base.conf'), unread: [] };
  expect(renderConfig(configOf(), LIMBO, false, base)).not.toContain('repl-diskless-sync-delay');
});

import { UsageError } from '@sentinel-micro/runtime';
import { describe, expect, test } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readBaseConfig } from '../src/base-config.ts';
import { mismatches, overriddenSettings, refuseClusterMode } from '../src/conflicts.ts';
import { parseSettings } from '../src/redis-conf.ts';
import { directivesOf } from '../src/render.ts';
import { configOf, replicaOf, withFolder } from './support.ts';

const baseOf = (text: string) => ({ settings: parseSettings(text, 'base.conf'), unread: [] });

function overridden(text: string, change: Readonly<Record<string, unknown>> = {}): string[] {
  return overriddenSettings(baseOf(text), directivesOf(configOf(change), replicaOf('10.0.0.11')));
}

describe('a directive of the base config that loses is named with file, line and both values', () => {
  const wins = (ours: string): string => `"${ours}" of make-slave wins, because it stands later`;
  test.each<readonly [string, string, Readonly<Record<string, unknown>>]>([
    ['replicaof 10.9.9.9 6379', 'replicaof 10.0.0.11 6379', {}],
    ['slaveof no one', 'replicaof 10.0.0.11 6379', {}],
    ['min-replicas-to-write 2', 'min-replicas-to-write 1', {}],
    ['min-slaves-to-write 0', 'min-replicas-to-write 1', {}],
    ['min-slaves-max-lag 10', 'min-replicas-max-lag 2', {}],
    ['replica-announce-ip 10.9.9.9', 'replica-announce-ip 10.0.0.10', {}],
    ['slave-announce-port 7777', 'replica-announce-port 6379', {}],
    ['slave-priority 50', 'replica-priority 10', { 'replica-priority': '10' }],
    ['REPLICA-PRIORITY 50', 'replica-priority 10', { 'replica-priority': '10' }],
    ['masteruser other', 'masteruser app', { 'redis-username': 'app', 'redis-password': 'p' }],
  ])('%s', (line, ours, change) => {
    expect(overridden(`maxmemory 1gb\n${line}\n`, change)).toEqual([`base.conf:2 sets "${line}"; the ${wins(ours)}`]);
  });

  test('each of several', () => {
    expect(overridden('slaveof a 1\nreplicaof b 2\n')).toHaveLength(2);
  });

  test('a secret is not shown', () => {
    const text = overridden('masterauth theirs', { 'redis-password': 'ours' });
    expect(text).toEqual([`base.conf:1 sets "masterauth ***"; the ${wins('masterauth ***')}`]);
  });
});

describe('nothing is said', () => {
  test.each<readonly [string, string, Readonly<Record<string, unknown>>]>([
    ['of a priority when the flag is not given: that of the user stands', 'replica-priority 50', {}],
    ['of a password when no flag gives one', 'masterauth theirs\nmasteruser x', {}],
    [
      'of the write quorum when it is off',
      'min-replicas-to-write 2\nmin-replicas-max-lag 10',
      { 'write-quorum': 'off' },
    ],
    ['of what is the same', 'min-slaves-to-write 1\nreplica-announce-port "6379"', {}],
    ['of what make-slave does not set', 'maxmemory 1gb\nreplica-serve-stale-data no\nsave ""', {}],
    ['of comments', '# replicaof 10.9.9.9 6379', {}],
  ])('%s', (_, text, change) => {
    expect(overridden(text, change)).toEqual([]);
  });
});

describe('what does not go with the flags is named', () => {
  test.each<readonly [string, Readonly<Record<string, unknown>>, readonly string[]]>([
    ['', {}, []],
    ['port 6379', {}, []],
    ['port 6380\nport 6379', {}, []],
    ['port 6380', {}, ['by base.conf:1 Redis listens on 6380, but --redis-port is 6379: nobody will find this pod']],
    [
      'port 0\ntls-port 6379',
      {},
      ['by base.conf:1 Redis listens on 0, but --redis-port is 6379: nobody will find this pod'],
    ],
    [
      '',
      { 'redis-port': '7000' },
      ['the base config sets no port, so Redis listens on 6379, but --redis-port is 7000: nobody will find this pod'],
    ],
    ['requirepass p', { 'redis-password': 'p' }, []],
    ['requirepass of-default', { 'redis-username': 'sentinel-micro', 'redis-password': 'p' }, []],
    [
      'requirepass theirs',
      {},
      [
        'base.conf:1 sets requirepass, but no --redis-password-file is given: make-slave can not ask Redis instances that are set up like this',
      ],
    ],
    [
      'requirepass theirs',
      { 'redis-password': 'ours' },
      [
        'base.conf:1 sets requirepass, but it is not the password of --redis-password-file: make-slave can not ask Redis instances that are set up like this',
      ],
    ],
  ])('%j with %j', (text, change, expected) => {
    expect(mismatches(baseOf(text), configOf(change))).toEqual(expected);
  });

  test('and cluster mode is refused, unless a later line turns it off', () => {
    const refuse = (text: string) => (): unknown => refuseClusterMode(baseOf(text));
    expect(refuse('\ncluster-enabled YES')).toThrow(UsageError);
    expect(refuse('\ncluster-enabled yes')).toThrow('base.conf:2 sets cluster-enabled yes; it must be no');
    expect(refuse('cluster-enabled yes\ncluster-enabled no')).not.toThrow();
    expect(refuse('')).not.toThrow();
  });
});

describe('the base config', () => {
  test('is read with what it includes, in the order of Redis', async () => {
    await withFolder((folder) => {
      const file = (name: string, text: string): string => {
        writeFileSync(path.join(folder, name), text);
        return path.join(folder, name);
      };
      mkdirSync(path.join(folder, 'more'));
      file('more/2.conf', 'maxclients 2');
      file('more/1.conf', 'maxclients 1');
      file('more/3.txt', 'maxclients 3');
      const base = file('base.conf', `port 1\ninclude ${folder}/more/*.conf\ninclude /not/there.conf\nport 4\n`);
      const { settings, unread } = readBaseConfig(base, '/out.conf');
      expect(settings.map(({ name, args, line }) => `${name} ${args.join(' ')} in ${String(line)}`)).toEqual([
        'port 1 in 1',
        'maxclients 1 in 1',
        'maxclients 2 in 1',
        'port 4 in 4',
      ]);
      expect(unread).toEqual([
        expect.stringMatching(/base\.conf:3 includes \/not\/there\.conf, which was not checked: .*ENOENT/),
      ]);
    });
  });

  test('may include itself: that ends', async () => {
    await withFolder((folder) => {
      const base = path.join(folder, 'base.conf');
      writeFileSync(base, `include ${base}\ninclude ${base}\nport 1\n`);
      expect(readBaseConfig(base, '/out.conf').unread.join()).toContain('too many files include each other');
    });
  });

  test('must not include the output, and must be readable', async () => {
    await withFolder((folder) => {
      const base = path.join(folder, 'base.conf');
      writeFileSync(base, 'include /redis-config/redis.conf\n');
      expect(() => readBaseConfig(base, '/redis-config/redis.conf')).toThrow(UsageError);
      expect(() => readBaseConfig(path.join(folder, 'none.conf'), '/out.conf')).toThrow(
        /^--base-config is .*none\.conf, which can not be read: .*ENOENT/,
      );
      expect(() => readBaseConfig(folder, '/out.conf')).toThrow(UsageError);
    });
  });
});

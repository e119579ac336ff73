import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '@sentinel-micro/runtime';
import { findBundles } from '@sentinel-micro/testkit';
import { parseRunConfig, RUN_FLAGS } from '../src/config.ts';
import { STATUS_FLAGS } from '../src/status.ts';
import { PROMOTE_FLAGS } from '../src/promote/command.ts';
import { configOf, INCARNATION, MINIMAL, type Change } from './config-of.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('flags', () => {
  /** The table of the documentation, without what stands for other commands. */
  const documented: Readonly<Record<string, unknown>> = {
    service: undefined,
    replicas: undefined,
    'pod-name': undefined,
    'pod-uid': undefined,
    'pod-ip': undefined,
    namespace: undefined,
    'redis-port': 6379,
    'redis-username': undefined,
    'redis-password-file': undefined,
    port: 26379,
    'http-port': 8080,
    'http-listen': undefined,
    'master-name': 'mymaster',
    'lease-ms': 2000,
    'heartbeat-ms': 200,
    'down-after-ms': 1000,
    'write-quorum': 'auto',
    durability: 'available',
    'data-wait-ms': 3000,
    'role-labels': false,
    'kube-events': false,
    statefulset: undefined,
    'kube-timeout-ms': 1000,
    kubeconfig: undefined,
    'lease-store': 'peers',
    'dns-servers': undefined,
    'log-level': 'info',
    'log-format': 'json',
  };
  const defaultOf = (flag: object): unknown => ('default' in flag ? flag.default : undefined);

  test.each(Object.entries(documented))('--%s is there, with the default %j', (name, value) => {
    const flags: Readonly<Record<string, object>> = RUN_FLAGS;
    expect(Object.keys(flags)).toContain(name);
    expect(defaultOf(flags[name]!)).toBe(value);
  });

  test('each flag says what it is for, but the password, which is not for the command line', () => {
    for (const [name, flag] of Object.entries({ ...RUN_FLAGS, ...STATUS_FLAGS, ...PROMOTE_FLAGS })) {
      if (name === 'redis-password' || name === 'sentinel-password') expect(flag).toMatchObject({ hidden: true });
      else expect('describe' in flag ? flag.describe : '').toMatch(/\S/);
    }
  });
});

describe('what is right', () => {
  test.each([
    ['as a flag', { 'kill-hung': 'true' }, {}],
    ['in the environment', {}, { SENTINEL_MICRO_KILL_HUNG: 'true' }],
  ])('killing a hung master is chosen %s', async (_how, flags, environment) => {
    expect((await configOf(flags, environment)).killHung).toBe(true);
  });

  test('the fewest flags make a whole config', async () => {
    expect(await configOf()).toEqual({
      node: {
        cluster: 'redis.shop/mymaster',
        self: {
          pod: 'redis-0',
          uid: MINIMAL['pod-uid'],
          incarnation: INCARNATION,
          ip: '10.0.0.10',
          redisPort: 6379,
          port: 26379,
          replicas: 3,
        },
        members: ['redis-0', 'redis-1', 'redis-2'],
        quorum: 2,
        timings: expect.objectContaining({ leaseMs: 2000, heartbeatMs: 200, downAfterMs: 1000, grantMs: 2250 }),
        writeQuorum: 'auto',
        durability: 'available',
      },
      listen: null,
      http: { port: 8080, listen: null },
      masterName: 'mymaster',
      renderedConfig: '/redis-config/redis.conf',
      service: 'redis',
      namespace: 'shop',
      dnsServers: null,
      username: undefined,
      password: undefined,
      logins: { username: undefined, peerPassword: undefined, clientPassword: undefined },
      killHung: false,
      kube: null,
      leaseStore: null,
      logLevel: 'info',
      logFormat: 'json',
    });
  });

  test('everything can be set', async () => {
    const file = join(folder, 'password');
    writeFileSync(file, 'open-sesame-7\n');
    const config = await configOf({
      service: 'redis.shop.svc.cluster.local',
      namespace: undefined,
      replicas: '5',
      'pod-name': 'redis-4',
      'pod-ip': 'fd00::a',
      'redis-port': '7000',
      port: '7001',
      'master-name': 'cache-1',
      'redis-username': 'app',
      'redis-password-file': file,
      'lease-ms': '4000',
      'guard-ms': '500',
      'heartbeat-ms': '400',
      'down-after-ms': '2000',
      'data-wait-ms': '1',
      'write-quorum': 'strict',
      durability: 'strict',
      'dns-servers': '10.0.0.1:53,[fd00::1]:53',
      listen: '::1',
      'http-port': '7002',
      'http-listen': '0.0.0.0',
      'log-level': 'debug',
      'log-format': 'pretty',
    });
    expect(config).toMatchObject({
      node: {
        cluster: 'redis.shop/cache-1',
        self: { ip: 'fd00::a', redisPort: 7000, port: 7001 },
        quorum: 3,
        timings: { leaseMs: 4000, guardMs: 500, heartbeatMs: 400, downAfterMs: 2000, dataWaitMs: 1 },
        writeQuorum: 'strict',
        durability: 'strict',
      },
      listen: '::1',
      http: { port: 7002, listen: '0.0.0.0' },
      masterName: 'cache-1',
      dnsServers: ['10.0.0.1:53', '[fd00::1]:53'],
      username: 'app',
      password: 'open-sesame-7',
      logLevel: 'debug',
      logFormat: 'pretty',
    });
  });

  test('the environment gives what the arguments do not', async () => {
    const environment = {
      SENTINEL_MICRO_REPLICAS: '7',
      SENTINEL_MICRO_LEASE_MS: '3000',
      SENTINEL_MICRO_REDIS_PASSWORD: '0012',
      SENTINEL_MICRO_OUTPUT: 'text',
    };
    const config = await configOf({ replicas: undefined, 'lease-ms': '4000' }, environment);
    expect(config).toMatchObject({ node: { quorum: 4, timings: { leaseMs: 4000 } }, password: '0012' });
  });

  test('HTTP listens where the sidecar does, unless told otherwise, and not at all with port 0', async () => {
    expect((await configOf({ listen: '10.0.0.10' })).http).toEqual({ port: 8080, listen: '10.0.0.10' });
    expect((await configOf({ listen: '10.0.0.10', 'http-listen': '::' })).http).toEqual({ port: 8080, listen: '::' });
    expect((await configOf({ 'http-port': '0' })).http).toBeNull();
  });

  describe("who may use the sidecar's port", () => {
    const own = 'for-clients-8';
    const redis = { SENTINEL_MICRO_REDIS_PASSWORD: 'open-sesame-7' };
    const sentinel = { SENTINEL_MICRO_SENTINEL_PASSWORD: own };
    const cases: readonly (readonly [string, Change, Change, string | undefined, string | undefined])[] = [
      ['nothing given: everybody', {}, {}, undefined, undefined],
      ["Redis's password is asked of clients and peers", {}, redis, 'open-sesame-7', 'open-sesame-7'],
      ['open to clients, but not to speak as a peer', { 'sentinel-auth': 'off' }, redis, 'open-sesame-7', undefined],
      ['clients have a password of their own', {}, { ...redis, ...sentinel }, 'open-sesame-7', own],
      ['open where there is no password anyway', { 'sentinel-auth': 'off' }, {}, undefined, undefined],
    ];

    test.each(cases)('%s', async (_, change, environment, peerPassword, clientPassword) => {
      expect((await configOf(change, environment)).logins).toEqual({
        username: undefined,
        peerPassword,
        clientPassword,
      });
    });

    test('from a file', async () => {
      const file = join(folder, 'sentinel-password');
      writeFileSync(file, `${own}\n`);
      const { logins } = await configOf({ 'sentinel-password-file': file }, redis);
      expect(logins).toMatchObject({ peerPassword: 'open-sesame-7', clientPassword: own });
    });

    test('what contradicts itself is refused: a password nobody asks for, and one that peers could not log in without', async () => {
      await expect(configOf({ 'sentinel-auth': 'off' }, sentinel)).rejects.toThrow(
        /--sentinel-password-file is given, and --sentinel-auth is off/,
      );
      await expect(configOf({}, sentinel)).rejects.toThrow(
        /--sentinel-password-file is given without --redis-password-file/,
      );
    });
  });

  test.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [7, 4],
  ])('%i pods: a quorum of %i', async (replicas, quorum) => {
    expect((await configOf({ replicas: String(replicas) })).node.quorum).toBe(quorum);
  });
});

const wrong: readonly (readonly [string, Change, string])[] = [
  ['no Service', { service: undefined }, '--service is missing; it must be'],
  ['no namespace', { namespace: undefined }, '--namespace is missing; it must be'],
  ['no replicas', { replicas: undefined }, '--replicas is missing; it must be a whole number from 1 to 63'],
  ['replicas no number', { replicas: 'three' }, '--replicas is "three"; it must be a whole number from 1 to 63'],
  ['too many replicas', { replicas: '64' }, '--replicas is "64"; it must be'],
  ['no pod name', { 'pod-name': undefined }, '--pod-name is missing; it must be'],
  ['a pod of no StatefulSet', { 'pod-name': 'redis' }, '--pod-name is "redis"; it must be'],
  ['a pod beyond the replicas', { 'pod-name': 'redis-3' }, '--replicas is 3, but --pod-name is redis-3; it must be'],
  ['no pod UID', { 'pod-uid': undefined }, '--pod-uid is missing; it must be'],
  ['an empty pod UID', { 'pod-uid': '' }, '--pod-uid is ""; it must be'],
  ['no pod IP', { 'pod-ip': undefined }, '--pod-ip is missing; it must be an IP address'],
  ['a name as pod IP', { 'pod-ip': 'redis-0' }, '--pod-ip is "redis-0"; it must be an IP address'],
  ['a port beyond the last', { port: '65536' }, '--port is "65536"; it must be a whole number from 1 to 65535'],
  ['a link as port', { 'redis-port': 'tcp://10.0.0.1:6379' }, '--redis-port is "tcp://10.0.0.1:6379"; it must be'],
  ['one port for two', { port: '6379' }, '--port is 6379, and so is --redis-port; it must be another one'],
  ['a lease that is no number', { 'lease-ms': '2s' }, '--lease-ms is "2s"; it must be a whole number from 1'],
  ['no lease at all', { 'lease-ms': '0' }, '--lease-ms is "0"; it must be'],
  ['a guard too small', { 'guard-ms': '50' }, '--guard-ms is 50; with --lease-ms 2000 it must be at least'],
  [
    'a guard too small for the lease',
    { 'lease-ms': '86400000' },
    '--guard-ms is 250; with --lease-ms 86400000 it must be',
  ],
  [
    'heartbeats too seldom',
    { 'heartbeat-ms': '700' },
    '--heartbeat-ms is 700; it must be at most a third of --lease-ms',
  ],
  [
    'down too soon',
    { 'down-after-ms': '300' },
    '--down-after-ms is 300; it must be at least twice --heartbeat-ms (400)',
  ],
  ['no wait for data', { 'data-wait-ms': '-1' }, '--data-wait-ms is "-1"; it must be'],
  ['an unknown write quorum', { 'write-quorum': 'maybe' }, 'write-quorum'],
  ['an unknown durability', { durability: 'some' }, 'durability'],
  ['an unknown level', { 'log-level': 'loud' }, 'log-level'],
  ['an empty master name', { 'master-name': '' }, '--master-name is ""; it must be'],
  ['a master name with a blank', { 'master-name': 'my master' }, '--master-name is "my master"; it must be'],
  ['a DNS server by name', { 'dns-servers': 'dns:53' }, '--dns-servers is "dns:53"; it must be a list of IP addresses'],
  ['a port for HTTP that is none', { 'http-port': 'http' }, '--http-port is "http"; it must be a whole number from 0'],
  [
    "HTTP on the sidecar's port",
    { 'http-port': '26379' },
    '--http-port is 26379, and so is --port; it must be another',
  ],
  ["HTTP on Redis's port", { 'http-port': '6379' }, '--http-port is 6379, and so is --redis-port; it must be another'],
  ['a name for HTTP to listen on', { 'http-listen': 'localhost' }, '--http-listen is "localhost"; it must be an IP'],
  ['a name to listen on', { listen: 'localhost' }, '--listen is "localhost"; it must be an IP address'],
  ['a user without password', { 'redis-username': 'app' }, '--redis-username is given without a password'],
  ['no password file', { 'redis-password-file': '/none' }, '--redis-password-file is /none, which can not be read'],
];

describe('what is wrong is refused, naming the flag, the value and what would be right', () => {
  test.each(wrong)('%s', async (_, change, message) => {
    const parsing = configOf(change);
    await expect(parsing).rejects.toThrow(message);
    // What yargs finds by itself is not one yet; the main file makes it one.
    const error: unknown = await parsing.catch((reason: unknown) => reason);
    if (!(error as Error).message.startsWith('Invalid values')) expect(error).toBeInstanceOf(UsageError);
  });

  test('choices are checked again, also when yargs did not', () => {
    const flags = {
      ...MINIMAL,
      'redis-port': 6379,
      port: 26379,
      'http-port': 0,
      'master-name': 'm',
      'lease-ms': 2000,
      'guard-ms': 250,
      'sentinel-auth': 'on',
    };
    const times = { 'heartbeat-ms': 200, 'down-after-ms': 1000, 'data-wait-ms': 3000 };
    const rest = { ...times, 'lease-store': 'peers', 'write-quorum': 'maybe' };
    expect(() => parseRunConfig({ ...flags, ...rest }, INCARNATION)).toThrow(
      new UsageError('--write-quorum is "maybe"; it must be one of auto, strict, off'),
    );
  });

  test('several timings that do not fit are all told', async () => {
    await expect(configOf({ 'guard-ms': '1', 'heartbeat-ms': '900' })).rejects.toThrow(
      /--guard-ms is 1;.*\n.*--heartbeat-ms/,
    );
  });
});

describe('the command itself', () => {
  interface Run {
    readonly exitCode: number | null;
    readonly all: string;
  }

  function sentinel(args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [findBundles().sentinel, ...args], { env }, (_error, stdout, stderr) => {
        resolve({ exitCode: child.exitCode, all: `${stdout}${stderr}` });
      });
    });
  }

  test.each([['run'], ['status'], ['promote', '127.0.0.1:1']])(
    '%s: a password among the arguments is refused, and not repeated',
    async (...command) => {
      const { exitCode, all } = await sentinel([...command, '--redis-password', 'open-sesame-7']);
      expect(exitCode).toBe(2);
      expect(all).toMatch(/^sentinel: --redis-password is given as an argument/);
      expect(all).not.toContain('sesame');
    },
  );

  test('nor may the password for clients be an argument', async () => {
    const { exitCode, all } = await sentinel(['run', '--sentinel-password=open-sesame-7']);
    expect(exitCode).toBe(2);
    expect(all).toMatch(/^sentinel: --sentinel-password is given as an argument.*--sentinel-password-file/);
    expect(all).not.toContain('sesame');
  });

  test.each([
    [['run', '--service', 'redis'], 'sentinel: --pod-name is missing'],
    [['run', '--lease-ms', 'long'], 'sentinel: --'],
    [['run', '--no-such-flag=1'], 'sentinel: --no-such-flag is no flag'],
    [['run', '--durability', 'some'], 'sentinel: --durability is "some"; it must be one of'],
    [['dance'], 'sentinel: there is no command dance'],
    [[], 'sentinel: name a command'],
  ])('%j: exit code 2, and a line that says why', async (args, message) => {
    const { exitCode, all } = await sentinel(args);
    expect(all).toMatch(message);
    expect(all).not.toMatch(/\n\s+at /);
    expect(exitCode).toBe(2);
  });
});

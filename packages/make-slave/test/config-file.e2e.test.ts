import { describe, expect, test } from '@jest/globals';
import { RedisCommander, type RedisProcess } from '@sentinel-micro/testkit';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ip1, ip2, linkUp, network, REDIS_PORT, runMakeSlave, self, threePods, useNetwork } from './e2e-support.ts';

useNetwork();

/** A config of the user's own that makes Redis listen on the pod's address only. */
function baseConfig(lines: readonly string[] = []): string {
  const file = path.join(network.dir, `base ${self.ip}.conf`);
  const usual = [`bind ${self.ip}`, `bind-source-addr ${self.ip}`, 'protected-mode no', 'save ""', 'appendonly no'];
  writeFileSync(file, `${[...usual, `dir ${network.dir}`, ...lines].join('\n')}\n`);
  return file;
}

async function configOf(redis: RedisProcess, name: string): Promise<unknown> {
  const answer = await redis.command('CONFIG', 'GET', name);
  return Array.isArray(answer) ? answer[1] : undefined;
}

describe('redis-server starts from the file', () => {
  test('and becomes a replica with its link up', async () => {
    await threePods();
    const master = await network.redis(ip1);
    await master.command('SET', 'key', 'value');
    await network.sidecar(ip2, { pod: 'redis-2', master: { pod: 'redis-1', ip: ip1, term: 2 } });
    const run = await network.run(self, { 'base-config': baseConfig(), 'replica-priority': '7' });
    expect(run).toMatchObject({ code: 0, stdout: '' });
    const redis = await network.redisFrom(network.output(self), self.ip);
    await linkUp(redis);
    expect(await redis.command('GET', 'key')).toBe('value');
    expect(await configOf(redis, 'replica-priority')).toBe('7');
    expect(await configOf(redis, 'min-replicas-to-write')).toBe('1');
    expect(await configOf(redis, 'min-replicas-max-lag')).toBe('2');
    expect(await master.text('INFO', 'replication')).toContain(`slave0:ip=${self.ip},port=${String(REDIS_PORT)},`);
  });

  test('and in limbo refuses writes, and feeds nobody', async () => {
    await threePods();
    await network.run(self, { 'base-config': baseConfig() });
    const redis = await network.redisFrom(network.output(self), self.ip);
    await expect(redis.command('SET', 'key', 'value')).rejects.toThrow(/^READONLY/);
    await expect(redis.command('PSYNC', '?', '-1')).rejects.toThrow(/^NOMASTERLINK/);
  });

  test.each([
    ['spaces', '  two words  '],
    ['quotes', `"double" and 'single'`],
    ['backslashes', String.raw`\ \\ \n \x41 \"`],
    ['a comment sign', '#no comment'],
    ['unicode', 'pässwörd 密碼 🔑'],
    ['control characters', 'tab\tline\nend\x07\x7f'],
    ['nothing special', 'plain-PASS_123'],
  ])('with a login that has %s in it', async (_, login) => {
    await threePods();
    // Redis allows no spaces in the name of a user that it has itself, but any bytes in that of one that it logs in as.
    const env = { SENTINEL_MICRO_REDIS_PASSWORD: login, SENTINEL_MICRO_REDIS_USERNAME: login };
    expect((await network.run(self, { 'base-config': baseConfig() }, env)).code).toBe(0);
    const redis = await network.redisFrom(network.output(self), self.ip);
    expect(await configOf(redis, 'masterauth')).toBe(login);
    expect(await configOf(redis, 'masteruser')).toBe(login);
  });

  test('with a password from a file, on a master that has the same', async () => {
    await threePods();
    const password = `p "w" 'x' \\ # 密`;
    const passwordFile = path.join(network.dir, 'password');
    writeFileSync(passwordFile, `${password}\n`);
    const master = await network.redis(ip1);
    await master.command('CONFIG', 'SET', 'requirepass', password);
    await network.sidecar(ip2, { pod: 'redis-2', password, master: { pod: 'redis-1', ip: ip1, term: 2 } });
    const run = await network.run(self, { 'base-config': baseConfig(), 'redis-password-file': passwordFile });
    expect(run.reason).toMatch(/starts as a replica/);
    await linkUp(await network.redisFrom(network.output(self), self.ip));
  });
});

describe('the base config', () => {
  test('loses where both say something, and the log tells', async () => {
    await threePods();
    const more = path.join(network.dir, 'more.conf');
    writeFileSync(more, 'min-slaves-to-write 2\n');
    const file = baseConfig([
      'slaveof 10.9.9.9 1',
      `include ${more}`,
      'slave-priority 50',
      'masterauth theirs',
      'maxclients 77',
    ]);
    const env = { SENTINEL_MICRO_REDIS_PASSWORD: 'ours' };
    const run = await network.run(self, { 'base-config': file }, env);
    const warnings = run.log.filter(({ event }) => event === 'base-config').map(({ message }) => message);
    const because = 'of make-slave wins, because it stands later';
    expect(warnings).toEqual([
      `${file}:7 sets "slaveof 10.9.9.9 1"; the "replicaof 127.0.0.1 1" ${because}`,
      `${more}:1 sets "min-slaves-to-write 2"; the "min-replicas-to-write 1" ${because}`,
      `${file}:10 sets "masterauth ***"; the "masterauth ***" ${because}`,
    ]);
    const redis = await network.redisFrom(network.output(self), self.ip);
    expect(await redis.command('ROLE')).toEqual(expect.arrayContaining(['slave', '127.0.0.1', 1]));
    expect(await configOf(redis, 'min-replicas-to-write')).toBe('1');
    expect(await configOf(redis, 'masterauth')).toBe('ours');
    // What only the user sets stands.
    expect(await configOf(redis, 'replica-priority')).toBe('50');
    expect(await configOf(redis, 'maxclients')).toBe('77');
  });

  test('with Redis Cluster, or not there: exit 2, nothing written', async () => {
    await threePods();
    const cluster = await network.run(self, { 'base-config': baseConfig(['cluster-enabled yes']) });
    expect(cluster).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/:7 sets cluster-enabled yes; it must be no/),
    });
    const none = await network.run(self, { 'base-config': '/not/there.conf' });
    expect(none).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^make-slave: --base-config is \/not\/there\.conf, which can not be read: ENOENT/),
    });
    expect(existsSync(network.output(self))).toBe(false);
  });
});

describe('the output', () => {
  test('is replaced whole, with mode 0640', async () => {
    await threePods();
    writeFileSync(network.output(self), 'old\n');
    expect((await network.run(self)).code).toBe(0);
    expect(network.written(self)).not.toContain('old');
    expect(statSync(network.output(self)).mode & 0o777).toBe(0o640);
    expect(readdirSync(network.dir).filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  test('that can not be written: exit 1, the log names it', async () => {
    await threePods();
    const run = await network.run(self, { output: '/not/there/redis.conf' });
    expect(run.code).toBe(1);
    expect(run.log).toEqual([
      expect.objectContaining({
        level: 'error',
        message: expect.stringMatching(/^\/not\/there\/redis\.conf can not be written: ENOENT/),
      }),
    ]);
  });

  test('stays as it was when anything fails', async () => {
    await threePods();
    writeFileSync(network.output(self), 'old\n');
    expect((await network.run(self, { replicas: 'x' })).code).toBe(2);
    expect((await network.run(self, { 'base-config': '/not/there.conf' })).code).toBe(2);
    expect(readFileSync(network.output(self), 'utf8')).toBe('old\n');
  });

  test('with --print goes to stdout instead, without secrets, and the log to stderr', async () => {
    await threePods();
    const env = { SENTINEL_MICRO_REDIS_PASSWORD: 'hunter2', SENTINEL_MICRO_PRINT: 'true' };
    const run = await network.run(self, { 'log-format': 'pretty' }, env);
    expect(run.code).toBe(0);
    expect(run.stdout).toMatch(/^# Written by make-slave.*\n/);
    expect(run.stdout).toContain('\nreplicaof 127.0.0.1 1\nmasterauth ***\n');
    expect(run.stdout).toContain('# Secrets are shown as *** here.');
    expect(run.stdout + run.stderr).not.toContain('hunter2');
    expect(run.stderr).toMatch(/ info {2}redis-0 decision: starts in limbo/);
    expect(existsSync(network.output(self))).toBe(false);
  });
});

describe('the command line', () => {
  const minimal = ['--service=redis', '--namespace=shop', '--replicas=3', '--pod-name=redis-0', '--pod-ip=127.0.0.1'];

  test.each<readonly [string, readonly string[], string]>([
    ['a flag that does not exist', ['--replica=3'], '--replica is no flag of make-slave; see make-slave --help'],
    ['a word too many', ['redis-1'], 'make-slave takes no argument, but was given: redis-1'],
    ['a flag without its value', ['--port'], '--port is given without a value'],
    ['a number that is none', ['--redis-port=abc'], '--redis-port is "abc"; it must be a whole number from 1 to 65535'],
    [
      'a choice that is none',
      ['--write-quorum=maybe'],
      '--write-quorum is "maybe"; it must be one of auto, strict, off',
    ],
    ['a password that all can see', ['--redis-password=hunter2'], 'it must be given as --redis-password-file'],
  ])('%s: exit 2, and a line that says what is wrong', async (_, args, message) => {
    const run = await runMakeSlave([...minimal, ...args]);
    expect(run).toMatchObject({ code: 2, stdout: '' });
    expect(run.stderr).toContain(message);
    expect(run.stderr).toMatch(/^make-slave: /);
    expect(run.stderr).not.toMatch(/hunter2|\n {4}at /);
  });

  test('flags come from the environment too; those of the sidecar and of Kubernetes are left alone', async () => {
    await threePods();
    const env = {
      SENTINEL_MICRO_LEASE_MS: '2000',
      SENTINEL_MICRO_SERVICE_HOST: '10.0.0.1',
      SENTINEL_MICRO_PROBE_TIMEOUT_MS: 'soon',
    };
    const wrong = await network.run(self, {}, env);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/--probe-timeout-ms is "soon"; it must be/) });
    const right = await network.run(self, { 'probe-timeout-ms': '100' }, { ...env, LANG: 'de_DE.UTF-8' });
    expect(right.code).toBe(0);
  });

  test('--help tells the flags, and not the one that is only for the environment', async () => {
    const run = await runMakeSlave(['--help']);
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('--base-config');
    expect(run.stdout).not.toMatch(/--redis-password /);
  });
});

test('it changes nothing at the peers', async () => {
  await threePods();
  const master = await network.redis(ip1);
  const replica = await network.redis(ip2, { masterIp: ip1 });
  await master.command('CONFIG', 'RESETSTAT');
  await network.run(self);
  const commander = new RedisCommander(master.target);
  const stats = await commander.text('INFO', 'commandstats');
  commander.close();
  const seen = [...stats.matchAll(/cmdstat_([\w|]+):/g)].map(([, name]) => name);
  expect(
    seen.filter((name) => name !== undefined && !['info', 'config|resetstat', 'replconf', 'ping'].includes(name)),
  ).toEqual([]);
  expect(await replica.command('ROLE')).toEqual(expect.arrayContaining(['slave', ip1, 'connected']));
});

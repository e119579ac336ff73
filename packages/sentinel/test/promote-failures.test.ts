import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRole, RedisCommander, type RedisProcess } from '@sentinel-micro/testkit';
import {
  awaitOnline,
  awaitCaughtUp,
  changesDuring,
  endpointOf,
  endpointsOf,
  follow,
  killMaster,
  promote,
  promoteJson,
  roleOf,
  set,
  useSet,
} from './promote-helpers.ts';

let dir: string;

useSet();
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'promote-files-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A replica that can not be told anything any more; it must already follow, so it is told in its configuration. */
function deafReplicaOf(master: RedisProcess, ...config: string[]): Promise<RedisProcess> {
  const { host, port } = master.target;
  return set.start({ config: [`replicaof ${host} ${String(port)}`, 'rename-command REPLICAOF ""', ...config] });
}

describe('a failure half-way', () => {
  test('one that can not be pointed is reported, the rest is done, exit 1', async () => {
    const [master, ...replicas] = await set.startReplicated(2);
    const deaf = await deafReplicaOf(master, 'replica-priority 200');
    await awaitOnline(master, 3);
    await killMaster(master, [...replicas, deaf]);
    const { exitCode, report, stderr } = await promoteJson(endpointsOf([deaf, ...replicas]));
    expect(exitCode).toBe(1);
    expect(report.ok).toBe(false);
    expect(report.results.map(({ step, ok }) => [step, ok])).toEqual([
      ['promote', true],
      ['follow', false],
      ['follow', true],
    ]);
    expect(stderr).toContain(endpointOf(deaf));
    const winner = replicas.find((replica) => endpointOf(replica) === report.plan.master)!;
    await awaitOnline(winner, 1);
  });

  test('one that refuses to be promoted is passed over for the next', async () => {
    const [master, ...replicas] = await set.startReplicated(2);
    const deaf = await deafReplicaOf(master, 'replica-priority 1');
    await awaitOnline(master, 3);
    await killMaster(master, [...replicas, deaf]);
    const run = await promote(endpointsOf([deaf, ...replicas]));
    expect(run.exitCode).toBe(1);
    expect(run.stdout).toContain(`${endpointOf(deaf)} did not become master`);
    const roles = await Promise.all(replicas.map(roleOf));
    expect(roles.filter(({ role }) => role === 'master')).toHaveLength(1);
    expect(roles.filter(({ linkUp }) => linkUp === true)).toHaveLength(1);
    expect((await roleOf(deaf)).role).toBe('replica');
  });

  test('one whose link does not come up is reported within the time allowed', async () => {
    const master = await set.start({ password: 'secret' });
    const replica = await set.start({ password: 'secret', config: ['masterauth wrong'] });
    const { exitCode, report } = await promoteJson(endpointsOf([master, replica]), {
      'redis-password': 'secret',
      'verify-timeout-ms': 300,
      force: true,
    });
    expect(exitCode).toBe(1);
    const failed = report.results.filter(({ ok }) => !ok);
    expect(failed).toHaveLength(1);
    expect(failed[0]!.detail).toMatch(/its (link to|full sync from) .* is/);
  });

  test('one whose link is down although it points at the right master is waited for, and told nothing', async () => {
    const master = await set.start({ password: 'secret' });
    const { host, port } = master.target;
    const replicaOf = [`replicaof ${host} ${String(port)}`];
    await set.start({ password: 'secret', config: [...replicaOf, 'masterauth secret'] });
    const lost = await set.start({ password: 'secret', config: [...replicaOf, 'masterauth wrong'] });
    await awaitOnline(master, 1);
    const changes = await changesDuring([master, lost], async () => {
      const flags = { 'redis-password': 'secret', 'verify-timeout-ms': 300 };
      const { exitCode, report } = await promoteJson(endpointsOf([master, lost]), flags);
      expect(exitCode).toBe(1);
      expect(report.results).toMatchObject([{ endpoint: endpointOf(lost), step: 'wait', ok: false }]);
    });
    expect(changes).toEqual([]);
  });
});

describe('a master that is not seen, but may be alive', () => {
  test('is not replaced while its replicas hear it', async () => {
    const [, ...replicas] = await set.startReplicated(2);
    const changes = await changesDuring(replicas, async () => {
      const run = await promote(endpointsOf(replicas));
      expect(run.exitCode).toBe(1);
      expect(run.stderr).toContain('which is not among the endpoints: it may well be alive');
    });
    expect(changes).toEqual([]);
  });

  test('is replaced when it hangs: its replicas do not hear it any more', async () => {
    const [master, ...replicas] = await set.startReplicated(2);
    master.pause();
    const run = await promote(endpointsOf([master, ...replicas]), { 'probe-timeout-ms': 300 });
    expect(run.stderr).toContain('which does not answer here');
    expect(run.exitCode).toBe(0);
    expect((await Promise.all(replicas.map(roleOf))).filter(({ role }) => role === 'master')).toHaveLength(1);
  });

  test('is replaced at once by --force', async () => {
    const [master, ...replicas] = await set.startReplicated(1);
    master.pause();
    const run = await promote(endpointsOf([master, ...replicas]), { 'probe-timeout-ms': 300, force: true });
    expect(run.exitCode).toBe(0);
    expect((await roleOf(replicas[0]!)).role).toBe('master');
  });

  test('is not replaced when it only does not let us in', async () => {
    const master = await set.start({ password: 'secret' });
    const replica = await set.start({ config: ['masterauth secret'] });
    await follow(replica, master);
    await replica.command('REPLICAOF', '127.0.0.1', 1);
    const run = await promote(endpointsOf([master, replica]));
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('a password is needed (NOAUTH)');
    expect((await roleOf(replica)).role).toBe('replica');
  });
});

describe('passwords', () => {
  test('come from a file or the environment; a user name goes with them', async () => {
    const file = join(dir, 'password');
    writeFileSync(file, 'secret\n');
    const config = ['masterauth secret', 'user operator on >other ~* &* +@all'];
    const master = await set.start({ password: 'secret', config });
    const replica = await set.start({ password: 'secret', config });
    await follow(replica, master);
    await killMaster(master, [replica]);
    const endpoints = endpointsOf([master, replica]);
    const dry = { 'dry-run': true };
    expect((await promote(endpoints, { ...dry, 'redis-password-file': file })).exitCode).toBe(0);
    expect((await promote(endpoints, { ...dry, 'redis-password': 'secret' })).exitCode).toBe(0);
    expect(
      (await promote(endpoints, { ...dry, 'redis-username': 'operator', 'redis-password': 'other' })).exitCode,
    ).toBe(0);
    expect((await roleOf(replica)).role).toBe('replica');
    expect((await promote(endpoints, { 'redis-password-file': file })).exitCode).toBe(0);
    expect((await roleOf(replica)).role).toBe('master');
  });

  test('that are wrong give a clear error for each instance, and are never printed', async () => {
    const all = [await set.start({ password: 'secret' }), await set.start({ password: 'secret' })];
    const run = await promote(endpointsOf(all), { 'redis-password': 'not-the-one' });
    expect(run.exitCode).toBe(1);
    for (const redis of all)
      expect(run.stderr).toContain(`${endpointOf(redis)}: wrong password or user name (WRONGPASS)`);
    expect(run.stdout + run.stderr).not.toContain('not-the-one');
  });

  test('that an instance does not have are an error too: it is of another set', async () => {
    const open = await set.start();
    const run = await promote([endpointOf(open)], { 'redis-password': 'secret' });
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain(`${endpointOf(open)}: it has no password`);
  });

  test('that are missing on one instance of a healthy set: nothing is changed, but it is said and exit 1', async () => {
    const [master, ...replicas] = await set.startReplicated(1);
    const locked = await set.start({ password: 'secret' });
    const changes = await changesDuring([master, ...replicas], async () => {
      const run = await promote(endpointsOf([master, ...replicas, locked]));
      expect(run.exitCode).toBe(1);
      expect(run.stdout).toContain('Healthy');
      expect(run.stderr).toContain(`${endpointOf(locked)}: a password is needed`);
    });
    expect(changes).toEqual([]);
  });
});

describe('what is printed', () => {
  test('a dry run shows the plan and changes nothing', async () => {
    const [master, ...replicas] = await set.startReplicated(2);
    await killMaster(master, replicas);
    const changes = await changesDuring(replicas, async () => {
      const run = await promote(endpointsOf([master, ...replicas]), { 'dry-run': true });
      expect(run.exitCode).toBe(0);
      expect(run.stdout).toContain('is to become master');
      expect(run.stdout).toContain('Dry run: nothing was changed.');
      const { report } = await promoteJson(endpointsOf(replicas), { 'dry-run': true });
      expect(report).toMatchObject({ ok: true, dryRun: true, results: [], after: null, plan: { kind: 'promote' } });
    });
    expect(changes).toEqual([]);
  });

  test('the table and the JSON have all that was found', async () => {
    const [master, ...replicas] = await set.startReplicated(1, [['replica-priority 7']]);
    await master.command('SET', 'k', 'v');
    await awaitCaughtUp(master, replicas);
    const endpoints = [...endpointsOf([master, ...replicas]), `${set.host}:1`];
    const [found, foundMaster] = [await roleOf(replicas[0]!), await roleOf(master)];
    const { report } = await promoteJson(endpoints);
    expect(report.instances).toEqual([
      expect.objectContaining({
        endpoint: endpoints[0],
        role: 'master',
        priority: 100,
        linkStatus: null,
        onlineReplicas: 1,
      }),
      expect.objectContaining({
        endpoint: endpoints[1],
        reachable: true,
        role: 'replica',
        priority: 7,
        offset: found.offset,
        replid: foundMaster.replid,
        masterHost: set.host,
        masterPort: master.target.port,
        linkStatus: 'up',
        lastIoSecondsAgo: expect.any(Number),
        masterLinkDownSinceSeconds: null,
        keys: 1,
      }),
      { endpoint: endpoints[2], reachable: false, answers: false, error: 'connection refused' },
    ]);
    await killMaster(master, replicas);
    const { stdout } = await promote(endpoints, { 'dry-run': true });
    const row = stdout.split('\n').find((line) => line.startsWith(endpoints[1]!))!;
    for (const part of ['replica', ' 7 ', String(found.offset), foundMaster.replid, endpoints[0]!, 'down', ' s']) {
      expect(row).toContain(part);
    }
    expect(stdout).toContain('unreachable: connection refused');
  });
});

describe('endpoints', () => {
  test('a name and its IP are the same instance', async () => {
    const port = await freePort('127.0.0.1');
    await set.start({ host: '127.0.0.1', port });
    const run = promote([`127.0.0.1:${String(port)}`, `localhost:${String(port)}`]);
    await expect(run).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('are the same instance'),
    });
  });

  test('names are resolved: replicas that follow the IP of a named master are healthy', async () => {
    const ports = [await freePort('127.0.0.1'), await freePort('127.0.0.1')];
    const [master, replica] = await Promise.all(ports.map((port) => set.start({ host: '127.0.0.1', port })));
    await follow(replica!, master!);
    const named = ports.map((port) => `localhost:${String(port)}`);
    expect((await promote(named)).stdout).toContain('Healthy');
    await killMaster(master!, [replica!]);
    await replica!.command('REPLICAOF', 'NO', 'ONE');
    const third = await set.start({ host: '127.0.0.1', port: await freePort('127.0.0.1') });
    await third.command('REPLICAOF', '127.0.0.1', 1);
    expect((await promote([named[1]!, `localhost:${String(third.target.port)}`])).exitCode).toBe(0);
    // By IP, although a name was given: redis-server must not depend on DNS.
    expect((await roleOf(third)).masterHost).toBe('127.0.0.1');
  });

  test('an address that a replica announces is known as its own', async () => {
    const announced = ['replica-announce-ip 192.0.2.7', 'replica-announce-port 7777'];
    const [master, ...replicas] = await set.startReplicated(2, [announced]);
    expect((await promote(endpointsOf([master, ...replicas]))).stdout).toContain('Healthy');
    await killMaster(master, replicas);
    expect((await promote(endpointsOf(replicas))).exitCode).toBe(0);
    expect((await promote(endpointsOf(replicas))).stdout).toContain('Healthy');
  });

  test('a replica that points at what its master announces points at its master', async () => {
    const master = await set.start({ config: ['replica-announce-ip 192.0.2.7', 'replica-announce-port 7777'] });
    const replica = await set.start();
    await replica.command('REPLICAOF', '192.0.2.7', 7777);
    const { report } = await promoteJson(endpointsOf([master, replica]), { 'dry-run': true });
    expect(report.plan.orders).toMatchObject([{ endpoint: endpointOf(replica), kind: 'wait' }]);
  });

  test('IPv6', async () => {
    const ports = [await freePort('::1'), await freePort('::1'), await freePort('::1')];
    const all = await Promise.all(ports.map((port) => set.start({ host: '::1', port })));
    const [master, ...replicas] = all;
    for (const replica of replicas) await follow(replica, master!);
    const endpoints = ports.map((port) => `[::1]:${String(port)}`);
    expect((await promote(endpoints)).stdout).toContain('Healthy');
    await killMaster(master!, replicas);
    const { exitCode, report } = await promoteJson(endpoints);
    expect(exitCode).toBe(0);
    const winner = new RedisCommander({ host: '::1', port: Number(report.plan.master!.split(']:')[1]) });
    expect(parseRole(await winner.text('INFO', 'replication')).replicas).toMatchObject([
      { ip: '::1', state: 'online' },
    ]);
    winner.close();
  });

  test('nobody reachable: every reason is told', async () => {
    const run = await promote([`${set.host}:1`, `${set.host}:2`, 'no-such-host.invalid:6379']);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('no instance can be asked');
    expect(run.stderr).toContain(`${set.host}:2: connection refused`);
    expect(run.stderr).toContain('no-such-host.invalid:6379: its name can not be resolved');
  });
});

function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}

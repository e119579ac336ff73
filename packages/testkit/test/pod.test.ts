import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Cluster, liveProcesses, sleep, waitUntil, type ClusterOptions, type Pod } from '../src/index.ts';

const standIn = (name: string): string => fileURLToPath(new URL(`./stand-ins/${name}.mjs`, import.meta.url));
const bundles = { makeSlave: standIn('make-slave'), sentinel: standIn('sentinel') };

let cluster: Cluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
  expect(liveProcesses()).toEqual([]);
});

async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  cluster = await Cluster.start({ bundles, ...options });
  return cluster;
}

async function startPod(options: ClusterOptions = {}): Promise<Pod> {
  return (await startCluster({ pods: 1, ...options })).pod(0);
}

function until(what: string, condition: () => boolean | Promise<boolean>): Promise<true> {
  return waitUntil(async () => ((await condition()) ? true : undefined), { what, timeoutMs: 10_000 });
}

/** How often make-slave has run. */
function renderings(pod: Pod): number {
  return pod.makeSlaveLog().filter((line) => line['message'] === 'rendered').length;
}

describe('a pod', () => {
  test('runs make-slave, then Redis with what it rendered, then the sidecar', async () => {
    const pod = await startPod({ sentinelFlags: ['--lease-ms', '500'], baseConfig: ['maxclients 123'] });
    expect(await pod.command('CONFIG', 'GET', 'maxclients')).toEqual(['maxclients', '123']);
    expect(await pod.role()).toMatchObject({ role: 'replica', masterHost: '127.0.0.1', linkUp: false });
    expect(await pod.peerStatus()).toMatchObject({ pod: 'redis-0', uid: pod.uid, term: 7, leaseHolder: undefined });
    expect(await cluster!.newestTerm()).toBe(7);
    const [line] = pod.sidecarLog();
    expect(line).toMatchObject({ message: 'listening' });
    expect(line!['argv']).toEqual(expect.arrayContaining(['run', '--pod-ip', pod.ip, '--lease-ms', '500']));
  });

  test('is in DNS as soon as it has an address, and out of it when it is gone', async () => {
    const pod = await startPod();
    const name = `redis-0.${cluster!.dns.serviceFqdn}`;
    const resolver = cluster!.dns.resolver();
    expect(await resolver.resolve4(name)).toEqual([pod.ip]);
    await pod.delete();
    expect(pod.exists).toBe(false);
    await expect(resolver.resolve4(name)).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  test('a make-slave that fails is an error with what it printed, and nothing is left', async () => {
    await expect(startPod({ makeSlaveFlags: ['--fail'] })).rejects.toThrow(/exited with code 1.*\n.*told to fail/);
    expect(liveProcesses()).toEqual([]);
  });

  test('a Redis that is killed stays down without a restart policy; started again it is the same pod', async () => {
    const pod = await startPod();
    const { uid, ip } = pod;
    pod.killRedis();
    await until('the exit', () => !pod.isRedisAlive());
    await sleep(100);
    expect(pod.isRedisAlive()).toBe(false);
    await pod.startRedis();
    expect(await pod.command('PING')).toBe('PONG');
    expect([pod.uid, pod.ip, renderings(pod)]).toEqual([uid, ip, 1]);
  });

  test('with restart policy always both containers come back by themselves', async () => {
    const pod = await startPod({ restartPolicy: 'always', redisRestartDelayMs: 50, sidecarRestartDelayMs: 50 });
    const pids = [pod.redisPid, pod.sidecarPid];
    pod.killRedis();
    pod.killSidecar();
    await until('both to be back', () => pod.isRedisAlive() && pod.isSidecarAlive() && pod.redisPid !== pids[0]);
    await until('the sidecar to answer', async () => (await pod.peerStatus()).uid === pod.uid);
    expect(pod.events.redis.map(({ what }) => what.replace(/\d+/, 'N'))).toEqual([
      'started, pid N',
      'sent SIGKILL',
      'was ended by SIGKILL',
      'started, pid N',
    ]);
    expect(renderings(pod)).toBe(1);
  });

  test('what was stopped on purpose is not restarted', async () => {
    const pod = await startPod({ restartPolicy: 'always', redisRestartDelayMs: 10, sidecarRestartDelayMs: 10 });
    await pod.stopRedis();
    await pod.stopSidecar();
    await sleep(100);
    expect([pod.isRedisAlive(), pod.isSidecarAlive()]).toEqual([false, false]);
    await pod.startSidecar();
    expect(await pod.sidecarCommand('PING')).toBe('PONG');
  });

  test('paused containers are silent until they are resumed', async () => {
    const pod = await startPod();
    pod.pauseRedis();
    pod.pauseSidecar();
    await expect(pod.command('PING')).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    await expect(pod.peerStatus()).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    pod.resumeRedis();
    pod.resumeSidecar();
    expect(await pod.command('PING')).toBe('PONG');
    expect(await pod.peerStatus()).toMatchObject({ pod: 'redis-0' });
  });

  test('recreated it has the same name, and a new UID, a new address and no data', async () => {
    const pod = await startPod();
    const { uid, ip } = pod;
    writeFileSync(join(pod.files.dataDir, 'dump.rdb'), '');
    await pod.recreate();
    expect(pod.uid).not.toBe(uid);
    expect(pod.ip).not.toBe(ip);
    expect(existsSync(join(pod.files.dataDir, 'dump.rdb'))).toBe(false);
    expect(readFileSync(pod.files.baseConfig, 'utf8')).toContain(`bind ${pod.ip}\n`);
    expect(await cluster!.dns.resolver().resolve4(cluster!.dns.serviceFqdn)).toEqual([pod.ip]);
    expect(renderings(pod)).toBe(2);
  });

  test('recreated with a volume and the same address it keeps both, also after it was deleted first', async () => {
    const pod = await startPod();
    const { uid, ip } = pod;
    writeFileSync(join(pod.files.dataDir, 'note'), 'x');
    await pod.delete({ keepData: true });
    await pod.recreate({ keepData: true, sameIp: true });
    expect(pod.ip).toBe(ip);
    expect(pod.uid).not.toBe(uid);
    expect(existsSync(join(pod.files.dataDir, 'note'))).toBe(true);
  });

  test('with a password strangers are refused, and the password is in no process list', async () => {
    const pod = await startPod({ password: 'very-secret' });
    expect(await pod.command('PING')).toBe('PONG');
    for (const pid of [pod.redisPid!, pod.sidecarPid!]) {
      expect(readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8')).not.toContain('very-secret');
      expect(readFileSync(`/proc/${String(pid)}/environ`, 'utf8')).not.toContain('very-secret');
    }
  });
});

describe('a cluster', () => {
  test('is healthy when one is master and all others are online behind it', async () => {
    const { pods } = await startCluster();
    const [first, second, third] = pods as [Pod, Pod, Pod];
    await expect(cluster!.waitForHealthy({ timeoutMs: 50 })).rejects.toThrow(/no master[^]*replica of 127.0.0.1:1/);
    await first.command('REPLICAOF', 'NO', 'ONE');
    await second.command('REPLICAOF', first.ip, 6379);
    await third.command('REPLICAOF', second.ip, 6379);
    await expect(cluster!.waitForHealthy({ timeoutMs: 300 })).rejects.toThrow(/redis-2 follows/);
    await third.command('REPLICAOF', first.ip, 6379);
    expect((await cluster!.waitForHealthy()).master).toBe(first);
    expect(await cluster!.findMaster()).toBe(first);
    first.killRedis();
    await expect(cluster!.waitForHealthy({ timeoutMs: 50 })).rejects.toThrow(/redis-0 does not answer/);
    await second.command('REPLICAOF', 'NO', 'ONE');
    expect((await cluster!.waitForMasterOtherThan(first)).master).toBe(second);
  });

  test('two masters are not healthy', async () => {
    const { pods } = await startCluster({ pods: 2 });
    for (const pod of pods) await pod.command('REPLICAOF', 'NO', 'ONE');
    await expect(cluster!.waitForHealthy({ timeoutMs: 50 })).rejects.toThrow(/2 masters: redis-0, redis-1/);
  });

  test('stopped while it starts it leaves nothing behind', async () => {
    const starting = await Cluster.create({ bundles, restartPolicy: 'always', redisRestartDelayMs: 1 });
    const started = starting.startPods().then(
      () => 'started',
      () => 'failed',
    );
    await sleep(60);
    await starting.stop();
    expect(await started).toBe('failed');
    await sleep(50);
    expect(liveProcesses()).toEqual([]);
    expect(existsSync(starting.dir)).toBe(false);
  });

  test('started one after the other, each pod finds those before it in DNS', async () => {
    const { pods } = await startCluster({ parallel: false });
    expect(cluster!.sentinels).toEqual(pods.map((pod) => ({ host: pod.ip, port: 26379 })));
    expect(await cluster!.dns.resolver().resolve4(cluster!.dns.serviceFqdn)).toHaveLength(3);
  });
});

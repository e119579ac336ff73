// What clients and people see of a running set: Sentinel's commands, +switch-master, `sentinel status`, a graceful stop.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import type { Cluster, Pod } from '@sentinel-micro/testkit';
import {
  PATIENCE_MS,
  WAIT_FOR_QUORUM,
  readBack,
  settled,
  shareSet,
  startWriter,
  untilTrue,
} from './cluster-helpers.ts';
import { Subscriber } from './cluster-prober.ts';

let cluster: Cluster;
shareSet({}, (started) => (cluster = started));

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Result> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { env, timeout: PATIENCE_MS });
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as Result;
  }
}

/** redis-cli on a sidecar's port, as a person would type it; its lines. */
async function redisCli(pod: Pod, ...args: string[]): Promise<string[]> {
  const { redisCli: tool } = cluster.settings.tools;
  const { host, port } = pod.sidecarTarget;
  const { stdout } = await run(tool.command, ['-h', host, '-p', String(port), ...args], tool.env);
  return stdout.trimEnd().split('\n');
}

/** Every other line is a key, and the one after it its value. */
function fieldsOf(lines: readonly string[]): Record<string, string> {
  const pairs = Array.from({ length: lines.length / 2 }, (_, n) => [lines[2 * n]!, lines[2 * n + 1]!] as const);
  return Object.fromEntries(pairs);
}

describe('redis-cli on the port of a sidecar', () => {
  test('every one of them names the master', async () => {
    const { master } = await settled(cluster);
    const port = String(cluster.settings.redisPort);
    for (const pod of cluster.pods) {
      expect(await redisCli(pod, 'SENTINEL', 'get-master-addr-by-name', 'mymaster')).toEqual([master.ip, port]);
      expect(await redisCli(pod, 'SENTINEL', 'ckquorum', 'mymaster')).toEqual([
        'OK 3 usable Sentinels. Quorum and failover authorization can be reached',
      ]);
      const masters = fieldsOf(await redisCli(pod, 'SENTINEL', 'masters'));
      expect(masters).toMatchObject({ name: 'mymaster', ip: master.ip, port, flags: 'master', quorum: '2' });
      expect(masters).toMatchObject({ 'num-slaves': '2', 'num-other-sentinels': '2' });
      expect(fieldsOf(await redisCli(pod, 'SENTINEL', 'master', 'mymaster'))).toMatchObject({ ip: master.ip });
    }
  });

  test('every one of them names the two replicas and the two other sidecars', async () => {
    const { replicas } = await settled(cluster);
    for (const pod of cluster.pods) {
      const named = await redisCli(pod, 'SENTINEL', 'replicas', 'mymaster');
      for (const { ip } of replicas) expect(named).toContain(`${ip}:${cluster.settings.redisPort}`);
      const ips = (lines: readonly string[]): string[] => lines.filter((_, n) => lines[n - 1] === 'ip').sort();
      expect(ips(named)).toEqual(replicas.map(({ ip }) => ip).sort());
      expect(await redisCli(pod, 'SENTINEL', 'slaves', 'mymaster')).toEqual(expect.arrayContaining(ips(named)));
      const others = await redisCli(pod, 'SENTINEL', 'sentinels', 'mymaster');
      expect(ips(others)).toEqual(
        cluster
          .podsExcept(pod)
          .map(({ ip }) => ip)
          .sort(),
      );
    }
  });

  test('every one of them has an id of its own, by which the others know it', async () => {
    await settled(cluster);
    const ids = (await Promise.all(cluster.pods.map((pod) => redisCli(pod, 'SENTINEL', 'myid')))).map(([id]) => id!);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{40}$/);
    expect(await redisCli(cluster.pod(0), 'SENTINEL', 'sentinels', 'mymaster')).toEqual(
      expect.arrayContaining([ids[1], ids[2]]),
    );
  });

  test('an unknown name is answered as Sentinel does', async () => {
    expect(await redisCli(cluster.pod(0), 'SENTINEL', 'get-master-addr-by-name', 'nobody')).toEqual(['']);
    expect(await redisCli(cluster.pod(0), 'SENTINEL', 'replicas', 'nobody')).toEqual([
      expect.stringContaining('No such master with that name'),
    ]);
  });
});

describe('an application', () => {
  test('follows the master through the sentinels option of ioredis; +switch-master is told to every subscriber', async () => {
    const { master } = await settled(cluster);
    const subscribers = await Promise.all(cluster.pods.map((pod) => Subscriber.start(pod, '+switch-master')));
    const writer = startWriter(cluster, { wait: WAIT_FOR_QUORUM });
    await writer.waitForSuccess(PATIENCE_MS);
    master.killRedis();
    const next = await cluster.waitForMasterOtherThan(master);
    await writer.waitForSuccess(PATIENCE_MS);
    const port = String(cluster.settings.redisPort);
    const message = `mymaster ${master.ip} ${port} ${next.master.ip} ${port}`;
    await untilTrue('everybody to be told', () => subscribers.every(({ messages }) => messages.length > 0));
    expect(subscribers.map(({ messages }) => messages)).toEqual([[message], [message], [message]]);
    for (const subscriber of subscribers) await subscriber.stop();
    await master.startRedis();
    expect(await readBack(cluster, writer)).toMatchObject({ lostConfirmed: 0, refusedButPresent: 0 });
  }, 60_000);

  // Fails when the lease is given back without a handover.
  test('SIGTERM to the sidecar of the master: another pod takes over, and no acknowledged write is lost', async () => {
    const { master } = await settled(cluster);
    // No WAIT: what Redis has acknowledged counts.
    const writer = startWriter(cluster, { intervalMs: 0 });
    await writer.waitForSuccess(PATIENCE_MS);
    await master.stopSidecar();
    const next = await cluster.waitForMasterOtherThan(master);
    await writer.waitForSuccess(PATIENCE_MS);
    expect(master.events.sidecar.at(-1)?.what).toBe('exited with code 0');
    await master.startSidecar();
    const report = await readBack(cluster, writer);
    expect(report).toMatchObject({ lostAcknowledged: 0, refusedButPresent: 0 });
    expect(report.acknowledged).toBeGreaterThan(100);
    expect((await settled(cluster)).master.name).toBe(next.master.name);
  }, 60_000);

  test('SIGTERM to the whole pod of the master: no acknowledged write is lost either', async () => {
    const { master } = await settled(cluster);
    const writer = startWriter(cluster, { intervalMs: 0, wait: WAIT_FOR_QUORUM });
    await writer.waitForSuccess(PATIENCE_MS);
    await master.stop();
    await writer.waitForSuccess(PATIENCE_MS);
    await master.recreate();
    expect(await readBack(cluster, writer)).toMatchObject({ lostConfirmed: 0, refusedButPresent: 0 });
  }, 60_000);
});

describe('sentinel status', () => {
  function status(...args: string[]): Promise<Result> {
    return statusOf(cluster.settings.service, ...args);
  }

  function statusOf(service: string, ...args: string[]): Promise<Result> {
    const { bundles, namespace, sentinelPort } = cluster.settings;
    const place = ['--service', service, '--namespace', namespace, '--dns-servers', cluster.dns.address];
    const flags = [...place, '--port', String(sentinelPort), ...args];
    return run(process.execPath, [bundles.sentinel, 'status', ...flags]);
  }

  test('shows the set as a table', async () => {
    const { master, replicas, term } = await settled(cluster);
    const { code, stdout } = await status();
    expect(code).toBe(0);
    const [head, ...rows] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(head).toEqual(['POD', 'ADDRESS', 'ROLE', 'TERM', 'OFFSET', 'LAG', 'LINK', 'LEASE']);
    expect(rows.map(([pod]) => pod)).toEqual(['redis-0', 'redis-1', 'redis-2']);
    const rowOf = (pod: Pod): string[] => rows.find(([name]) => name === pod.name)!;
    const port = String(cluster.settings.redisPort);
    expect(rowOf(master).slice(1, 4)).toEqual([`${master.ip}:${port}`, 'master', String(term)]);
    expect(rowOf(master).at(-1)).toMatch(/^holder, \d+ ms$/);
    for (const replica of replicas) {
      expect(rowOf(replica).slice(1, 4)).toEqual([`${replica.ip}:${port}`, 'replica', String(term)]);
      expect(rowOf(replica).slice(6)).toEqual(['up', `granted to ${master.name}`]);
    }
  });

  test('shows the same as JSON', async () => {
    const { master, term } = await settled(cluster);
    const { code, stdout } = await status('--output', 'json');
    expect(code).toBe(0);
    const { ok, pods } = JSON.parse(stdout) as { ok: boolean; pods: { pod: string; status: { term: number } }[] };
    expect(ok).toBe(true);
    expect(pods.map(({ pod }) => pod)).toEqual(['redis-0', 'redis-1', 'redis-2']);
    expect(pods[0]!.status).toMatchObject({ term, master: { pod: master.name, ip: master.ip } });
  });

  test('says so, and exits with 1, when a sidecar does not answer', async () => {
    const { replicas } = await settled(cluster);
    await replicas[0]!.stopSidecar();
    const text = await status();
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(new RegExp(`^${replicas[0]!.name} .*ECONNREFUSED`, 'm'));
    const json = await status('--output', 'json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false });
    await replicas[0]!.startSidecar();
  }, 60_000);

  test('exits with 2 for a wrong flag, and with 1 for a Service that DNS does not know', async () => {
    expect(await status('--output', 'xml')).toMatchObject({ code: 2, stdout: '' });
    const unknown = await statusOf('nobody');
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toMatch(/nobody/);
  });
});

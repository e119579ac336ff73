// A password on everything: the set works, strangers are kept out, and the password is nowhere to be read.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { RedisCommander, type Cluster } from '@sentinel-micro/testkit';
import { PATIENCE_MS, WAIT_FOR_QUORUM, readBack, settled, shareSet, startWriter } from './cluster-helpers.ts';
import { startProber } from './cluster-prober.ts';

const PASSWORD = 'a-Very_secret.Passw0rd';

let cluster: Cluster;
shareSet({ password: PASSWORD, sentinelFlags: ['--log-level', 'debug'] }, (started) => (cluster = started));

test('failover, switchover, repair and a new pod work with it; no confirmed write is lost', async () => {
  const { master } = await settled(cluster);
  const writer = startWriter(cluster, { wait: WAIT_FOR_QUORUM });
  await writer.waitForSuccess(PATIENCE_MS);
  const prober = startProber(cluster.pods);

  master.killRedis();
  const second = await cluster.waitForMasterOtherThan(master);
  await writer.waitForSuccess(PATIENCE_MS);
  await master.startRedis();
  await settled(cluster);

  await second.master.stopSidecar();
  const third = await cluster.waitForMasterOtherThan(second.master);
  await writer.waitForSuccess(PATIENCE_MS);
  await second.master.startSidecar();
  await settled(cluster);

  const [replica] = cluster.podsExcept(third.master);
  await replica!.command('REPLICAOF', 'NO', 'ONE');
  await settled(cluster);
  await replica!.recreate();
  await settled(cluster);

  await prober.stop();
  expect(prober.doubles()).toBe('');
  expect(await readBack(cluster, writer)).toMatchObject({ lostConfirmed: 0, refusedButPresent: 0 });
}, 60_000);

test('without it, or with another one, neither a Redis nor a sidecar says anything', async () => {
  await settled(cluster);
  for (const { redisTarget, sidecarTarget } of cluster.pods) {
    for (const target of [redisTarget, sidecarTarget]) {
      const stranger = new RedisCommander({ ...target, password: undefined });
      await expect(stranger.command('INFO')).rejects.toThrow(/NOAUTH/);
      await expect(stranger.command('PEER', 'STATUS')).rejects.toThrow(/NOAUTH|unknown command/);
      await expect(stranger.command('AUTH', 'wrong')).rejects.toThrow(/WRONGPASS/);
      await expect(stranger.command('INFO')).rejects.toThrow(/NOAUTH/);
      stranger.close();
    }
  }
});

test('it is in no log and in no process list', async () => {
  await settled(cluster);
  const logs = readdirSync(cluster.dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.log'));
  // make-slave, Redis and sidecar of three pods, and DNS.
  expect(logs.length).toBeGreaterThanOrEqual(10);
  expect(logs.filter((name) => readFileSync(join(cluster.dir, name), 'utf8').includes(PASSWORD))).toEqual([]);
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  expect(pids.filter((pid) => commandLine(pid).includes(PASSWORD))).toEqual([]);
  const ours = cluster.pods.flatMap((pod) => [String(pod.redisPid), String(pod.sidecarPid)]);
  expect(ours.map((pid) => commandLine(pid).length > 0)).toEqual(ours.map(() => true));
});

/** Empty for a process that has just ended. */
function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

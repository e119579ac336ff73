// A StatefulSet that runs without sentinel-micro gets it by an ordinary rolling update: pod by pod, each when the one before it is ready.
import { afterEach, expect, test } from '@jest/globals';
import {
  checkHistory,
  claimAddressBlock,
  Cluster,
  RedisProcess,
  writeKeys,
  type AddressBlock,
} from '@sentinel-micro/testkit';
import { readBack, settled, startWriter, stopAll, untilTrue, WAIT_FOR_QUORUM } from './cluster-helpers.ts';
import { HTTP_FLAGS, untilReady } from './cluster-probe.ts';

const KEYS = 300;

let cluster: Cluster | undefined;
let addresses: AddressBlock | undefined;
const old: RedisProcess[] = [];
afterEach(async () => {
  await stopAll(cluster);
  await Promise.all(old.splice(0).map((redis) => redis.killAndWait()));
  await addresses?.release();
  [cluster, addresses] = [undefined, undefined];
}, 60_000);

/** Another way to write an address, which Redis resolves and repeats as a name: in a StatefulSet the replicas follow `redis-0.redis`. */
function aliasOf(ip: string): string {
  const digits = ip.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return `0x${digits.join('')}`;
}

/** The set as it was: redis-0 is the master for ever, and copies to a replica only 5 s after that has come, as Redis does by default. */
async function startPlain(set: Cluster, config: readonly string[]): Promise<RedisProcess[]> {
  addresses = await claimAddressBlock();
  const { redisPort: port, tools } = set.settings;
  const hosts = await Promise.all(set.pods.map(() => addresses!.take([port])));
  for (const [index, pod] of set.pods.entries()) {
    const host = hosts[index]!;
    const role = index === 0 ? ['repl-diskless-sync-delay 5'] : [`replicaof ${aliasOf(hosts[0]!)} ${port}`];
    const address = { host, port, config: [...config, ...role] };
    old.push(await RedisProcess.start({ tool: tools.redisServer, dir: pod.files.dataDir, ...address }));
    await set.dns.setPod({ name: pod.name, ip: host });
  }
  return [...old];
}

async function linkedReplicas(redis: RedisProcess): Promise<number> {
  return ((await redis.text('INFO', 'replication')).match(/state=online/g) ?? []).length;
}

// Fails when a pod is ready before it has the data; when the first of them never gets the data, or is never ready, for nobody leads yet; when
// somebody becomes master who has not all that the old one had.
test.each([
  ['data on disk', true],
  ['data in memory only', false],
])(
  '%s: nothing is lost that was there or was confirmed',
  async (_title, hasDisk) => {
    const config = [hasDisk ? 'save 3600 1' : 'save ""'];
    const set = await Cluster.start({ sentinelFlags: HTTP_FLAGS, baseConfig: config, startPods: false });
    cluster = set;
    const plain = await startPlain(set, config);
    const oldMaster = plain[0]!;
    await writeKeys(oldMaster, 'key', KEYS);
    await untilTrue('both replicas to be there', async () => (await linkedReplicas(oldMaster)) === 2);
    const replace = async (index: number): Promise<void> => {
      const pod = set.pod(index);
      await set.dns.removePod(pod.name);
      await plain[index]!.stop();
      if (!hasDisk) pod.files.wipe(false);
      await pod.start();
      await untilReady(pod);
    };

    // An application that knows only redis-0, and one that is told by the sidecars, as soon as they have a master.
    const { host, port } = oldMaster.target;
    const options = { intervalMs: 5, wait: WAIT_FOR_QUORUM };
    const before = startWriter(set, { ...options, keyPrefix: 'before', onlyTo: { host, port } });
    await replace(2);
    expect(await oldMaster.text('INFO', 'replication')).toContain('role:master');
    await replace(1);
    await before.stop();
    const after = startWriter(set, { ...options, keyPrefix: 'after' });
    await replace(0);

    expect(await readBack(set, after)).toMatchObject({ lostAcknowledged: 0, refusedButPresent: 0 });
    const { master } = await settled(set);
    expect(await checkHistory(before.history, master.redisTarget)).toMatchObject({ lostConfirmed: 0 });
    expect(before.history.total('confirmed')).toBeGreaterThan(0);
    expect(after.history.total('confirmed')).toBeGreaterThan(0);
    const keys = Array.from({ length: KEYS }, (_, n) => `key:${n}`);
    for (const pod of set.pods) expect(await pod.command('EXISTS', ...(keys as [string]))).toBe(KEYS);
  },
  120_000,
);

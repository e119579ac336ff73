// L3: losing DNS never harms a running set.
import { expect, test } from '@jest/globals';
import { keysOf, sleep, type Cluster } from '@sentinel-micro/testkit';
import {
  PATIENCE_MS,
  WAIT_FOR_QUORUM,
  changesSince,
  countCommands,
  fill,
  readBack,
  settled,
  shareSet,
  startWriter,
  untilTrue,
} from './cluster-helpers.ts';

const KEYS = 300;
/** The sidecars ask every 5 s while all is well; long enough for each of them to have failed. */
const OUTAGE_MS = 7000;

let cluster: Cluster;
shareSet({ keys: KEYS }, (started) => (cluster = started));

test.each(['silent', 'gone'] as const)(
  'DNS is %s for some seconds: nothing happens, and a failover in that time works',
  async (how) => {
    const { master, term } = await settled(cluster);
    const before = await countCommands(cluster);
    await (how === 'silent' ? cluster.dns.pause() : cluster.dns.stop());
    await sleep(OUTAGE_MS);
    expect(await changesSince(before)).toEqual([]);
    expect(await settled(cluster)).toMatchObject({ term });

    const writer = startWriter(cluster, { wait: WAIT_FOR_QUORUM });
    await writer.waitForSuccess(PATIENCE_MS);
    master.killRedis();
    await cluster.waitForMasterOtherThan(master);
    await writer.waitForSuccess(PATIENCE_MS);
    await master.startRedis();
    const after = await settled(cluster);
    expect(after.master.name).not.toBe(master.name);
    expect(await readBack(cluster, writer)).toMatchObject({ lostConfirmed: 0 });
    await (how === 'silent' ? cluster.dns.resume() : cluster.dns.start());
    await settled(cluster);
  },
  60_000,
);

test('a pod that starts while DNS is gone waits in limbo, and joins when DNS is back', async () => {
  const { master, replicas, term } = await settled(cluster);
  await fill(cluster, master, KEYS);
  const [fresh] = replicas;
  await fresh!.delete();
  await cluster.dns.stop();
  await fresh!.recreate();
  expect(await fresh!.role()).toMatchObject({ role: 'replica', masterHost: '127.0.0.1', masterPort: 1 });
  expect(await master.role()).toMatchObject({ role: 'master' });
  await cluster.dns.start();
  await settled(cluster);
  await untilTrue('it to have the data', async () => (await keysOf(fresh!)) === (await keysOf(master)));
  expect(await settled(cluster)).toMatchObject({ term });
}, 60_000);

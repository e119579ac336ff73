// A user of its own for the sidecars, with no more rights than the runbook says: a set lives and moves with it.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { Cluster, Pod } from '@sentinel-micro/testkit';
import { PATIENCE_MS, WAIT_FOR_QUORUM, readBack, settled, shareSet, startWriter } from './cluster-helpers.ts';

const PASSWORD = 'a-Very_secret.Passw0rd';
const USER = 'sentinel-micro';

/** The line as people copy it, with the password of this test. */
function documentedUser(): string {
  const runbook = readFileSync(new URL('../../../docs/OPERATIONS.md', import.meta.url), 'utf8');
  const [, rules] = /^ *user sentinel-micro on >\S+ (.+)$/m.exec(runbook) ?? [];
  if (rules === undefined) throw new Error('docs/OPERATIONS.md has no line "user sentinel-micro on >PASSWORD ..."');
  return `user ${USER} on >${PASSWORD} ${rules}`;
}

// Applications, and this test, are the default user.
const asUser = ['--redis-username', USER];
const baseConfig = [documentedUser(), `user default on >${PASSWORD} ~* &* +@all`];

let cluster: Cluster;
shareSet(
  { password: PASSWORD, baseConfig, makeSlaveFlags: asUser, sentinelFlags: asUser },
  (started) => (cluster = started),
);

/** What Redis has refused since it started: one entry for each user, command and reason. */
async function refusals(pod: Pod): Promise<string[]> {
  const log = (await pod.command('ACL', 'LOG')) as unknown[][];
  return log.map((entry) => `${pod.name}: ${entry.map(String).slice(0, 10).join(' ')}`);
}

async function userOfReplication(master: Pod): Promise<string[]> {
  const clients = String(await master.command('CLIENT', 'LIST', 'TYPE', 'replica'))
    .trim()
    .split('\n');
  return clients.map((client) => /\buser=(\S+)/.exec(client)?.[1] ?? client);
}

test('a switchover, a failover, a repair and a new pod: nothing that a sidecar sends is refused', async () => {
  const { master, replicas } = await settled(cluster);
  expect(await userOfReplication(master)).toEqual(replicas.map(() => USER));
  const writer = startWriter(cluster, { wait: WAIT_FOR_QUORUM });
  await writer.waitForSuccess(PATIENCE_MS);

  await master.stopSidecar();
  const second = await cluster.waitForMasterOtherThan(master);
  await master.startSidecar();
  await settled(cluster);

  expect(await Promise.all(cluster.pods.map(refusals))).toEqual([[], [], []]);
  second.master.killRedis();
  const third = await cluster.waitForMasterOtherThan(second.master);
  await writer.waitForSuccess(PATIENCE_MS);
  await second.master.startRedis();
  await settled(cluster);

  const [replica, other] = cluster.podsExcept(third.master) as [Pod, Pod];
  await replica.command('REPLICAOF', 'NO', 'ONE');
  await settled(cluster);
  await other.recreate();
  await settled(cluster);

  expect(await readBack(cluster, writer)).toMatchObject({ lostConfirmed: 0, refusedButPresent: 0 });
  expect(await Promise.all(cluster.pods.map(refusals))).toEqual([[], [], []]);
}, 60_000);

test('it may do nothing else: no key can be read or written with it', async () => {
  const { master } = await settled(cluster);
  for (const command of [
    ['GET', 'key:0'],
    ['SET', 'key:0', 'x'],
    ['FLUSHALL'],
    ['ACL', 'LIST'],
    ['CONFIG', 'REWRITE'],
  ]) {
    expect(String(await master.command('ACL', 'DRYRUN', USER, ...command))).toMatch(/has no permissions/);
  }
});

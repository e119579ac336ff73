// A set with a password whose sidecars' ports are open to clients, or have a password of their own: peers go on all the same.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { RedisCommander, type Cluster, type CommandArgs, type Pod } from '@sentinel-micro/testkit';
import { settled, startSet, stopAll } from './cluster-helpers.ts';

const PASSWORD = 'a-Very_secret.Passw0rd';
const FOR_CLIENTS = 'for-clients-8';
let folder: string;
let cluster: Cluster;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'port-auth-'));
  writeFileSync(join(folder, 'password'), `${FOR_CLIENTS}\n`, { mode: 0o600 });
});
afterEach(() => stopAll(cluster));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a sidecar answers to whoever logs in with this, or not at all; errors as text. */
async function ask(pod: Pod, password: string | undefined, ...words: CommandArgs): Promise<unknown> {
  const commander = new RedisCommander({ ...pod.sidecarTarget, username: undefined, password });
  try {
    return await commander.command(...words);
  } catch (error) {
    return String(error instanceof Error ? error.message : error);
  } finally {
    commander.close();
  }
}

const WHO = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster'] as const;

/** The master dies and another one takes over; everybody agrees on it. */
async function failOver(): Promise<void> {
  const { master } = await settled(cluster);
  master.killRedis();
  await cluster.waitForMasterOtherThan(master);
  await master.startRedis();
  expect((await settled(cluster)).master.name).not.toBe(master.name);
}

describe('--sentinel-auth off', () => {
  test('clients need no password; peers, make-slave and the command line log in, and a failover works', async () => {
    cluster = await startSet({ password: PASSWORD, sentinelFlags: ['--sentinel-auth', 'off'] });
    await failOver();
    const { master, replicas } = await settled(cluster);
    expect(await ask(replicas[0]!, undefined, ...WHO)).toEqual([master.ip, String(cluster.settings.redisPort)]);
    expect(await ask(master, undefined, 'PEER', 'RELEASE', '{}')).toMatch(/^NOAUTH/);
    // Passed on to the master's sidecar, which takes it from a peer alone.
    expect(await ask(replicas[0]!, undefined, 'SENTINEL', 'SWITCHOVER', 'mymaster', master.name)).toMatch(
      /^OK .*already/,
    );
    await replicas[0]!.recreate();
    await settled(cluster);
  }, 60_000);
});

describe('--sentinel-password-file', () => {
  test("clients log in with it and may not speak as peers; Redis's own password works too; a failover works", async () => {
    const file = join(folder, 'password');
    cluster = await startSet({ password: PASSWORD, sentinelFlags: ['--sentinel-password-file', file] });
    await failOver();
    const { master } = await settled(cluster);
    const address = [master.ip, String(cluster.settings.redisPort)];
    for (const pod of cluster.pods) {
      expect(await ask(pod, undefined, ...WHO)).toMatch(/^NOAUTH/);
      expect(await ask(pod, 'wrong', ...WHO)).toMatch(/WRONGPASS/);
      expect(await ask(pod, FOR_CLIENTS, ...WHO)).toEqual(address);
      expect(await ask(pod, PASSWORD, ...WHO)).toEqual(address);
      expect(await ask(pod, FOR_CLIENTS, 'PEER', 'RELEASE', '{}')).toMatch(/^NOAUTH/);
    }
  }, 60_000);

  test('it can be rolled out pod by pod: those that have it and those that do not are one set', async () => {
    const sentinelFlags: string[] = [];
    cluster = await startSet({ password: PASSWORD, sentinelFlags });
    const { replicas } = await settled(cluster);
    sentinelFlags.push('--sentinel-password-file', join(folder, 'password'));
    const changed = replicas[0]!;
    await changed.stopSidecar();
    await changed.startSidecar();
    expect(await ask(changed, FOR_CLIENTS, 'PING')).toBe('PONG');
    expect(await ask(replicas[1]!, FOR_CLIENTS, 'PING')).toMatch(/WRONGPASS/);
    await failOver();
  }, 60_000);
});

import { describe, expect, test } from '@jest/globals';
import type { RedisProcess } from '@sentinel-micro/testkit';
import {
  awaitCaughtUp,
  awaitOnline,
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
  writeMuch,
} from './promote-helpers.ts';

useSet();

/** Kills the master after its replicas were paused one by one, so that each of them has less than the one after it. */
async function leaveBehind(master: RedisProcess, replicas: readonly RedisProcess[]): Promise<number[]> {
  await master.command('SET', 'first', 'value');
  await awaitCaughtUp(master, replicas);
  for (const replica of replicas.slice(0, -1)) {
    replica.pause();
    await writeMuch(master);
  }
  await awaitCaughtUp(master, replicas.slice(-1));
  await master.killAndWait();
  for (const replica of replicas) replica.resume();
  await killMaster(master, replicas);
  return Promise.all(replicas.map(async (replica) => (await roleOf(replica)).offset));
}

describe('one master, five replicas on six ports, the master dies', () => {
  test('the one with the greatest offset is promoted, four are online behind it, a second run does nothing', async () => {
    const [master, ...replicas] = await set.startReplicated(5);
    const offsets = await leaveBehind(master, [replicas[2]!, replicas[0]!, replicas[4]!, replicas[1]!, replicas[3]!]);
    expect(new Set(offsets).size).toBe(5);
    const best = replicas[3]!;
    const endpoints = endpointsOf([master, ...replicas]);

    const first = await promoteJson(endpoints);
    expect(first.stderr).toBe('');
    expect(first.exitCode).toBe(0);
    expect(first.report.plan).toMatchObject({ kind: 'promote', master: endpointOf(best) });
    expect((await roleOf(best)).role).toBe('master');
    await awaitOnline(best, 4);
    for (const replica of replicas.filter((one) => one !== best)) {
      expect(await roleOf(replica)).toMatchObject({ role: 'replica', masterPort: best.target.port, linkUp: true });
      expect(await replica.command('GET', 'first')).toBe('value');
    }

    const changes = await changesDuring(replicas, async () => {
      const second = await promote(endpoints);
      expect(second.exitCode).toBe(0);
      expect(second.stdout).toContain('Healthy, nothing to do');
    });
    expect(changes).toEqual([]);
    await awaitOnline(best, 4);
  }, 60_000);

  test('priorities go before offsets, 0 is never promoted, and what that costs is named', async () => {
    const priorities = [100, 10, 10, 0, 100].map((priority) => [`replica-priority ${String(priority)}`]);
    const [master, ...replicas] = await set.startReplicated(5, priorities);
    // From the least data to the most: priority 100, 10, 10, 100, 0.
    const byData = [replicas[0]!, replicas[1]!, replicas[2]!, replicas[4]!, replicas[3]!];
    const offsets = await leaveBehind(master, byData);
    expect([...offsets].sort((a, b) => a - b)).toEqual(offsets);
    const winner = replicas[2]!;

    const { exitCode, report } = await promoteJson(endpointsOf([master, ...replicas]));
    expect(exitCode).toBe(0);
    expect(report.plan.master).toBe(endpointOf(winner));
    await awaitOnline(winner, 4);
    const reasons = new Map(report.plan.candidates.map(({ endpoint, reason }) => [endpoint, reason]));
    expect(reasons.get(endpointOf(replicas[3]!))).toBe('priority 0: never promoted');
    expect(reasons.get(endpointOf(replicas[0]!))).toContain('priority 10 comes before 100');
    expect(reasons.get(endpointOf(replicas[1]!))).toContain(
      `offset ${String(offsets[2])} comes before ${String(offsets[1])}`,
    );
    const warnings = report.plan.warnings.join('\n');
    expect(warnings).toContain(`lacks ${String(offsets[3]! - offsets[2]!)} bytes that ${endpointOf(replicas[4]!)}`);
    expect(warnings).toContain(`lacks ${String(offsets[4]! - offsets[2]!)} bytes that ${endpointOf(replicas[3]!)}`);
  }, 60_000);

  test('nobody is promoted when all have priority 0', async () => {
    const zero = ['replica-priority 0'];
    const [master, ...replicas] = await set.startReplicated(2, [zero, zero]);
    await killMaster(master, replicas);
    const run = await promote(endpointsOf([master, ...replicas]), { force: true });
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('nobody can be promoted');
    expect((await roleOf(replicas[0]!)).role).toBe('replica');
  });
});

describe('a set with a living master', () => {
  test('is left alone also beside an instance that does not answer', async () => {
    const [master, ...replicas] = await set.startReplicated(3);
    const all = [master, ...replicas];
    const endpoints = [...endpointsOf(all), `${set.host}:1`];
    replicas[2]!.pause();
    const changes = await changesDuring(all.slice(0, 3), async () => {
      const { exitCode, report } = await promoteJson(endpoints, { 'probe-timeout-ms': 400 });
      expect(exitCode).toBe(0);
      expect(report.plan).toMatchObject({ kind: 'healthy', master: endpointOf(master) });
      const silent = report.instances.filter((instance) => !instance.reachable);
      expect(silent.map(({ error }) => error)).toEqual(['no answer within 400 ms', 'connection refused']);
    });
    expect(changes).toEqual([]);
    expect((await roleOf(master)).role).toBe('master');
  });

  test('keeps its master; the one that follows another, the chained one and the detached one are pointed at it', async () => {
    const [master, ...replicas] = await set.startReplicated(4);
    await master.command('SET', 'k', 'v');
    const { host } = master.target;
    await replicas[0]!.command('REPLICAOF', '127.0.0.1', 1);
    await replicas[1]!.command('REPLICAOF', host, replicas[2]!.target.port);
    const changesOfOthers = await changesDuring([master, replicas[2]!, replicas[3]!], async () => {
      const { exitCode, report } = await promoteJson(endpointsOf([master, ...replicas]));
      expect(exitCode).toBe(0);
      expect(report.plan).toMatchObject({ kind: 'repair', master: endpointOf(master) });
      expect(report.results.map(({ endpoint, ok }) => [endpoint, ok])).toEqual([
        [endpointOf(replicas[0]!), true],
        [endpointOf(replicas[1]!), true],
      ]);
    });
    // MONITOR shows what the master replicates as well: nothing was written.
    expect(changesOfOthers).toEqual([]);
    await awaitOnline(master, 4);
    expect(await replicas[0]!.command('GET', 'k')).toBe('v');
  });

  test('keeps it also when nobody follows it any more, provided that nothing is lost', async () => {
    const [master, ...replicas] = await set.startReplicated(2);
    await Promise.all(replicas.map((replica) => replica.command('REPLICAOF', '127.0.0.1', 1)));
    await master.command('SET', 'k', 'v');
    const run = await promote(endpointsOf([...replicas, master]));
    expect(run.exitCode).toBe(0);
    expect((await roleOf(master)).role).toBe('master');
    await awaitOnline(master, 2);
  });

  test('a master reborn empty does not wipe its replicas: one of them takes over, and it follows', async () => {
    const [master, ...replicas] = await set.startReplicated(2);
    await master.command('SET', 'k', 'v');
    await awaitCaughtUp(master, replicas);
    await killMaster(master, replicas);
    // Before it is back, the replicas are kept from fetching its emptiness, as a quick failover would find them.
    await Promise.all(replicas.map((replica) => replica.command('REPLICAOF', '127.0.0.1', 1)));
    const reborn = await set.start({ port: master.target.port });
    const { exitCode, report } = await promoteJson(endpointsOf([reborn, ...replicas]));
    expect(exitCode).toBe(0);
    expect(report.plan.kind).toBe('promote');
    expect(report.plan.candidates[0]!.reason).toContain('without a single key');
    for (const redis of [reborn, ...replicas]) expect(await redis.command('GET', 'k')).toBe('v');
  });

  test('a stranger with data is not wiped without --force', async () => {
    const [dead, ...replicas] = await set.startReplicated(1);
    await dead.command('SET', 'k', 'v');
    await awaitCaughtUp(dead, replicas);
    await killMaster(dead, replicas);
    const stranger = await set.start();
    await stranger.command('SET', 'other', 'data');
    const endpoints = endpointsOf([stranger, ...replicas]);
    const refused = await promote(endpoints);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain(`${endpointOf(replicas[0]!)} loses its whole data set: 1 keys`);
    expect(await replicas[0]!.command('GET', 'k')).toBe('v');
    expect((await promote(endpoints, { force: true })).exitCode).toBe(0);
    await awaitOnline(stranger, 1);
  });
});

describe('two masters', () => {
  test('are refused; --force keeps the one with more followers, tells what the other loses, and cuts its clients', async () => {
    const [master, ...replicas] = await set.startReplicated(3);
    await master.command('SET', 'common', 'v');
    await awaitCaughtUp(master, replicas);
    const second = replicas[2]!;
    await second.command('REPLICAOF', 'NO', 'ONE');
    await second.command('SET', 'only-here', 'x'.repeat(500));
    const endpoints = endpointsOf([second, master, replicas[0]!, replicas[1]!]);

    const changes = await changesDuring([master, second, ...replicas.slice(0, 2)], async () => {
      const refused = await promote(endpoints);
      expect(refused.exitCode).toBe(1);
      expect(refused.stderr).toContain(`2 masters: ${[endpointOf(second), endpointOf(master)].sort().join(', ')}`);
      expect(refused.stderr).toContain(`--force would keep ${endpointOf(master)} (2 followers)`);
    });
    expect(changes).toEqual([]);
    expect((await roleOf(second)).role).toBe('master');

    const idOfClient = await second.command('CLIENT', 'ID');
    const { exitCode, report } = await promoteJson(endpoints, { force: true });
    expect(exitCode).toBe(0);
    expect(report.plan).toMatchObject({ kind: 'repair', master: endpointOf(master) });
    expect(report.plan.warnings.join()).toMatch(new RegExp(`${endpointOf(second)} loses the last 5\\d\\d bytes`));
    await awaitOnline(master, 3);
    expect(await second.command('EXISTS', 'only-here')).toBe(0);
    expect(await second.command('CLIENT', 'ID')).not.toBe(idOfClient);
  });

  test('without followers, the greater offset is kept; foreign data is counted in keys', async () => {
    const [a, b] = [await set.start(), await set.start()];
    await a.command('SET', 'k1', 'v');
    // A master counts no offset before it has had a replica.
    const passing = await set.start();
    await follow(passing, b);
    await b.command('SET', 'k1', 'x'.repeat(300));
    await passing.stop();
    const { exitCode, report } = await promoteJson(endpointsOf([a, b]), { force: true });
    expect(exitCode).toBe(0);
    expect(report.plan.master).toBe(endpointOf(b));
    expect(report.plan.warnings.join()).toContain(`${endpointOf(a)} loses its whole data set: 1 keys`);
    expect(await a.command('STRLEN', 'k1')).toBe(300);
  });
});

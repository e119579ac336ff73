// The commands by which people look at a set and move its master, on a real one.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Explanation } from '@sentinel-micro/core';
import { UsageError, type RawFlags } from '@sentinel-micro/runtime';
import { sleep, type Cluster, type Pod } from '@sentinel-micro/testkit';
import { runExplain } from '../src/control/explain.ts';
import { runHistory, type ToldChange } from '../src/control/history.ts';
import { runFailover, runHandover, runPause, runResume, runSwitchover } from '../src/control/order.ts';
import { runStatus } from '../src/status.ts';
import { runCommand, type Command } from './cluster-commands.ts';
import {
  GRANT_MS,
  fill,
  mend,
  readBack,
  settled,
  startSet,
  startWriter,
  stopAll,
  untilTrue,
} from './cluster-helpers.ts';
import type { Run } from './control-support.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startSet();
  await fill(cluster, (await settled(cluster)).master, 100);
}, 60_000);

beforeEach(async () => {
  await mend(cluster);
  await run(runResume);
  await settled(cluster);
}, 60_000);
afterAll(() => stopAll(cluster));

function run(command: Command, change: RawFlags = {}): Promise<Run> {
  return runCommand(cluster, command, change);
}

async function explained(): Promise<Explanation> {
  return JSON.parse((await run(runExplain, { json: true })).stdout) as Explanation;
}

/** Waits until the one who leads has heard that a replica has linked up again: with the next renewal after a move. */
async function ready(): Promise<Explanation> {
  const start = await settled(cluster);
  await untilTrue('a switchover to be possible', async () => {
    const { switchover } = await explained();
    return switchover.candidates.every(({ reason }) => /take over/.test(reason));
  });
  expect((await explained()).master).toMatchObject({ pod: start.master.name, term: start.term });
  return explained();
}

async function newestChange(): Promise<ToldChange | undefined> {
  const { stdout } = await run(runHistory, { json: true });
  return (JSON.parse(stdout) as { changes: ToldChange[] }).changes[0];
}

/** The newest move that any sidecar remembers, once it is another one than `before`: a sidecar notes it when it hears of it. */
async function nextChange(before: ToldChange | undefined): Promise<ToldChange | undefined> {
  let now = before;
  await untilTrue('the move to be remembered', async () => {
    now = await newestChange();
    return now?.term !== before?.term;
  });
  return now;
}

async function isMaster(pod: Pod): Promise<boolean> {
  return (await settled(cluster)).master === pod;
}

describe('sentinel explain', () => {
  test('whom it names is elected when the master dies', async () => {
    const { master, term } = await settled(cluster);
    const { election, quorum, master: named } = await explained();
    expect(named).toMatchObject({ pod: master.name, term });
    expect(quorum).toMatchObject({ votes: 3, hasQuorum: true });
    const before = await newestChange();
    master.killRedis();
    const foretold = [election.winner, ...election.orElse];
    await untilTrue('the successor that was foretold', async () => {
      const now = (await explained()).master?.pod;
      return now !== undefined && now !== master.name && foretold.includes(now);
    });
    expect(await nextChange(before)).toMatchObject({ from: master.name, cause: 'redis-dead' });
  });

  test('a pod without a sidecar has no vote, and after that no loss would be survived', async () => {
    const { master, replicas } = await settled(cluster);
    const [gone, other] = replicas as [Pod, Pod];
    gone.killSidecar();
    await untilTrue('its sidecar to be gone', () => !gone.isSidecarAlive());
    const { exitCode, stdout } = await run(runExplain);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(new RegExp(`${gone.name} +no +its sidecar does not answer`));
    expect(stdout).toContain(`IF ${master.name} WERE LOST: NOBODY: only ${other.name} would be left to vote`);
    expect(stdout).toContain(`If only its Redis were lost, and its sidecar could vote: ${other.name}`);
  });
});

describe('sentinel switchover', () => {
  test('the target that explain names becomes master, and nothing is lost', async () => {
    const { master, replicas } = await settled(cluster);
    // Under a writer the offsets of two equal replicas change places from moment to moment: only a priority stays.
    const preferred = replicas[1] as Pod;
    await preferred.command('CONFIG', 'SET', 'replica-priority', '50');
    try {
      await untilTrue('explain to name it', async () => (await ready()).switchover.target === preferred.name);
      const writer = startWriter(cluster);
      const { exitCode, stdout, stderr } = await run(runSwitchover);
      expect([exitCode, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(new RegExp(`^${preferred.name} is master of term \\d+`));
      const { lostAcknowledged } = await readBack(cluster, writer);
      expect(lostAcknowledged).toBe(0);
      expect(await newestChange()).toMatchObject({ from: master.name, to: preferred.name, cause: 'switchover' });
    } finally {
      await preferred.command('CONFIG', 'SET', 'replica-priority', '100');
    }
  });

  test('--to names it', async () => {
    const { replicas } = await settled(cluster);
    for (const target of replicas) {
      await ready();
      expect(await run(runSwitchover, { to: target.name })).toMatchObject({ exitCode: 0 });
      expect(await isMaster(target)).toBe(true);
    }
  });

  test('--to the master itself is done already; to nobody is wrong usage', async () => {
    const { master } = await settled(cluster);
    expect(await run(runSwitchover, { to: master.name })).toEqual({
      exitCode: 0,
      stdout: `${master.name} is master already`,
      stderr: '',
    });
    const toNobody = run(runSwitchover, { to: 'redis-9' });
    await expect(toNobody).rejects.toThrow(UsageError);
    await expect(toNobody).rejects.toThrow(/no pod of this set; there are redis-0/);
  });

  test('when nobody can take over it says why, and the master stays', async () => {
    const { master, replicas } = await settled(cluster);
    for (const replica of replicas) await replica.command('CONFIG', 'SET', 'replica-priority', '0');
    try {
      await untilTrue('everybody to know', async () => (await explained()).switchover.target === null);
      await sleep(500);
      const { exitCode, stderr } = await run(runSwitchover);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/No suitable replica to promote.*priority 0: never promoted/);
      expect(await isMaster(master)).toBe(true);
    } finally {
      for (const replica of replicas) await replica.command('CONFIG', 'SET', 'replica-priority', '100');
    }
  });
});

describe('sentinel pause', () => {
  test('nobody takes over, which status shows; a failover by hand does, and after a resume all is as before', async () => {
    const { master, replicas } = await settled(cluster);
    expect(await run(runPause)).toMatchObject({ exitCode: 0 });
    await untilTrue('everybody to know', async () => (await explained()).pausedBy.length === 3);
    expect((await run(runStatus)).stdout).toMatch(/^\*\*\* AUTOMATIC FAILOVER IS PAUSED/);
    master.killRedis();
    await sleep(2 * GRANT_MS);
    const roles = await cluster.redisRoles(replicas);
    expect(roles.map(({ role }) => role?.role)).toEqual(['replica', 'replica']);
    const foretold = (await explained()).election.winnerIfResumed;
    const { exitCode, stdout } = await run(runFailover);
    expect([exitCode, stdout]).toEqual([
      0,
      expect.stringMatching(new RegExp(`^${String(foretold)} is master of term`)),
    ]);
    expect(await run(runResume)).toMatchObject({ exitCode: 0 });
    expect((await run(runStatus)).stdout).toMatch(/^POD /);
  });
});

describe('sentinel handover', () => {
  test('returns when this pod is not master any more; on a replica at once', async () => {
    await ready();
    const { master } = await settled(cluster);
    expect(await run(runHandover, { listen: master.ip })).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await isMaster(master)).toBe(false);
    expect(await newestChange()).toMatchObject({ from: master.name, cause: 'handover' });
    expect(await run(runHandover, { listen: master.ip })).toMatchObject({
      exitCode: 0,
      stdout: `${master.name} is not master`,
    });
  });
});

describe('sentinel history', () => {
  test('all sidecars tell the same story', async () => {
    const { stdout } = await run(runHistory, { json: true });
    const { changes } = JSON.parse(stdout) as { changes: ToldChange[] };
    const terms = changes.map(({ term }) => term);
    expect(terms).toEqual([...terms].sort((a, b) => b - a));
    for (const [index, { from }] of changes.slice(0, -1).entries()) expect(from).toBe(changes[index + 1]?.to);
    expect(changes.at(-1)).toMatchObject({ from: null, cause: 'bootstrap' });
  });
});

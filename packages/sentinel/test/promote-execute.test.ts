import { afterEach, describe, expect, test } from '@jest/globals';
import { planPromotion, type Instance, type PromotionPlan } from '@sentinel-micro/core';
import { systemClock, type RedisConnection } from '@sentinel-micro/runtime';
import { waitUntil, type RedisProcess } from '@sentinel-micro/testkit';
import { runPromote } from '../src/promote/command.ts';
import { parseEndpoint } from '../src/promote/endpoint.ts';
import { followAll, promote } from '../src/promote/execute.ts';
import { createObserver, type Observer } from '../src/promote/observe.ts';
import { changesDuring, endpointOf, killMaster, roleOf, set, useSet } from './promote-helpers.ts';

const SETTINGS = { clock: systemClock, verifyTimeoutMs: 800 };

let observer: Observer | undefined;

afterEach(() => {
  observer?.close();
  observer = undefined;
});
useSet();

/** Looks at the replicas of a dead master, and plans. */
async function planFor(
  replicas: readonly RedisProcess[],
): Promise<{ plan: Extract<PromotionPlan, { kind: 'promote' }>; observer: Observer }> {
  const endpoints = replicas.map((redis) => parseEndpoint(endpointOf(redis)));
  observer = createObserver(endpoints, { username: undefined, password: undefined, probeTimeoutMs: 300 });
  const plan = planPromotion(await observer.observe(), { force: false });
  if (plan.kind !== 'promote') throw new Error(plan.reason);
  return { plan, observer };
}

describe('between the look and the order', () => {
  test('a replica hangs: it is reported, the rest is done', async () => {
    const [master, ...replicas] = await set.startReplicated(3);
    await killMaster(master, replicas);
    const { plan, observer } = await planFor(replicas);
    const [hanging, well] = replicas.filter((redis) => endpointOf(redis) !== plan.winner);
    hanging!.pause();
    expect(await promote(observer.session(plan.winner), SETTINGS)).toMatchObject({ kind: 'done' });
    const results = await followAll(plan, observer, SETTINGS);
    expect(results.find(({ endpoint }) => endpoint === endpointOf(hanging!))).toMatchObject({
      ok: false,
      detail: expect.stringContaining('no answer'),
    });
    expect(results.find(({ endpoint }) => endpoint === endpointOf(well!))).toMatchObject({ ok: true });
  });

  test('a replica dies: it is reported, the rest is done', async () => {
    const [master, ...replicas] = await set.startReplicated(3);
    await killMaster(master, replicas);
    const { plan, observer } = await planFor(replicas);
    const [dead, well] = replicas.filter((redis) => endpointOf(redis) !== plan.winner);
    await dead!.killAndWait();
    await promote(observer.session(plan.winner), SETTINGS);
    const results = await followAll(plan, observer, SETTINGS);
    expect(results.find(({ endpoint }) => endpoint === endpointOf(dead!))!.ok).toBe(false);
    expect(results.find(({ endpoint }) => endpoint === endpointOf(well!))!.ok).toBe(true);
  });

  test('the winner hangs: it may obey later, so its promotion is neither done nor refused', async () => {
    const [master, ...replicas] = await set.startReplicated(1);
    await killMaster(master, replicas);
    const { plan, observer } = await planFor(replicas);
    replicas[0]!.pause();
    expect(await promote(observer.session(plan.winner), SETTINGS)).toMatchObject({ kind: 'unknown' });
    replicas[0]!.resume();
    await waitUntil(async () => ((await roleOf(replicas[0]!)).role === 'master' ? true : undefined), {
      what: 'the late promotion',
      timeoutMs: 5000,
    });
  });
});

test('when a promotion is not certain, nobody else is promoted or pointed anywhere', async () => {
  const [master, winner, other] = await set.startReplicated(2, [['replica-priority 1']]);
  await killMaster(master, [winner!, other!]);
  const stderr: string[] = [];
  const changes = await changesDuring([other!], async () => {
    const out = {
      // The plan is printed right before it is carried out.
      stdout: () => winner!.pause(),
      stderr: (text: string) => stderr.push(text),
    };
    const flags = { 'probe-timeout-ms': 300, 'verify-timeout-ms': 600, output: 'text' };
    expect(await runPromote(flags, [endpointOf(winner!), endpointOf(other!)], out)).toBe(1);
  });
  expect(changes).toEqual([]);
  expect(stderr.join('\n')).toContain(`${endpointOf(winner!)}: it is not known whether it has become master`);
  expect(stderr.join('\n')).toContain(`${endpointOf(other!)}: left as it was`);
});

test('a link that is up is not enough: the master must show the replica as online', async () => {
  const replicaInfo = ['role:slave', 'master_host:10.0.0.1', 'master_port:1', 'master_link_status:up'];
  const connection: RedisConnection = {
    isOpen: true,
    call: (command) => Promise.resolve(command === 'INFO' ? replicaInfo.concat(ids).join('\n') : 'OK'),
    together: (send) => send(),
    onClose: () => undefined,
    close: () => undefined,
  };
  const source = { state: 'reachable', endpoint: 'm:1', addresses: ['m:1'], feeds: [] } as unknown as Instance;
  const fake: Observer = {
    observe: () => Promise.resolve([source]),
    session: () => ({ ip: '10.0.0.1', port: 1, connection }),
    close: () => undefined,
  };
  const order = { endpoint: 'a:1', kind: 'follow', cutClients: false, reason: '' } as const;
  const plan = { kind: 'repair', master: 'm:1', reason: '', orders: [order], verdicts: [], warnings: [] } as const;
  expect(await followAll(plan, fake, { ...SETTINGS, verifyTimeoutMs: 1 })).toEqual([
    { endpoint: 'a:1', step: 'follow', ok: false, detail: 'its link is up, but m:1 does not show it as online' },
  ]);
});

const ids = [`master_replid:${'a'.repeat(40)}`, 'master_repl_offset:1'];

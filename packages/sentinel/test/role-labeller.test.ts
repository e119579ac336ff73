// The role label, kept through a real connection to an API that is slow, away, or says no.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { asPodName } from '@sentinel-micro/core';
import { connectKube, type KubeApi } from '@sentinel-micro/kubernetes';
import { systemClock, type Logger } from '@sentinel-micro/runtime';
import { KubeApiStandIn, sleep, waitUntilTrue } from '@sentinel-micro/testkit';
import { ApiTrouble } from '../src/kube/api-trouble.ts';
import { RoleLabeller } from '../src/kube/labeller.ts';
import type { RoleView } from '../src/kube/role-view.ts';
import { makePod, rolesIn, rulesFor } from './kube-support.ts';

const PODS = ['redis-0', 'redis-1', 'redis-2'];
const TIMEOUT_MS = 300;
const FOLLOWING: RoleView = { wanted: 'replica', lease: null, isFencing: false, term: 3, others: [] };
const LEADING: RoleView = {
  ...{ wanted: 'master', lease: { term: 3, renewedAtMs: 0 }, isFencing: true, term: 3 },
  others: ['redis-0', 'redis-2'].map((name) => ({ pod: asPodName(name), isMember: true })),
};

let api: KubeApiStandIn;
let client: KubeApi;
let labeller: RoleLabeller;
let view: RoleView;
let lines: string[];
let trouble: ApiTrouble;

const logger: Logger = { log: (level, event, text) => void lines.push(`${level} ${event}: ${text}`) };

beforeEach(async () => {
  api = await KubeApiStandIn.start();
  for (const name of PODS) makePod(api, name, `uid-of-${name}`);
  lines = [];
  view = FOLLOWING;
});

afterEach(async () => {
  labeller.close();
  client.close();
  await api.stop();
});

function start(token: string): void {
  const source = { kubeconfig: api.kubeconfig(token) };
  client = connectKube({ source, namespace: api.namespace, timeoutMs: TIMEOUT_MS });
  trouble = new ApiTrouble(logger);
  const self = { pod: asPodName('redis-1'), uid: 'uid-of-redis-1', incarnation: 'a'.repeat(40) };
  const config = { ...self, graceMs: 500, startedAtMs: systemClock.now() };
  const ports = { api: client, view: () => view, clock: systemClock, random: () => 1, trouble };
  labeller = new RoleLabeller(config, ports);
  labeller.look();
}

const allRights = (): string => api.grant('redis', rulesFor(PODS));

const untilRole = (role: string | null): Promise<void> =>
  waitUntilTrue(() => rolesIn(api, [{ name: 'redis-1' }])['redis-1'] === role, {
    what: `redis-1 to be ${String(role)}`,
    timeoutMs: 10_000,
  });

describe('an API that is well', () => {
  test('a replica becomes master, and none again; nothing is told', async () => {
    start(allRights());
    await untilRole('replica');
    view = LEADING;
    labeller.look();
    await untilRole('master');
    view = { ...FOLLOWING, wanted: 'none' };
    labeller.look();
    await untilRole(null);
    expect(lines).toEqual([]);
  });

  test('a stop waits until the label is gone', async () => {
    start(allRights());
    view = LEADING;
    labeller.look();
    await untilRole('master');
    await labeller.leave(5000);
    expect(rolesIn(api, [{ name: 'redis-1' }])).toEqual({ 'redis-1': null });
  });
});

describe('an API that is not', () => {
  test('a permission is missing: the line says which', async () => {
    start(api.grant('redis', [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]));
    await waitUntilTrue(() => lines.length > 0, { what: 'the refusal to be told', timeoutMs: 5000 });
    await sleep(300);
    expect(lines).toEqual([
      expect.stringMatching(
        /^warn kubernetes: .*403 Forbidden.*the Role of this pod's service account needs the verb patch for pods, and resourceNames with redis-1/,
      ),
    ]);
    expect(trouble.counts).toEqual({ forbidden: 1 });
  });

  test('429: it waits as long as it is asked to', async () => {
    const busy = api.fail({ kind: 'status', status: 429, retryAfter: '2' }, { method: 'GET', times: 1 });
    const sinceMs = systemClock.now();
    start(allRights());
    await untilRole('replica');
    expect(systemClock.now() - sinceMs).toBeGreaterThanOrEqual(2000);
    expect(busy.met).toBe(1);
    expect(trouble.counts).toEqual({ throttled: 1 });
  });

  test('it does not answer: told once, and once that it does again', async () => {
    const silence = api.fail({ kind: 'silent' });
    start(allRights());
    await waitUntilTrue(() => (trouble.counts['no-answer'] ?? 0) >= 3, { what: 'three tries', timeoutMs: 10_000 });
    expect(trouble.isAway).toBe(true);
    silence.end();
    await untilRole('replica');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('Failover does not depend on it');
    expect(lines[1]).toBe('info kubernetes: the Kubernetes API answers again');
  });

  test('a stop does not wait for an API that is away, nor longer than its budget for one that is slow', async () => {
    start(allRights());
    view = LEADING;
    labeller.look();
    await untilRole('master');
    api.fail({ kind: 'slow', delayMs: 2000 });
    const sinceMs = systemClock.now();
    await labeller.leave(100);
    expect(systemClock.now() - sinceMs).toBeLessThan(1000);
  });

  test('an answer that was lost: the label is there all the same, and is not asked for again', async () => {
    api.fail({ kind: 'lost-answer' }, { method: 'PATCH', name: 'redis-1', times: 1 });
    start(allRights());
    await untilRole('replica');
    await sleep(600);
    const patches = api.requests.filter(({ method, name }) => method === 'PATCH' && name === 'redis-1');
    expect(patches).toHaveLength(1);
  });

  // The kubelet writes the pod's status between our reading and our writing.
  test('the pod changes all the time: the label is set all the same', async () => {
    const kubelet = setInterval(
      () => api.put('pods', { metadata: { name: 'redis-1' }, status: { at: String(performance.now()) } }),
      20,
    );
    try {
      start(allRights());
      view = LEADING;
      labeller.look();
      await untilRole('master');
    } finally {
      clearInterval(kubelet);
    }
  });
});

import {
  asOffset,
  asPodName,
  asReplicationId,
  asRunId,
  asTerm,
  decideBootstrap,
  type PeerStatus,
} from '@sentinel-micro/core';
import type { ReplicationInfo } from '@sentinel-micro/core';
import { describe, expect, test } from '@jest/globals';
import { observe, type Probes } from '../src/observe.ts';
import { configOf } from './support.ts';

const RUN_ID = asRunId('a'.repeat(40));
const HISTORY = {
  replid: asReplicationId('1'.repeat(40)),
  replid2: null,
  secondReplOffset: null,
  offset: asOffset(1),
};
const never = (): Promise<never> => new Promise(() => undefined);

function statusOf(pod: string, masterIp: string | null, cluster = 'redis.shop/mymaster'): PeerStatus {
  const master =
    masterIp === null
      ? null
      : {
          term: asTerm(3),
          pod: asPodName('redis-1'),
          uid: 'u',
          ip: masterIp,
          port: 6379,
          runId: RUN_ID,
          history: { ...HISTORY, ancestors: [] },
        };
  const view = { cluster, from: { pod: asPodName(pod) }, master, masterIsFresh: master !== null };
  // make-slave looks at nothing else.
  return view as unknown as PeerStatus;
}

function infoOf(role: 'master' | 'replica', masterHost: string | null): ReplicationInfo {
  return {
    ...HISTORY,
    runId: RUN_ID,
    role,
    masterHost,
    masterPort: masterHost === null ? null : 6379,
    linkUp: role === 'replica',
    syncInProgress: false,
    lastIoSecondsAgo: null,
    linkDownSinceSeconds: null,
    priority: null,
    replicas: [],
    loading: false,
    keys: null,
  };
}

/** A network of three pods, of which redis-0 is this one and redis-1 the master; each test breaks something. */
function probes(change: Partial<Probes> = {}): Probes {
  return {
    resolve: () => Promise.resolve(['10.0.0.10', '10.0.0.11', '10.0.0.12'].map((ip) => ({ ip, podName: null }))),
    status: (ip) => Promise.resolve(statusOf(ip === '10.0.0.11' ? 'redis-1' : 'redis-2', '10.0.0.11')),
    info: (ip) => Promise.resolve(ip === '10.0.0.11' ? infoOf('master', null) : infoOf('replica', '10.0.0.11')),
    ...change,
  };
}

async function timed<Result>(work: Promise<Result>): Promise<{ result: Result; tookMs: number }> {
  const startMs = performance.now();
  const result = await work;
  return { result, tookMs: performance.now() - startMs };
}

const SLOW = configOf({ 'probe-timeout-ms': '5000' });
const QUICK = configOf({ 'probe-timeout-ms': '50' });

describe('everything is asked at once, and nothing is waited for without need', () => {
  test('all answer: no waiting', async () => {
    const { result, tookMs } = await timed(observe(SLOW, probes()));
    expect(decideBootstrap(result)).toMatchObject({ kind: 'replica', master: { ip: '10.0.0.11' } });
    expect(tookMs).toBeLessThan(1000);
  });

  test('one more address hangs, but a quorum of sidecars and the master have answered', async () => {
    const hanging = '10.0.0.99';
    const all = probes();
    const { result, tookMs } = await timed(
      observe(SLOW, {
        resolve: async () => [{ ip: hanging, podName: null }, ...(await all.resolve())],
        status: (ip) => (ip === hanging ? never() : all.status(ip)),
        info: (ip, port) => (ip === hanging ? never() : all.info(ip, port)),
      }),
    );
    expect(decideBootstrap(result)).toMatchObject({ kind: 'replica', master: { ip: '10.0.0.11' } });
    expect(tookMs).toBeLessThan(1000);
  });

  test('the own address is not asked', async () => {
    const asked: string[] = [];
    const all = probes();
    await observe(
      SLOW,
      probes({
        status: (ip) => (asked.push(ip), all.status(ip)),
        info: (ip, port) => (asked.push(ip), all.info(ip, port)),
      }),
    );
    expect(asked.sort()).toEqual(['10.0.0.11', '10.0.0.11', '10.0.0.12', '10.0.0.12']);
  });
});

describe('every question is bounded', () => {
  test('DNS hangs', async () => {
    const { result, tookMs } = await timed(observe(QUICK, probes({ resolve: never })));
    expect(result).toMatchObject({
      dnsProblem: expect.stringContaining('no answer within 100 ms'),
      peers: [],
    });
    expect(tookMs).toBeLessThan(1000);
  });

  test('all peers hang', async () => {
    const { result, tookMs } = await timed(observe(QUICK, probes({ status: never, info: never })));
    expect(decideBootstrap(result)).toMatchObject({
      kind: 'limbo',
      reason: expect.stringContaining('within 50 ms'),
    });
    expect(tookMs).toBeLessThan(1000);
  });

  test('peers fail: the reason is kept', async () => {
    const info = (): Promise<never> => Promise.reject(new Error('WRONGPASS no'));
    const observation = await observe(QUICK, probes({ status: () => Promise.reject(new Error('refused')), info }));
    expect(observation.peers[1]).toMatchObject({ sidecar: { reason: 'refused' }, redis: { reason: 'WRONGPASS no' } });
  });
});

describe('a master that DNS does not list', () => {
  const two = () => Promise.resolve(['10.0.0.10', '10.0.0.12'].map((ip) => ({ ip, podName: null })));

  test('is asked when a sidecar names it', async () => {
    const observation = await observe(SLOW, probes({ resolve: two }));
    expect(decideBootstrap(observation)).toMatchObject({ kind: 'replica', master: { ip: '10.0.0.11' } });
  });

  test('is not asked when the sidecar is a stranger, or when it is this pod', async () => {
    const asked: string[] = [];
    const info = (ip: string): Promise<ReplicationInfo> => (asked.push(ip), Promise.resolve(infoOf('master', null)));
    await observe(
      SLOW,
      probes({ resolve: two, info, status: () => Promise.resolve(statusOf('redis-2', '10.0.0.11', 'x')) }),
    );
    await observe(
      SLOW,
      probes({ resolve: two, info, status: () => Promise.resolve(statusOf('redis-2', '10.0.0.10')) }),
    );
    expect(asked).toEqual(['10.0.0.12', '10.0.0.12']);
  });
});

test('IPv6 addresses compare whatever their spelling', async () => {
  const observation = await observe(
    configOf({ 'pod-ip': 'fd00::a' }),
    probes({
      resolve: () => Promise.resolve(['FD00::A', 'fd00:0::b', 'fd00::c'].map((ip) => ({ ip, podName: null }))),
      status: () => Promise.reject(new Error('refused')),
      info: (ip) =>
        Promise.resolve(ip === 'fd00::b' ? infoOf('master', null) : { ...infoOf('replica', 'FD00::B'), runId: null }),
    }),
  );
  expect(decideBootstrap(observation)).toMatchObject({ kind: 'replica', master: { ip: 'fd00::b' } });
});

import { describe, expect, test } from '@jest/globals';
import type { AskedPod } from '@sentinel-micro/core';
import { pod, silent, type Change } from '../../core/test/asked-pods.ts';
import { identity, LIMBO } from '../../core/test/support.ts';
import { problemsOf } from '../src/status-problems.ts';

const MISSING = 'DNS does not name it, or its sidecar did not say who it is';
/** As after the end of a lease that nobody has asked for yet. */
const LEADERLESS: Change = { role: 'follower', phase: null, leaseHolder: null, leaseRemainingMs: 0 };
const A_MASTER = { role: 'master', masterHost: null, masterPort: null, linkUp: false } as const;

/** The set of three with redis-2 as it is given. */
const withLast = (change: Change): AskedPod[] => [pod(0), pod(1), pod(2, change)];

describe('what keeps a set from being whole', () => {
  test('nothing: three pods, one master, two links', () => {
    expect(problemsOf([pod(0), pod(1), pod(2)])).toEqual([]);
  });

  test.each<[string, AskedPod[], string]>([
    ['a pod that DNS does not name', [pod(0), pod(1)], `redis-2: ${MISSING}`],
    [
      'a sidecar that does not answer',
      [pod(0), pod(1), silent(2)],
      'redis-2: its sidecar does not answer: connecting: no answer in time',
    ],
    ['a Redis that is down', withLast({ position: null }), 'redis-2: its Redis is down: connection refused'],
    [
      'a Redis that has begun to hang',
      withLast({ redis: { ...pod(2).status!.redis, health: 'suspect', reason: 'no answer' } }),
      'redis-2: its Redis is suspect: no answer',
    ],
    ['limbo', withLast({ position: LIMBO }), 'redis-2: its Redis is in limbo, a replica of nobody'],
    [
      'a replica of somebody else',
      withLast({ position: { masterHost: '10.0.0.2' } }),
      'redis-2: its Redis follows 10.0.0.2:6379, and not redis-0',
    ],
    [
      'the right address, the wrong port',
      withLast({ position: { masterPort: 6380 } }),
      'redis-2: its Redis follows 10.0.0.1:6380, and not redis-0',
    ],
    ['a link that is down', withLast({ position: { linkUp: false } }), 'redis-2: its link to the master is down'],
    ['a second master', withLast({ position: A_MASTER }), 'redis-2: its Redis is a master, but it does not lead'],
    [
      'a pod that counts another quorum',
      withLast({ from: { ...identity(2), replicas: 5 } }),
      'redis-2: runs with --replicas 5 instead of 3',
    ],
    [
      'another cluster',
      withLast({ cluster: 'other.ns/mymaster' }),
      'redis-2: its sidecar is of another cluster, other.ns/mymaster',
    ],
    ['a pod beyond N', [pod(0), pod(1), pod(2), pod(3)], 'redis-3: is not one of the configured pods'],
    [
      'a leader whose Redis is not master yet',
      [pod(0, { phase: 'promote', reason: 'promoting', position: { ...LIMBO, role: 'replica' } }), pod(1), pod(2)],
      'redis-0: holds the lease, but its Redis is no master: promoting',
    ],
    [
      'a leader that is handing over',
      [pod(0, { phase: 'handover', reason: 'handing over to redis-1' }), pod(1), pod(2)],
      'redis-0: holds the lease, and is busy: handing over to redis-1',
    ],
  ])('%s', (_title, pods, problem) => {
    expect(problemsOf(pods)).toEqual([problem]);
  });

  test('nobody holds the lease: that comes first', () => {
    const pods = [0, 1, 2].map((index) => pod(index, { ...LEADERLESS, position: LIMBO }));
    expect(problemsOf(pods)).toEqual([
      'nobody holds the lease',
      'redis-0: its Redis is a master, but it does not lead',
      'redis-1: its Redis is in limbo, a replica of nobody',
      'redis-2: its Redis is in limbo, a replica of nobody',
    ]);
  });

  test('a pause, and a sidecar that does not vote yet, do not count', () => {
    expect(problemsOf([pod(0, { pauses: 1 }), pod(1, { mutedForMs: 900 }), pod(2)])).toEqual([]);
  });

  test('nobody answers, or nobody is there', () => {
    expect(problemsOf([silent(0)])).toEqual(['nobody holds the lease', 'redis-0: connecting: no answer in time']);
    expect(problemsOf([])).toEqual(['nobody holds the lease']);
  });
});

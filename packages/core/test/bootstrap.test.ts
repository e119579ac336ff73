import { describe, expect, test } from '@jest/globals';
import {
  decideBootstrap,
  isSettled,
  strangersIn,
  asOffset,
  asPodName,
  asTerm,
  type Announcement,
  type Answer,
  type BootstrapObservation,
  type PeerObservation,
  type ReplicationInfo,
} from '../src/index.ts';
import {
  SELF,
  IP_1,
  IP_2,
  runIdOf,
  silent,
  master,
  follower,
  inLimbo,
  announcement,
  says,
  peer,
  seen,
  HEALTHY,
} from './bootstrap-support.ts';

describe('a pod follows', () => {
  test('the master that the sidecars name, when its Redis confirms it', () => {
    expect(decideBootstrap(HEALTHY)).toEqual({
      kind: 'replica',
      master: { ip: IP_1, port: 6379, pod: 'redis-1' },
      term: 7,
      reason: '2 of 3 sidecars name redis-1 at 10.0.0.11:6379 as master of term 7, and its Redis confirms it',
    });
  });

  test('the one of the most recent term', () => {
    const former = announcement({ term: asTerm(6), pod: asPodName('redis-2'), ip: IP_2, runId: runIdOf('n') });
    const observation = seen([
      peer(IP_1, says('redis-1', announcement()), master()),
      peer(IP_2, says('redis-2', former), master('n')),
    ]);
    expect(decideBootstrap(observation)).toMatchObject({ kind: 'replica', master: { ip: IP_1 } });
  });

  test('a master that DNS does not list yet, when it was asked', () => {
    const observation = seen([peer(IP_2, says('redis-2', announcement()), follower(IP_1)), peer(IP_1, null, master())]);
    expect(decideBootstrap(observation)).toMatchObject({ kind: 'replica', master: { ip: IP_1, port: 6379 }, term: 7 });
  });

  test('without help from sidecars, a master that others of the set follow', () => {
    const observation = seen([peer(IP_1, silent, master()), peer(IP_2, says('redis-2', null), follower(IP_1))]);
    expect(decideBootstrap(observation)).toEqual({
      kind: 'replica',
      master: { ip: IP_1, port: 6379, pod: null },
      term: null,
      reason: 'no sidecar names a master, but 10.0.0.11:6379 is a master that 1 other instance(s) of this set follow',
    });
  });

  // Fails when only addresses are compared: without sidecars the replicas of a StatefulSet follow `redis-0.redis`.
  test('also one that they follow by its name, when it says so too', () => {
    const listed = { ip: IP_2, port: 6379, state: 'online', offset: asOffset(100), lagSeconds: 0 };
    const seenWith = (replicas: ReplicationInfo['replicas'], host = 'redis-1.redis'): BootstrapObservation =>
      seen([peer(IP_1, silent, master('m', { replicas })), peer(IP_2, silent, follower(host))]);
    const byName = seenWith([listed]);
    expect(decideBootstrap(byName)).toMatchObject({ kind: 'replica', master: { ip: IP_1 }, term: null });
    const others = [
      seenWith([]),
      seenWith([{ ...listed, ip: '10.0.0.13' }]),
      seenWith([{ ...listed, port: 6380 }]),
      seenWith([{ ...listed, state: 'wait_bgsave' }]),
      seenWith([listed], '10.0.0.9'),
      seenWith([listed], 'fd00::9'),
    ];
    for (const other of others) expect(decideBootstrap(other)).toMatchObject({ kind: 'limbo' });
  });

  test('that master also beside a stray one that nobody follows, and when it answers at two addresses', () => {
    const stray = peer('10.0.0.13', silent, master('s'));
    const twice = peer('fd00::11', silent, master());
    const observation = seen([peer(IP_1, silent, master()), peer(IP_2, silent, follower(IP_1)), stray, twice]);
    expect(decideBootstrap(observation)).toMatchObject({ kind: 'replica', master: { ip: IP_1 } });
  });

  test('and when the last announcement, though no longer fresh, says the same', () => {
    const stale = says('redis-2', announcement(), { masterIsFresh: false });
    const observation = seen([peer(IP_1, silent, master()), peer(IP_2, stale, follower(IP_1))]);
    expect(decideBootstrap(observation)).toMatchObject({ kind: 'replica', term: null });
  });
});

/** The healthy set with another answer of the announced master's Redis. */
const confirmedBy = (redis: Answer<ReplicationInfo>): BootstrapObservation =>
  seen([
    peer(IP_1, says('redis-1', announcement()), redis),
    peer(IP_2, says('redis-2', announcement()), follower(IP_1)),
  ]);
const namedBy = (named: Announcement, more: readonly PeerObservation[] = []): BootstrapObservation =>
  seen([peer(IP_2, says('redis-2', named), inLimbo), peer(IP_1, silent, master()), ...more]);
/** No sidecar answers. */
const instances = (...peers: (readonly [string, Answer<ReplicationInfo>])[]): BootstrapObservation =>
  seen(peers.map(([ip, redis]) => peer(ip, silent, redis)));

const limboCases: readonly (readonly [string, BootstrapObservation, RegExp])[] = [
  ['DNS fails', seen([], { dnsProblem: 'queryA ETIMEOUT' }), /^queryA ETIMEOUT; does DNS answer at all, .* port 53/],
  ['DNS has nobody', seen([], { dnsProblem: 'queryA ENOTFOUND' }), /ENOTFOUND; .*publishNotReadyAddresses: true\?$/],
  ['nobody is there', seen([]), /no other pod than this one; is publishNotReadyAddresses set/],
  ['only itself is there', seen([peer(SELF.ip, null, master())]), /no other pod than this one/],
  ['it is the only pod of the set', seen([peer(SELF.ip, null, master())], { members: [SELF.pod] }), /than this one$/],
  ['the announced Redis is silent', confirmedBy(silent), /term 7, but no answer within 500 ms/],
  ['the announced Redis is a replica', confirmedBy(follower(IP_2)), /but it is a replica of 10\.0\.0\.12:6379/],
  ['the announced Redis loads', confirmedBy(master('m', { loading: true })), /but it is still loading/],
  ['the announced Redis restarted', confirmedBy(master('other')), /but it is another process/],
  ['the run id is not told', confirmedBy(master('m', { runId: null })), /but it is another process/],
  [
    'the announced Redis was not asked',
    seen([peer(IP_2, says('redis-2', announcement()), inLimbo)]),
    /not asked in time/,
  ],
  ['the announced address is its own', namedBy(announcement({ ip: SELF.ip })), /this pod's own address/],
  ['the announced pod has its name', namedBy(announcement({ pod: SELF.pod })), /an earlier life of this pod/],
  [
    'the announced pod is no member',
    namedBy(announcement({ pod: asPodName('redis-3') })),
    /redis-3 is none of the pods/,
  ],
  [
    'the announced address belongs to another pod by now',
    seen([
      peer(IP_2, says('redis-2', announcement({ runId: null })), inLimbo),
      { ...peer(IP_1, silent, master()), podName: asPodName('redis-2') },
    ]),
    /redis-2 is at this address now/,
  ],
  [
    'the announced address belongs to another cluster by now',
    seen([
      peer(IP_2, says('redis-2', announcement({ runId: null })), inLimbo),
      peer(IP_1, says('redis-1', null, { cluster: 'redis.other/mymaster' }), master()),
    ]),
    /belongs to another cluster/,
  ],
  [
    'two masters in one term',
    seen([
      peer(IP_1, says('redis-1', announcement()), master()),
      peer(IP_2, says('redis-2', announcement({ pod: asPodName('redis-2'), ip: IP_2 })), master()),
    ]),
    /different masters in term 7/,
  ],
  [
    'a newer term is known than the one that still has a lease',
    seen([
      peer(IP_1, says('redis-1', announcement()), master()),
      peer(IP_2, says('redis-2', announcement({ term: asTerm(8) }), { masterIsFresh: false }), inLimbo),
    ]),
    /a master of term 8 is known/,
  ],
  [
    'the announcement is stale, and nobody follows',
    seen([
      peer(IP_1, silent, master()),
      peer(IP_2, says('redis-2', announcement(), { masterIsFresh: false }), inLimbo),
    ]),
    /nobody follows the master 10\.0\.0\.11:6379/,
  ],
  [
    'others follow another one than was announced last',
    seen([
      peer(IP_1, silent, master()),
      peer(IP_2, says('redis-2', announcement({ ip: '10.0.0.19' }), { masterIsFresh: false }), follower(IP_1)),
    ]),
    /the last master that the sidecars announced is redis-1 at 10\.0\.0\.19:6379/,
  ],
  [
    'others follow a restarted one',
    seen([
      peer(IP_1, silent, master('again')),
      peer(IP_2, says('redis-2', announcement(), { masterIsFresh: false }), follower(IP_1)),
    ]),
    /the last master that the sidecars announced/,
  ],
  [
    'all are in limbo',
    instances([IP_1, inLimbo], [IP_2, inLimbo]),
    /no sidecar names a master, and no Redis is a master$/,
  ],
  ['nobody answers', instances([IP_1, silent]), /no Redis is a master \(no INFO from 10\.0\.0\.11:6379: no answer/],
  [
    'nobody follows the master',
    instances([IP_1, master()], [IP_2, inLimbo]),
    /nobody follows the master 10\.0\.0\.11:6379/,
  ],
  [
    'the link to the master is down',
    instances([IP_1, master()], [IP_2, follower(IP_1, { linkUp: false })]),
    /nobody follows the master/,
  ],
  [
    'others follow the same host on another port',
    instances([IP_1, master()], [IP_2, follower(IP_1, { masterPort: 6380 })]),
    /nobody follows the master/,
  ],
  [
    'the followed master loads',
    instances([IP_1, master('m', { loading: true })], [IP_2, follower(IP_1)]),
    /no Redis is a master/,
  ],
  [
    'two masters have followers',
    instances([IP_1, master()], [IP_2, master('n')], ['10.0.0.13', follower(IP_1)], ['10.0.0.14', follower(IP_2)]),
    /several masters have followers: 10\.0\.0\.11:6379, 10\.0\.0\.12:6379/,
  ],
  [
    'the followed master is an earlier life of itself',
    seen([{ ...peer(IP_1, silent, master()), podName: SELF.pod }, peer(IP_2, silent, follower(IP_1))]),
    /an earlier life of this pod/,
  ],
  [
    'only a foreign sidecar names a master',
    seen([peer(IP_1, says('redis-1', announcement(), { cluster: 'other' }), master()), peer(IP_2, silent, inLimbo)]),
    /no sidecar names a master, and no Redis is a master$/,
  ],
  [
    'a master with followers belongs to another cluster',
    seen([
      peer(IP_1, says('redis-1', null, { cluster: 'other' }), master()),
      peer(IP_2, says('redis-2', null), follower(IP_1)),
    ]),
    /no Redis is a master$/,
  ],
  [
    'the only follower belongs to another cluster',
    seen([
      peer(IP_1, says('redis-1', null), master()),
      peer(IP_2, says('redis-2', null, { cluster: 'other' }), follower(IP_1)),
    ]),
    /nobody follows the master/,
  ],
  [
    'the only follower is no member',
    seen([peer(IP_1, silent, master()), { ...peer(IP_2, silent, follower(IP_1)), podName: asPodName('web-2') }]),
    /nobody follows the master/,
  ],
];

describe('a pod starts in limbo, and says why, when', () => {
  test.each(limboCases)('%s', (_, observation, reason) => {
    const decision = decideBootstrap(observation);
    expect(decision.kind).toBe('limbo');
    expect(decision.reason).toMatch(reason);
  });

  test('many do not answer: the reason stays short', () => {
    const all = Array.from({ length: 12 }, (_, index) => [`10.0.1.${String(index)}`, silent] as const);
    expect(decideBootstrap(instances(...all)).reason).toMatch(/; and 7 more\)$/);
  });
});

describe('strangers', () => {
  test('are named with the reason, the pod itself is not', () => {
    const observation = seen([
      peer(SELF.ip, null, silent),
      peer(IP_1, says('redis-1', null, { cluster: 'other' }), master()),
      { ...peer(IP_2, silent, master()), podName: asPodName('web-2') },
    ]);
    expect(strangersIn(observation)).toEqual([
      { ip: IP_1, reason: 'its sidecar belongs to another cluster (other, this one is redis.shop/mymaster)' },
      { ip: IP_2, reason: 'web-2 is none of the 3 pods of this set' },
    ]);
  });
});

describe('waiting ends early', () => {
  test('when a quorum of sidecars names the same master, and it is verified', () => {
    expect(isSettled(HEALTHY)).toBe(true);
  });

  test.each<readonly [string, BootstrapObservation]>([
    ['the master is not verified', confirmedBy(silent)],
    [
      'one sidecar of three names it',
      seen([peer(IP_1, says('redis-1', announcement()), master()), peer(IP_2, silent, silent)]),
    ],
    [
      'one sidecar answers at two addresses',
      seen([
        peer(IP_1, says('redis-1', announcement()), master()),
        peer('fd00::11', says('redis-1', announcement()), master()),
      ]),
    ],
    ['only the instances show a master', instances([IP_1, master()], [IP_2, follower(IP_1)])],
  ])('but not when %s', (_, observation) => {
    expect(isSettled(observation)).toBe(false);
  });
});

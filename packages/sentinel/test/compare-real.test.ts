// The port of a sidecar beside a real Redis Sentinel that watches the very same pods: the same questions, and answers that differ only
// where the tables below say so, and why. docs/SENTINEL.md has the differences for readers.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Reply } from '@sentinel-micro/runtime';
import { findServers, loadTools, type Cluster, type Pod } from '@sentinel-micro/testkit';
import { Place, until } from '../../runtime/test/support.ts';
import { startSet, settled, stopAll } from './cluster-helpers.ts';
import { keysOf, PORT, recordOf, startRealSentinel } from './commands-support.ts';
import { exchange, shapeOf } from './compare-support.ts';

const VERSIONS = [2, 3] as const;
let cluster: Cluster;
let place: Place;
let master: Pod;
let realHost: string;
/** Texts of errors differ from version to version; where the real one is not 7.0 only their codes are compared. */
let isSameVersion: boolean;

beforeAll(async () => {
  cluster = await startSet();
  ({ master } = await settled(cluster));
  place = await Place.make();
  const tool = findServers().includes('redis-7.0')
    ? loadTools({ server: 'redis-7.0' }).redisServer
    : loadTools().redisServer;
  const { host, port } = master.redisTarget;
  // They only look: nothing is ever down for long enough that they would act.
  const calm = ['sentinel down-after-milliseconds mymaster 600000'];
  const sentinels = await Promise.all([0, 1, 2].map(() => startRealSentinel(place, { host, port }, calm, tool)));
  realHost = sentinels[0]!.target.host;
  await until('the real Sentinel to know two replicas with their links, and two others', async () => {
    const [masters, replicas, others] = await askReal(3, [
      ['SENTINEL', 'MASTERS'],
      ['SENTINEL', 'REPLICAS', 'mymaster'],
      ['SENTINEL', 'SENTINELS', 'mymaster'],
    ]);
    // It is told of the others by the master before it is connected to them.
    if (listOf(others!).some((one) => recordOf(one)['flags'] !== 'sentinel')) return false;
    const counted = listOf(masters!).map(recordOf);
    const linked = listOf(replicas!)
      .map(recordOf)
      .filter((one) => one['master-link-status'] === 'ok');
    return counted[0]?.['num-slaves'] === '2' && counted[0]['num-other-sentinels'] === '2' && linked.length === 2;
  });
  const [info] = await askReal(2, [['INFO', 'server']]);
  isSameVersion = info?.type === 'bulk' && info.text.includes('redis_version:7.0.');
}, 90_000);
afterAll(async () => {
  await place.remove();
  await stopAll(cluster);
});

const askReal = (version: 2 | 3, requests: string[][]): Promise<Reply[]> => exchange(realHost, PORT, version, requests);
/** The sidecar of the master: it sees most. */
const askOurs = (version: 2 | 3, requests: string[][]): Promise<Reply[]> => {
  const { host, port } = master.sidecarTarget;
  return exchange(host, port, version, requests);
};

function listOf(reply: Reply): readonly Reply[] {
  if (reply.type !== 'array') throw new Error(`no array: ${JSON.stringify(reply)}`);
  return reply.items;
}

function comparable(shape: unknown): unknown {
  if (isSameVersion || typeof shape !== 'string' || !shape.startsWith('-')) return shape;
  return shape.split(' ', 1)[0];
}

/** Real Sentinel lists in the order of its hash table. */
function sorted(reply: Reply): Reply {
  if (reply.type !== 'array') return reply;
  const nameOf = (item: Reply): string => recordOf(item)['ip'] ?? '';
  return { ...reply, items: reply.items.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b))) };
}

/** Each request as one text of words. */
const wordsOf = (request: string): string[] => request.split(' ').map((word) => (word === "''" ? '' : word));

describe('instances: the same names of fields in the same order, the same types, and the same values where they do not move', () => {
  /** What says the same in other numbers, or at other times. */
  const MOVING = new Map([
    ['last-ok-ping-reply', 'a time'],
    ['last-ping-reply', 'a time'],
    ['last-ping-sent', 'a time'],
    ['info-refresh', 'a time'],
    ['role-reported-time', 'a time'],
    ['last-hello-message', 'a time'],
    ['link-pending-commands', 'a moment'],
    ['slave-repl-offset', 'read at another time'],
    ['master-link-down-time', 'a time'],
    ['config-epoch', 'the term, which begins at 1 with the first election; the epoch of Redis at 0, without one'],
    ['voted-leader-epoch', 'as config-epoch'],
    ['down-after-milliseconds', '--down-after-ms; the real one is set so that it never acts'],
    ['failover-timeout', 'how long a failover may take here: a promise of the lease, and --data-wait-ms'],
    ['parallel-syncs', 'here all replicas follow a new master at once'],
    ['link-refcount', 'real Sentinels share the links to each other among all masters'],
  ]);

  test.each(['MASTERS', 'MASTER mymaster', 'REPLICAS mymaster', 'SLAVES mymaster'])('SENTINEL %s', async (words) => {
    for (const version of VERSIONS) {
      const request = [['SENTINEL', ...words.split(' ')]];
      const [[ours], [theirs]] = [await askOurs(version, request), await askReal(version, request)];
      const isList = !words.startsWith('MASTER ');
      const [mine, real] = isList ? [sorted(ours!), sorted(theirs!)].map(listOf) : [[ours!], [theirs!]];
      expect(mine).toHaveLength(real!.length);
      for (const [index, instance] of mine!.entries()) {
        const model = real![index]!;
        expect(instance.type).toBe(model.type);
        expect(keysOf(instance)).toEqual(keysOf(model));
        const still = (reply: Reply) => Object.entries(recordOf(reply)).filter(([key]) => !MOVING.has(key));
        expect(still(instance)).toEqual(still(model));
        for (const [key, value] of Object.entries(recordOf(instance))) {
          if (MOVING.has(key)) expect([key, value]).toEqual([key, expect.stringMatching(/^\d+$/)]);
        }
      }
    }
  });

  test('SENTINEL SENTINELS: each side has sidecars of its own, so only the form is the same', async () => {
    for (const version of VERSIONS) {
      const request = [['SENTINEL', 'SENTINELS', 'mymaster']];
      const [[ours], [theirs]] = [await askOurs(version, request), await askReal(version, request)];
      expect(shapeOf(ours!)).toEqual(shapeOf(theirs!));
    }
  });
});

describe('the same answer', () => {
  const SAME = [
    'PING',
    'PING hello',
    'PING a b',
    'ROLE',
    'ROLE x',
    'HELLO 9',
    'HELLO abc',
    'INFO sentinel',
    'INFO nope',
    'AUTH',
    'AUTH x',
    'AUTH default x',
    'AUTH nobody x',
    'AUTH a b c',
    'HELLO 3 AUTH default x',
    'HELLO 3 AUTH nobody x',
    'SENTINEL',
    'SENTINEL NOPE',
    'SENTINEL MYID',
    'SENTINEL MYID x',
    'SENTINEL MASTER',
    'SENTINEL MASTER nope',
    'SENTINEL REPLICAS nope',
    'SENTINEL SENTINELS nope',
    'SENTINEL GET-MASTER-ADDR-BY-NAME mymaster',
    'SENTINEL GET-MASTER-ADDR-BY-NAME nope',
    'SENTINEL CKQUORUM mymaster',
    'SENTINEL CKQUORUM nope',
    'SENTINEL PENDING-SCRIPTS',
    'SENTINEL FLUSHCONFIG',
    'SENTINEL FLUSHCONFIG x',
    'SENTINEL RESET nope',
    'SENTINEL RESET',
    'SENTINEL FAILOVER',
    'SENTINEL FAILOVER nope',
    'SENTINEL INFO-CACHE mymaster',
    'SENTINEL INFO-CACHE nope',
    'SENTINEL INFO-CACHE',
    'SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 6379 0 *',
    'SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 abc 0 *',
    'SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 6379 x *',
    'SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1',
    'SENTINEL DEBUG',
    'SENTINEL DEBUG nope',
    'SENTINEL DEBUG nope 1',
    'SENTINEL SIMULATE-FAILURE',
    'SENTINEL SIMULATE-FAILURE help',
    'SENTINEL SIMULATE-FAILURE nope',
    'SENTINEL SET nope quorum 2',
    'SENTINEL SET mymaster nope 2',
    'SENTINEL SET mymaster quorum',
    'SENTINEL REMOVE nope',
    'SENTINEL REMOVE',
    'SENTINEL MONITOR x',
    'SENTINEL CONFIG',
    'SENTINEL CONFIG GET',
    'SENTINEL CONFIG GET nope',
    'SENTINEL CONFIG GET resolve-*',
    'SENTINEL CONFIG SET nope x',
    'SENTINEL CONFIG SET announce-ip',
    'SENTINEL CONFIG NOPE x',
    'CLIENT',
    'CLIENT NOPE',
    'CLIENT ID',
    'CLIENT LIST',
    'CLIENT LIST TYPE pubsub',
    'CLIENT LIST TYPE nope',
    'CLIENT LIST ID 0',
    'CLIENT LIST NOPE',
    'CLIENT INFO',
    'CLIENT INFO x',
    'CLIENT NO-EVICT ON',
    'CLIENT NO-EVICT NOPE',
    'CLIENT REPLY ON',
    'CLIENT REPLY NOPE',
    'CLIENT KILL',
    'CLIENT KILL 127.0.0.1:1',
    'CLIENT KILL ID 99999999',
    'CLIENT KILL ID x',
    'CLIENT KILL NOPE x',
    'CLIENT KILL TYPE nope',
    'CLIENT KILL TYPE replica',
    'CLIENT KILL USER nobody',
    'CLIENT KILL ADDR 127.0.0.1:1 SKIPME yes',
    'CLIENT KILL ADDR 127.0.0.1:1 SKIPME nope',
    'CLIENT SETNAME x',
    'CLIENT GETNAME',
    'COMMAND COUNT',
    'COMMAND COUNT x',
    'COMMAND INFO nope',
    'COMMAND DOCS nope',
    'COMMAND GETKEYS ping',
    'COMMAND GETKEYS nope x',
    'COMMAND LIST FILTERBY MODULE x',
    'COMMAND LIST x',
    'COMMAND NOPE',
    'ACL WHOAMI',
    'ACL',
    'ACL NOPE',
    'PUBLISH a b',
    'PUBLISH __sentinel__:hello x',
    'PUBLISH a',
    'GET a',
    'SET a b c d e',
    'CONFIG GET maxclients',
    'PUBSUB CHANNELS',
    'SELECT 0',
    'ECHO a',
    'TIME',
    'MULTI',
    'RESET',
    'SSUBSCRIBE a',
    'DEBUG SLEEP 0',
  ];

  test.each(VERSIONS)('RESP%i', async (version) => {
    const requests = SAME.map(wordsOf);
    const [ours, theirs] = await Promise.all([askOurs(version, requests), askReal(version, requests)]);
    const label = (replies: Reply[]): unknown[] =>
      replies.map((reply, index) => [SAME[index], comparable(shapeOf(reply))]);
    expect(label(ours)).toEqual(label(theirs));
  });

  test('GET-MASTER-ADDR-BY-NAME, ROLE and INFO sentinel to the letter', async () => {
    const requests = [['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster'], ['ROLE'], ['INFO', 'sentinel']];
    for (const version of VERSIONS) expect(await askOurs(version, requests)).toEqual(await askReal(version, requests));
  });

  test('HELLO: the same fields; the version is that of the Redis whose answers these are', async () => {
    for (const version of VERSIONS) {
      const request = [['HELLO', String(version)]];
      const [[ours], [theirs]] = [await askOurs(version, request), await askReal(version, request)];
      expect(ours!.type).toBe(theirs!.type);
      expect(keysOf(ours!)).toEqual(keysOf(theirs!));
    }
  });

  test('a subscriber in RESP2 may do little else, and in RESP3 everything', async () => {
    const requests = [
      ['SUBSCRIBE', 'a'],
      ['SENTINEL', 'MYID'],
      ['CLIENT', 'ID'],
      ['PING'],
      ['GET', 'a'],
      ['HELLO', '3'],
    ];
    for (const version of VERSIONS) {
      const [ours, theirs] = [await askOurs(version, requests), await askReal(version, requests)];
      expect(ours.map(shapeOf).map(comparable)).toEqual(theirs.map(shapeOf).map(comparable));
    }
  });
});

describe('what differs on purpose', () => {
  const OK = '+OK';
  const isError = (start: string): unknown => expect.stringMatching(new RegExp(`^-${start}`));
  /** Request, why it differs, what Redis Sentinel answers (null: not compared), what a sidecar answers. */
  const cases: readonly (readonly [string, string, unknown, unknown])[] = [
    [
      'SENTINEL SET mymaster quorum 2',
      'flags configure, on all pods alike',
      OK,
      isError('ERR quorum is not configured over this port.*--replicas'),
    ],
    [
      'SENTINEL SET mymaster down-after-milliseconds 600000',
      'flags configure',
      OK,
      isError('ERR down-after-milliseconds .*--down-after-ms'),
    ],
    [
      'SENTINEL MONITOR mymaster 127.0.0.1 6379 2',
      'one StatefulSet for each sidecar',
      isError('ERR Duplicate'),
      isError('ERR a sidecar watches its own StatefulSet'),
    ],
    ['SENTINEL CONFIG SET announce-port 0', 'flags configure', OK, isError('ERR announce-port .*--port')],
    ['SENTINEL DEBUG info-period 10000', 'flags configure', OK, isError('ERR info-period .*--heartbeat-ms')],
    [
      'SENTINEL SIMULATE-FAILURE crash-after-promotion',
      'tests kill processes',
      OK,
      isError('ERR a sidecar simulates no failure'),
    ],
    ['SENTINEL PRIMARY nope', 'from Valkey 8', isError('ERR unknown subcommand'), isError('ERR No such master')],
    [
      'SENTINEL FAILOVER mymaster NOPE',
      'COORDINATED is from Valkey 9',
      isError('ERR wrong number'),
      isError('ERR syntax error'),
    ],
    [
      'SENTINEL HISTORY nope',
      'of sentinel-micro alone',
      isError('ERR unknown subcommand'),
      isError('ERR No such master'),
    ],
    ['CLIENT SETINFO LIB-NAME x', 'from Redis 7.2; many clients send it', isError('ERR unknown subcommand'), OK],
    ['CLIENT NO-TOUCH ON', 'from Redis 7.2', isError('ERR unknown subcommand'), OK],
    ['CLIENT TRACKING ON', 'there are no keys to track', OK, isError("ERR unknown subcommand 'TRACKING'")],
    ['CLIENT PAUSE 1', 'nobody may hold up the port that the peers use', OK, isError("ERR unknown subcommand 'PAUSE'")],
    ['ACL USERS', 'there are no users to manage', { array: ["'default'"] }, isError("ERR unknown subcommand 'USERS'")],
    [
      'SHUTDOWN NOPE',
      'Kubernetes stops containers',
      isError('ERR syntax error'),
      isError('ERR a sidecar is not stopped over this port'),
    ],
    ['PEER STATUS', 'of sentinel-micro alone', isError('ERR unknown command'), expect.any(String)],
  ];

  test.each(cases)('%s: %s', async (request, _, real, own) => {
    for (const version of VERSIONS) {
      const [[ours], [theirs]] = [
        await askOurs(version, [wordsOf(request)]),
        await askReal(version, [wordsOf(request)]),
      ];
      if (isSameVersion) expect(shapeOf(theirs!)).toEqual(real);
      expect(shapeOf(ours!)).toEqual(own);
    }
  });

  test('IS-MASTER-DOWN-BY-ADDR with an id asks for a vote, which only PEER messages do here: it names who leads instead', async () => {
    const { host, port } = master.redisTarget;
    const request = [['SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', host, String(port), '5', 'aaaa']];
    for (const version of VERSIONS) {
      const [[ours], [theirs]] = [await askOurs(version, request), await askReal(version, request)];
      expect(shapeOf(theirs!)).toEqual({ array: ['integer', "'aaaa'", 'integer'] });
      expect(shapeOf(ours!)).toEqual({ array: ['integer', 'id', 'integer'] });
    }
  });

  test('COMMAND: ten items for each command as in Redis 7, fewer commands, and none of the tips for proxies', async () => {
    const request = [['COMMAND', 'INFO', 'ping', 'subscribe', 'sentinel']];
    for (const version of VERSIONS) {
      const [[ours], [theirs]] = [await askOurs(version, request), await askReal(version, request)];
      const types = (reply: Reply): string[][] => listOf(reply).map((spec) => listOf(spec).map(({ type }) => type));
      expect(types(ours!).map((row) => row.slice(0, 9))).toEqual(types(theirs!).map((row) => row.slice(0, 9)));
    }
  });
});

import { describe, expect, test } from '@jest/globals';
import { encodeReply, type Reply } from '@sentinel-micro/runtime';
import { identity, requestOf, renewal, TIMINGS } from '../../core/test/support.ts';
import { decodeReply } from '../../runtime/test/raw-client.ts';
import { infoText as infoOf } from '../src/info.ts';
import { isOrder } from '../src/orders.ts';
import { SUBCOMMAND_SPECS } from '../src/sentinel-help.ts';
import { sentinelCommand } from '../src/sentinel-commands.ts';
import type { SentinelContext } from '../src/sentinel-view.ts';
import { contextOf, follower, keysOf, leader, memberOf, newcomer, NO_PORTS, recordOf } from './commands-support.ts';

const COMMON = [
  'name',
  'ip',
  'port',
  'runid',
  'flags',
  'link-pending-commands',
  'link-refcount',
  'last-ping-sent',
  'last-ok-ping-reply',
  'last-ping-reply',
];
const DOWN_AFTER = ['down-after-milliseconds'];
const REDIS = ['info-refresh', 'role-reported', 'role-reported-time'];
const MASTER = ['config-epoch', 'num-slaves', 'num-other-sentinels', 'quorum', 'failover-timeout', 'parallel-syncs'];
const REPLICA = [
  'master-link-down-time',
  'master-link-status',
  'master-host',
  'master-port',
  'slave-priority',
  'slave-repl-offset',
  'replica-announced',
];
const SENTINEL = ['last-hello-message', 'voted-leader', 'voted-leader-epoch'];

const COUNTS = { uptimeMs: 0, connections: 1, connectionsSoFar: 1, commandsSoFar: 1 };
const infoText = (context: SentinelContext): string => infoOf(context, [], COUNTS);

/** What SENTINEL ... answers at once. */
function sentinel(context: SentinelContext, ...words: string[]): Reply {
  const reply = sentinelCommand(context, ['SENTINEL', ...words], NO_PORTS);
  if (reply instanceof Promise) throw new Error('it is not answered at once');
  return reply;
}

/** SENTINEL ..., as a client reads it. */
function ask(context: SentinelContext, words: string, version: 2 | 3 = 3): Reply {
  const bytes = encodeReply(sentinel(context, ...words.split(' ')), version);
  return decodeReply(Buffer.from(bytes).toString('latin1'))!.reply;
}

function itemsOf(reply: Reply): readonly Reply[] {
  if (reply.type !== 'array') throw new Error(`no array: ${JSON.stringify(reply)}`);
  return reply.items;
}

const states = [
  ['the holder', leader],
  ['a follower', follower],
] as const;

describe.each(states)('%s', (_, build) => {
  const context = contextOf(build());

  test.each([2, 3] as const)('MASTER: all fields in order (RESP%i)', (version) => {
    const reply = ask(context, 'MASTER mymaster', version);
    expect(reply.type).toBe(version === 3 ? 'map' : 'array');
    expect(keysOf(reply)).toEqual([...COMMON, ...DOWN_AFTER, ...REDIS, ...MASTER]);
  });

  test.each(['REPLICAS', 'SLAVES', 'replicas'])('%s: all fields in order', (command) => {
    for (const version of [2, 3] as const) {
      const replicas = itemsOf(ask(context, `${command} mymaster`, version));
      expect(replicas).toHaveLength(2);
      for (const replica of replicas) expect(keysOf(replica)).toEqual([...COMMON, ...DOWN_AFTER, ...REDIS, ...REPLICA]);
    }
  });

  test('SENTINELS: all fields in order', () => {
    for (const version of [2, 3] as const) {
      const sentinels = itemsOf(ask(context, 'SENTINELS mymaster', version));
      expect(sentinels).toHaveLength(2);
      for (const sentinel of sentinels) expect(keysOf(sentinel)).toEqual([...COMMON, ...DOWN_AFTER, ...SENTINEL]);
    }
  });

  test('MASTERS: the one master', () => {
    expect(ask(context, 'MASTERS')).toEqual({ type: 'array', items: [ask(context, 'MASTER mymaster')] });
  });

  test('MASTER, REPLICAS and SENTINELS count alike', () => {
    expect(recordOf(ask(context, 'MASTER mymaster'))).toMatchObject({
      'num-slaves': '2',
      'num-other-sentinels': '2',
      quorum: '2',
      name: 'mymaster',
      flags: 'master',
      'role-reported': 'master',
      'down-after-milliseconds': '1000',
    });
  });

  test('GET-MASTER-ADDR-BY-NAME, MASTER and INFO name the same master', () => {
    const { ip, port } = recordOf(ask(context, 'MASTER mymaster'));
    const address = ask(context, 'GET-MASTER-ADDR-BY-NAME mymaster');
    expect(address).toEqual({ type: 'array', items: [ip!, port!].map((text) => ({ type: 'bulk', text })) });
    expect(infoText(context)).toContain(`master0:name=mymaster,status=ok,address=${ip!}:${port!},slaves=2,sentinels=3`);
    for (const replica of itemsOf(ask(context, 'REPLICAS mymaster'))) {
      expect(recordOf(replica)).toMatchObject({ 'master-host': ip!, 'master-port': port!, 'role-reported': 'slave' });
    }
  });

  test('numbers are whole numbers, and nothing is missing', () => {
    const all = ['MASTER mymaster', 'REPLICAS mymaster', 'SENTINELS mymaster'].flatMap((words) => {
      const reply = ask(context, words);
      return reply.type === 'map' ? [reply] : [...itemsOf(reply)];
    });
    for (const [key, value] of all.flatMap((reply) => Object.entries(recordOf(reply)))) {
      expect(value).not.toMatch(/undefined|null|NaN|Infinity|object/);
      if (/(^|-)port$|ping|refresh|time|epoch|num-|quorum|offset|priority|milliseconds|hello/.test(key)) {
        expect(`${key} ${value}`).toMatch(/^\S+ \d+$/);
      }
    }
  });

  test('CKQUORUM', () => {
    expect(ask(context, 'CKQUORUM mymaster')).toEqual({
      type: 'simple',
      text: 'OK 3 usable Sentinels. Quorum and failover authorization can be reached',
    });
  });

  test('another name is not known', () => {
    const unknown = { type: 'error', text: 'ERR No such master with that name' };
    for (const command of ['MASTER', 'REPLICAS', 'SLAVES', 'SENTINELS', 'CKQUORUM']) {
      expect(ask(context, `${command} other`)).toEqual(unknown);
    }
    expect(encodeReply(sentinel(context, 'GET-MASTER-ADDR-BY-NAME', 'other'), 2)).toBe('*-1\r\n');
    expect(encodeReply(sentinel(context, 'GET-MASTER-ADDR-BY-NAME', 'other'), 3)).toBe('_\r\n');
  });
});

describe('the values', () => {
  test('of the master, as the holder tells them', () => {
    const { ip, redisPort } = identity(1);
    expect(recordOf(ask(contextOf(leader()), 'MASTER mymaster'))).toMatchObject({
      ip,
      port: String(redisPort),
      runid: '1'.repeat(40),
      'config-epoch': '2',
    });
  });

  test('of replicas, as a follower was told by the holder', () => {
    const members = [
      memberOf(1, { offset: 4711, priority: 7 }),
      memberOf(2, { linkUp: false, priority: null, runId: null }),
    ];
    const [first, second] = itemsOf(ask(contextOf(follower(members)), 'REPLICAS mymaster')).map(recordOf);
    expect(first).toMatchObject({
      name: '10.0.0.2:6379',
      ip: '10.0.0.2',
      port: '6379',
      flags: 'slave',
      'master-link-status': 'ok',
      'slave-priority': '7',
      'slave-repl-offset': '4711',
      'replica-announced': '1',
    });
    expect(second).toMatchObject({
      name: '10.0.0.3:6379',
      runid: '',
      'master-link-status': 'err',
      'slave-priority': '100',
    });
  });

  test('a replica whose sidecar is silent is down: ioredis and others leave it out', () => {
    const members = [memberOf(1), memberOf(2, { isReachable: false })];
    const [first, second] = itemsOf(ask(contextOf(follower(members)), 'REPLICAS mymaster')).map(recordOf);
    expect(first!['flags']).toBe('slave');
    expect(second!['flags']).toMatch(/^s_down,slave,disconnected$/);
  });

  test('the master is never among the replicas, also when a fresh holder has not told who is where', () => {
    const told = [memberOf(0), memberOf(1), memberOf(2)];
    const names = itemsOf(ask(contextOf(follower(told)), 'REPLICAS mymaster')).map((reply) => recordOf(reply)['name']);
    expect(names).toEqual(['10.0.0.2:6379', '10.0.0.3:6379']);
    expect(recordOf(ask(contextOf(follower(told)), 'MASTER mymaster'))['num-slaves']).toBe('2');
    expect(infoText(contextOf(follower(told)))).toContain('slaves=2,');
  });

  test('of the other sentinels', () => {
    const [zero] = itemsOf(ask(contextOf(leader()), 'SENTINELS mymaster')).map(recordOf);
    const { incarnation, ip, port } = identity(0);
    expect(zero).toMatchObject({ name: incarnation, runid: incarnation, ip, port: String(port), flags: 'sentinel' });
    expect(zero).toMatchObject({ 'voted-leader': '?', 'voted-leader-epoch': '2' });
    const leading = itemsOf(ask(contextOf(follower()), 'SENTINELS mymaster')).map(recordOf);
    expect(leading.find(({ name }) => name === incarnation)).toMatchObject({ 'voted-leader': incarnation });
  });

  test('a sentinel that no longer answers the holder is down', () => {
    const story = leader();
    const context = contextOf(story, { nowMs: story.nowMs + TIMINGS.leaseMs + 1 });
    for (const sentinel of itemsOf(ask(context, 'SENTINELS mymaster')).map(recordOf)) {
      expect(sentinel['flags']).toBe('s_down,sentinel,disconnected');
    }
  });

  test('MYID: 40 characters, another one after each start', () => {
    const reply = ask(contextOf(follower()), 'MYID');
    expect(reply).toEqual({ type: 'bulk', text: '1'.repeat(40) });
  });
});

describe('without a fresh view nobody is named, so that no client is led to a stale master', () => {
  const stale = (): SentinelContext => {
    const story = follower();
    return contextOf(story, { nowMs: story.nowMs + TIMINGS.grantMs });
  };
  const released = (): SentinelContext => {
    const story = follower();
    story.asked(requestOf(0, 1, { type: 'RELEASE', to: null, cause: 'redis-dead' }));
    return contextOf(story);
  };
  const cases = [
    ['a follower whose master is not heard of any more', stale],
    ['a follower whose master gave the lease back', released],
    ['a sidecar that has heard of nobody', () => contextOf(newcomer())],
    [
      'a holder whose lease was not renewed',
      () => {
        const story = leader();
        return contextOf(story, { nowMs: story.nowMs + TIMINGS.leaseMs + 1 });
      },
    ],
  ] as const;

  test.each(cases)('%s', (_, build) => {
    const context = build();
    for (const [version, none] of [
      [2, '*-1\r\n'],
      [3, '_\r\n'],
    ] as const) {
      const address = sentinel(context, 'GET-MASTER-ADDR-BY-NAME', 'mymaster');
      expect(encodeReply(address, version)).toBe(none);
    }
    expect(ask(context, 'MASTER mymaster')).toEqual({ type: 'error', text: expect.stringMatching(/^NOMASTER /) });
    expect(ask(context, 'MASTERS')).toEqual({ type: 'array', items: [] });
    expect(ask(context, 'REPLICAS mymaster')).toEqual({ type: 'error', text: expect.stringMatching(/^NOMASTER /) });
    expect(infoText(context)).toContain('sentinel_masters:0\r\n');
    expect(infoText(context)).not.toContain('master0:');
  });

  /** These name sidecars, which have the addresses of their pods; they do not say who is master. */
  const NAMES_SIDECARS = ['SENTINELS', 'CONFIG'];
  const queries = [...SUBCOMMAND_SPECS.keys()].filter((name) => !isOrder(name) && !NAMES_SIDECARS.includes(name));

  test.each(cases)('%s: no subcommand shows an address of the set, whatever it is', (_, build) => {
    const context = build();
    const ip = /10\.0\.0\.\d/;
    expect(JSON.stringify(ask(contextOf(follower()), 'MASTER mymaster'))).toMatch(ip);
    for (const name of queries) {
      const [least] = SUBCOMMAND_SPECS.get(name)!.args;
      const args = name.endsWith('DOWN-BY-ADDR')
        ? ['10.9.9.9', '6379', '0', 'x']
        : Array.from({ length: least }, () => 'mymaster');
      expect([name, JSON.stringify(sentinel(context, name, ...args))]).not.toEqual([name, expect.stringMatching(ip)]);
    }
  });

  test('it is named again as soon as the holder is heard of', () => {
    const story = follower();
    story.after(TIMINGS.grantMs * 3);
    expect(ask(contextOf(story), 'GET-MASTER-ADDR-BY-NAME mymaster')).toEqual({ type: 'null' });
    story.asked(renewal(0, 1));
    expect(ask(contextOf(story), 'GET-MASTER-ADDR-BY-NAME mymaster')).toMatchObject({ type: 'array' });
  });
});

describe('CKQUORUM', () => {
  test.each([
    [
      [],
      'NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the specified quorum for this master. Not enough available Sentinels to reach the majority and authorize a failover',
    ],
    [[identity(0).pod], 'OK 2 usable Sentinels. Quorum and failover authorization can be reached'],
  ])('a follower counts whom it is connected to: %j', (connected, text) => {
    expect(ask(contextOf(follower(), { connected }), 'CKQUORUM mymaster')).toMatchObject({ text });
  });
});

test('INFO is what clients look for: mode, run id, port, one line per master', () => {
  const text = infoText(contextOf(follower()));
  expect(text).toContain('redis_mode:sentinel\r\n');
  expect(text).toContain(`run_id:${'1'.repeat(40)}\r\n`);
  expect(text).toContain('tcp_port:26379\r\n');
  expect(text).toContain('sentinel_masters:1\r\n');
  for (const line of text.split('\r\n')) expect(line).toMatch(/^($|# \w+$|\w+:.+$)/);
});

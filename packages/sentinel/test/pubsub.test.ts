import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { serveResp, type Reply } from '@sentinel-micro/runtime';
import type { RedisProcess } from '@sentinel-micro/testkit';
import { RawClient } from '../../runtime/test/raw-client.ts';
import { Place, until } from '../../runtime/test/support.ts';
import { globMatches, publish } from '../src/pubsub.ts';
import { contextOf, leader, PORT, serveCommands, type Served } from './commands-support.ts';

let place: Place;
let redis: RedisProcess;
let served: Served;

beforeAll(async () => {
  place = await Place.make();
  redis = await place.redis();
  served = await serveCommands(place, contextOf(leader()));
});
afterAll(() => place.remove());

const ourClient = (): Promise<RawClient> => served.client();
const realClient = async (): Promise<RawClient> =>
  place.closing(await RawClient.connect(redis.target.host, 6379), (raw) => raw.close());

/** Everything that is answered to the requests, whatever their number. */
async function conversation(raw: RawClient, requests: readonly (readonly string[])[]): Promise<Reply[]> {
  raw.send(...requests, ['PING', 'that is all']);
  const all: Reply[] = [];
  for (;;) {
    const reply = await raw.reply();
    if (JSON.stringify(reply).includes('that is all')) return [...all, reply];
    all.push(reply);
  }
}

describe('confirmations are those of a real Redis', () => {
  const talks: readonly (readonly [string, string[][]])[] = [
    [
      'subscribe and unsubscribe',
      [
        ['SUBSCRIBE', 'a'],
        ['UNSUBSCRIBE', 'a'],
      ],
    ],
    [
      'several at once',
      [
        ['SUBSCRIBE', 'a', 'b', 'c'],
        ['UNSUBSCRIBE', 'b', 'c'],
      ],
    ],
    [
      'twice counts once',
      [
        ['SUBSCRIBE', 'a', 'a'],
        ['SUBSCRIBE', 'a'],
      ],
    ],
    [
      'patterns',
      [
        ['PSUBSCRIBE', '*', '[-+]sdown'],
        ['PUNSUBSCRIBE', '*'],
      ],
    ],
    [
      'channels and patterns count together',
      [
        ['SUBSCRIBE', 'a'],
        ['PSUBSCRIBE', 'p*'],
        ['UNSUBSCRIBE', 'a'],
      ],
    ],
    [
      'what was not subscribed',
      [
        ['UNSUBSCRIBE', 'a'],
        ['PUNSUBSCRIBE', 'p*'],
        ['SUBSCRIBE', 'a'],
        ['UNSUBSCRIBE', 'b'],
      ],
    ],
    ['all, when there is one', [['SUBSCRIBE', 'a'], ['PSUBSCRIBE', 'p'], ['UNSUBSCRIBE'], ['PUNSUBSCRIBE']]],
    ['all, when there is none', [['UNSUBSCRIBE'], ['PUNSUBSCRIBE']]],
    ['all, when there are only the others', [['PSUBSCRIBE', 'p*'], ['UNSUBSCRIBE']]],
    ['lower case', [['subscribe', 'a'], ['psubscribe', 'p'], ['punsubscribe'], ['unsubscribe']]],
    ['among other commands', [['PING'], ['SUBSCRIBE', 'a'], ['PING'], ['UNSUBSCRIBE', 'a'], ['PING']]],
    ['nothing named', [['SUBSCRIBE'], ['PSUBSCRIBE']]],
  ];

  test.each(talks)('%s', async (_, requests) => {
    for (const version of ['2', '3']) {
      const [ours, theirs] = await Promise.all(
        [ourClient(), realClient()].map(async (opening) => {
          const raw = await opening;
          await raw.ask('HELLO', version);
          return conversation(raw, requests);
        }),
      );
      expect(ours).toEqual(theirs);
    }
  });

  test('in one breath with HELLO: each answer in its place, and in its protocol', async () => {
    const [first, ...rest] = await conversation(await ourClient(), [
      ['HELLO', '3'],
      ['SUBSCRIBE', '+switch-master'],
      ['SENTINEL', 'MYID'],
    ]);
    expect(first!.type).toBe('map');
    expect(rest.map(({ type }) => type)).toEqual(['push', 'bulk', 'bulk']);
  });

  test('no more than a bounded number on one connection, and none that is very long', async () => {
    const raw = await ourClient();
    expect(await raw.ask('PSUBSCRIBE', 'x'.repeat(257))).toMatchObject({ type: 'error' });
    const names = Array.from({ length: 60 }, (_, index) => `channel-${index}`);
    await raw.send(['SUBSCRIBE', ...names]).replies(60);
    expect(await raw.ask('SUBSCRIBE', ...names.map((name) => `other-${name}`))).toMatchObject({ type: 'error' });
    expect((await raw.send(['SUBSCRIBE', ...names]).replies(60)).at(-1)).toMatchObject({ type: 'array' });
    const patterns = names.slice(0, 16);
    expect((await raw.send(['PSUBSCRIBE', ...patterns]).replies(16)).at(-1)).toMatchObject({ type: 'array' });
    expect(await raw.ask('PSUBSCRIBE', 'one-more')).toMatchObject({ type: 'error' });
    expect(await raw.ask('PSUBSCRIBE', 'x'.repeat(129))).toMatchObject({ type: 'error' });
  });
});

const CHANNELS = [
  ...['+switch-master', '+sdown', '-sdown', '+odown', '-odown', '+slave', '+sentinel', '+slave-reconf-done', '+tilt'],
  ...[
    'a',
    'b',
    'ab',
    'abc',
    'a*',
    'a?',
    '[a]',
    'a]',
    '^',
    '^a',
    '-',
    'a-c',
    '\\',
    '\\a',
    'a\\',
    '*',
    '?',
    '[',
    ']',
    '+',
  ],
  ...['aaaaaaaaaaaaaaaaaaaab', 'ABC', 'switch-master', 'größe', ' ', 'a.b', 'a+b', 'a|b', '(a)', '{a}', '$', 'a$', '.'],
];

const PATTERNS = [
  ...['*', '?', '**', '*a', 'a*', '*a*', 'a?c', 'a**c', '?????*', '+*', '[-+]sdown', '[-+]odown', '[+-]sdown', '*down'],
  ...[
    'switch-master',
    '+switch-master',
    '+slave*',
    '+s[lw]*',
    '[ab]',
    '[^ab]',
    '[a-c]',
    '[c-a]',
    '[^a-c]*',
    '[^]',
    '[]',
  ],
  ...[
    '[]]',
    '[\\]]',
    '[\\^a]',
    '[a\\-c]',
    '[a-]',
    '[-a]',
    '[\\\\]',
    '[^^]',
    '[*]',
    '[?]',
    '[[]',
    '[a',
    '[',
    '[^',
    '[a-',
  ],
  ...[
    '\\*',
    '\\?',
    '\\[a]',
    '\\\\',
    '\\\\a',
    '\\a',
    'a\\',
    '\\',
    '.',
    'a.b',
    'a+b',
    'a|b',
    '(a)',
    '{a}',
    '$',
    '^',
    'a$',
  ],
];

describe('patterns match as in Redis', () => {
  async function matchesOfRedis(patterns: readonly string[]): Promise<string[][]> {
    await redis.command('MSET', ...CHANNELS.flatMap((channel) => [channel, '1']));
    const answers = await Promise.all(patterns.map((pattern) => redis.command('KEYS', pattern)));
    return answers.map((keys) => (keys as string[]).sort());
  }

  const ourMatches = (pattern: string): string[] => CHANNELS.filter((channel) => globMatches(pattern, channel)).sort();

  test('each pattern of the table', async () => {
    const theirs = await matchesOfRedis(PATTERNS);
    expect(PATTERNS.map((pattern) => [pattern, ourMatches(pattern)])).toEqual(
      PATTERNS.map((pattern, index) => [pattern, theirs[index]]),
    );
  });

  test('hundreds of others', async () => {
    const piece = fc.constantFrom(
      '*',
      '?',
      '[',
      ']',
      '^',
      '-',
      '\\',
      'a',
      'b',
      'c',
      '+',
      'sdown',
      '[a-c]',
      '[^b]',
      '[-+]',
    );
    const patterns = fc.sample(fc.array(piece, { minLength: 1, maxLength: 6 }), 600).map((pieces) => pieces.join(''));
    const theirs = await matchesOfRedis(patterns);
    for (const [index, pattern] of patterns.entries()) {
      expect([pattern, ourMatches(pattern)]).toEqual([pattern, theirs[index]]);
    }
  });

  test('any text is a pattern, and none takes for ever', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (pattern, channel) => {
        expect(typeof globMatches(pattern, channel)).toBe('boolean');
      }),
    );
    expect(globMatches(`${'*a'.repeat(5000)}b`, 'a'.repeat(200))).toBe(false);
    expect(globMatches('[^b]*'.repeat(5000), 'a'.repeat(200))).toBe(false);
  });
});

describe('publish', () => {
  test('reaches who has subscribed, as real Redis tells it', async () => {
    for (const version of ['2', '3']) {
      const subscribe = async (raw: RawClient): Promise<RawClient> => {
        await raw.ask('HELLO', version);
        raw.send(['SUBSCRIBE', '+switch-master', '+sdown'], ['PSUBSCRIBE', '[-+]switch-*']);
        await raw.replies(3);
        return raw;
      };
      const [ours, theirs] = [await subscribe(await ourClient()), await subscribe(await realClient())];
      const message = 'mymaster 10.0.0.1 6379 10.0.0.2 6379';
      for (const channel of ['+switch-master', '-switch-off', '+odown', '+sdown']) {
        publish(served.server.sessions, channel, message);
        await redis.command('PUBLISH', channel, message);
      }
      expect(await ours.replies(4)).toEqual(await theirs.replies(4));
      expect(await conversation(ours, [])).toHaveLength(1);
    }
  });

  test('no pattern of a client can keep a message from the others, or stop the sidecar', async () => {
    const [hostile, good] = [await ourClient(), await ourClient()];
    await hostile.send(['PSUBSCRIBE', '[', '[z-a]', '(', '\\', '[^', '+switch-maste[r']).replies(6);
    await good.ask('SUBSCRIBE', '+switch-master');
    publish(served.server.sessions, '+switch-master', 'm');
    expect(await good.reply()).toMatchObject({
      items: [{ text: 'message' }, { text: '+switch-master' }, { text: 'm' }],
    });
  });

  test('who has unsubscribed, or is gone, gets nothing', async () => {
    const [left, gone] = [await ourClient(), await ourClient()];
    await left.send(['SUBSCRIBE', 'c'], ['UNSUBSCRIBE', 'c']).replies(2);
    await gone.ask('SUBSCRIBE', 'c');
    const before = served.server.sessions.size;
    gone.close();
    await until('the session to end', () => served.server.sessions.size < before);
    publish(served.server.sessions, 'c', 'm');
    expect(await conversation(left, [])).toHaveLength(1);
  });

  test('ioredis as subscriber, RESP2 and RESP3', async () => {
    for (const protocol of [2, 3] as const) {
      const client = new Redis({ host: served.host, port: PORT, protocol, enableReadyCheck: false });
      place.closing(client, () => client.disconnect());
      const messages: string[][] = [];
      client.on('message', (channel: string, text: string) => messages.push([channel, text]));
      client.on('pmessage', (pattern: string, channel: string, text: string) =>
        messages.push([pattern, channel, text]),
      );
      expect(await client.subscribe('+switch-master')).toBe(1);
      expect(await client.psubscribe('*')).toBe(2);
      publish(served.server.sessions, '+switch-master', 'm');
      await until('both messages', () => messages.length === 2);
      expect(messages).toEqual([
        ['+switch-master', 'm'],
        ['*', '+switch-master', 'm'],
      ]);
      expect(await client.unsubscribe('+switch-master')).toBe(1);
    }
  });

  test('a session that does not read is given up, the others go on', async () => {
    const host = await place.host(PORT);
    const handle = (session: { channels: Set<string> }): Reply => (
      session.channels.add('c'),
      { type: 'simple', text: 'OK' }
    );
    const server = place.closing(await serveResp(host, PORT, handle), (open) => open.close());
    const [lazy, good] = [await RawClient.connect(host, PORT), await RawClient.connect(host, PORT)];
    place.closing([lazy, good], (clients) => clients.forEach((client) => client.close()));
    await lazy.ask('SUBSCRIBE');
    await good.ask('SUBSCRIBE');
    lazy.stopReading();
    const text = 'x'.repeat(100_000);
    await until('the lazy one to be given up', async () => {
      publish(server.sessions, 'c', text);
      await good.reply();
      return server.sessions.size === 1;
    });
    publish(server.sessions, 'c', 'm');
    expect(JSON.stringify(await good.reply())).toContain('"m"');
  });
});

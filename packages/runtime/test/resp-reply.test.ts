import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { loadTools } from '@sentinel-micro/testkit';
import {
  array,
  bulk,
  bulks,
  encodeReply,
  failed,
  integer,
  OK,
  serveResp,
  simple,
  type ProtocolVersion,
  type Reply,
  type RespServer,
} from '../src/index.ts';
import { decodeReply } from './raw-client.ts';
import { Place } from './support.ts';

const map: Reply = {
  type: 'map',
  entries: [
    ['name', bulk('mymaster')],
    ['nested', bulks(['a', 'b'])],
  ],
};
const push: Reply = { type: 'push', items: [bulk('message'), bulk('c'), bulk('m')] };

const encodings: readonly (readonly [string, Reply, string, string?])[] = [
  ['simple', OK, '+OK\r\n'],
  ['simple with a line break', simple('a\r\nb'), '+a b\r\n'],
  ['error', failed('ERR no'), '-ERR no\r\n'],
  ['error with line breaks', failed('ERR a\nb\r\n+OK'), '-ERR a b +OK\r\n'],
  ['integer', integer(-5), ':-5\r\n'],
  ['bulk', bulk('abc'), '$3\r\nabc\r\n'],
  ['empty bulk', bulk(''), '$0\r\n\r\n'],
  ['bulk with line breaks', bulk('a\r\nb'), '$4\r\na\r\nb\r\n'],
  ['bulk in UTF-8', bulk('größe'), '$7\r\ngröße\r\n'],
  ['array', array([integer(1), bulks(['a'])]), '*2\r\n:1\r\n*1\r\n$1\r\na\r\n'],
  ['empty array', array([]), '*0\r\n'],
  [
    'map',
    map,
    '*4\r\n$4\r\nname\r\n$8\r\nmymaster\r\n$6\r\nnested\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n',
    '%2\r\n$4\r\nname\r\n$8\r\nmymaster\r\n$6\r\nnested\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n',
  ],
  ['push', push, '*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n', '>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n'],
  [
    'set',
    { type: 'set', items: [simple('fast'), simple('stale')] },
    '*2\r\n+fast\r\n+stale\r\n',
    '~2\r\n+fast\r\n+stale\r\n',
  ],
  ['verbatim', { type: 'verbatim', text: 'größe\n' }, '$8\r\ngröße\n\r\n', '=12\r\ntxt:größe\n\r\n'],
  ['null array', { type: 'null-array' }, '*-1\r\n', '_\r\n'],
  ['null', { type: 'null' }, '$-1\r\n', '_\r\n'],
  ['none', { type: 'none' }, ''],
];

describe('encodings', () => {
  test.each(encodings)('%s', (_, reply, resp2, resp3 = resp2) => {
    expect(encodeReply(reply, 2)).toBe(resp2);
    expect(encodeReply(reply, 3)).toBe(resp3);
  });
});

/** A reply as RESP2 shows it: maps and pushes are arrays there. */
function flat(reply: Reply): Reply {
  switch (reply.type) {
    case 'map':
      return array(reply.entries.flatMap(([key, value]) => [bulk(key), flat(value)]));
    case 'verbatim':
      return bulk(reply.text);
    case 'push':
    case 'set':
    case 'array':
      return array(reply.items.map(flat));
    case 'simple':
    case 'error':
    case 'integer':
    case 'bulk':
    case 'null-array':
    case 'null':
    case 'none':
      return reply;
  }
}

const line = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]+/g, ' '));
const { reply: anyReply } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: 'grapheme' }).map(bulk),
    line.map(simple),
    line.map(failed),
    fc.integer().map(integer),
    fc.constant<Reply>({ type: 'null' }),
    fc.array(tie('reply'), { maxLength: 4 }).map(array),
    fc.array(tie('reply'), { maxLength: 3 }).map((items): Reply => ({ type: 'set', items })),
    fc.string({ unit: 'grapheme' }).map((text): Reply => ({ type: 'verbatim', text })),
    fc
      .array(fc.tuple(fc.string({ unit: 'grapheme' }), tie('reply')), { maxLength: 3 })
      .map((entries): Reply => ({ type: 'map', entries })),
  ),
}));

describe('what was encoded is read back', () => {
  const versions: readonly ProtocolVersion[] = [2, 3];
  test.each(versions)('any reply, RESP%i', (version) => {
    fc.assert(
      fc.property(anyReply, (reply) => {
        const bytes = Buffer.from(encodeReply(reply, version)).toString('latin1');
        expect(decodeReply(bytes)).toEqual({ reply: version === 3 ? reply : flat(reply), next: bytes.length });
      }),
    );
  });
});

describe('real clients understand the answers of serveResp', () => {
  let place: Place;
  let host: string;
  let server: RespServer;
  const replies: Readonly<Record<string, Reply>> = {
    SIMPLE: simple('fine'),
    BULK: bulk('größe\r\n🧪'),
    INTEGER: integer(42),
    LIST: array([integer(1), bulks(['a', '']), { type: 'null' }]),
    MAP: map,
    NULL: { type: 'null' },
    NOLIST: { type: 'null-array' },
  };

  beforeAll(async () => {
    place = await Place.make();
    host = await place.host(26379);
    server = await serveResp(host, 26379, (session, words) => {
      if (words[0] === 'HELLO' || words[0] === 'hello') {
        session.protocol = words[1] === '3' ? 3 : 2;
        return { type: 'map', entries: [['proto', integer(session.protocol)]] };
      }
      return replies[words[0] ?? ''] ?? failed(`ERR unknown command '${String(words[0])}'`);
    });
  });

  afterAll(async () => {
    await server.close();
    await place.remove();
  });

  async function askAll(protocol: 2 | 3): Promise<Record<string, unknown>> {
    const client = new Redis({ host, port: 26379, protocol, enableReadyCheck: false, disableClientInfo: true });
    try {
      const names = Object.keys(replies);
      const answers = await Promise.all(names.map((name) => client.call(name)));
      await expect(client.call('WHAT')).rejects.toThrow("ERR unknown command 'WHAT'");
      return Object.fromEntries(names.map((name, index) => [name, answers[index]]));
    } finally {
      client.disconnect();
    }
  }

  const same = {
    SIMPLE: 'fine',
    BULK: 'größe\r\n🧪',
    INTEGER: 42,
    LIST: [1, ['a', ''], null],
    NULL: null,
    NOLIST: null,
  };

  test('ioredis, RESP2', async () => {
    expect(await askAll(2)).toEqual({ ...same, MAP: ['name', 'mymaster', 'nested', ['a', 'b']] });
  });

  test('ioredis, RESP3', async () => {
    expect(await askAll(3)).toMatchObject({ ...same, MAP: expect.anything() });
  });

  async function cli(...args: string[]): Promise<string> {
    const { command, env } = loadTools().redisCli;
    const { stdout } = await promisify(execFile)(command, ['--no-raw', '-h', host, '-p', '26379', ...args], { env });
    // How it lays things out differs between versions.
    return stdout.trim().replace(/\s+/g, ' ');
  }

  test('redis-cli, RESP2 and RESP3', async () => {
    expect(await cli('MAP')).toBe('1) "name" 2) "mymaster" 3) "nested" 4) 1) "a" 2) "b"');
    expect(await cli('-3', 'MAP')).toBe('1# "name" => "mymaster" 2# "nested" => 1) "a" 2) "b"');
    expect(await cli('NOLIST')).toBe('(nil)');
    expect(await cli('WHAT')).toBe("(error) ERR unknown command 'WHAT'");
  });
});

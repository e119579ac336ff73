import { describe, expect, test } from '@jest/globals';
import {
  MAX_ARGUMENT_BYTES,
  MAX_ARGUMENTS,
  MAX_INLINE_BYTES,
  ProtocolError,
  RequestParser,
} from '../src/resp-parser.ts';
import { encodeRequest } from './raw-client.ts';

interface Read {
  readonly requests: string[][];
  readonly error: string | null;
}

/** What comes of a stream that arrives in the given pieces, up to the first error. */
function read(...chunks: (string | Buffer)[]): Read {
  const parser = new RequestParser();
  const requests: string[][] = [];
  try {
    for (const chunk of chunks) {
      parser.feed(Buffer.from(chunk));
      for (let words = parser.next(); words !== null; words = parser.next()) if (words.length > 0) requests.push(words);
    }
    return { requests, error: null };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { requests, error: error.message };
  }
}

const complete: readonly (readonly [string, string | Buffer, string[][]])[] = [
  ['one word', '*1\r\n$4\r\nPING\r\n', [['PING']]],
  ['several words', '*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n', [['ECHO', 'hi']]],
  ['an empty word', '*2\r\n$4\r\nECHO\r\n$0\r\n\r\n', [['ECHO', '']]],
  ['line breaks inside a word', '*1\r\n$6\r\na\r\n*1\r\r\n', [['a\r\n*1\r']]],
  ['zero bytes inside a word', '*1\r\n$3\r\na\0b\r\n', [['a\0b']]],
  ['UTF-8, counted in bytes', encodeRequest(['größe', '測試', '🧪']), [['größe', '測試', '🧪']]],
  [
    'bytes that are no UTF-8, replaced',
    Buffer.from([...Buffer.from('*1\r\n$2\r\n'), 0xff, 0xfe, 0x0d, 0x0a]),
    [['��']],
  ],
  ['two requests at once', '*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n', [['a'], ['b']]],
  ['an empty array: nothing', '*0\r\n*1\r\n$1\r\na\r\n', [['a']]],
  ['a null array: nothing', '*-1\r\n*1\r\n$1\r\na\r\n', [['a']]],
  ['LF alone ends a count', '*1\n$1\na\r\n', [['a']]],
  ['an inline request', 'PING\r\n', [['PING']]],
  ['an inline request with arguments', '  SENTINEL \t master  mymaster \r\n', [['SENTINEL', 'master', 'mymaster']]],
  ['an inline request that ends with LF alone', 'PING\n', [['PING']]],
  ['empty lines: nothing', '\r\n\n\r\nPING\r\n', [['PING']]],
  ['inline and arrays mixed', 'PING\r\n*1\r\n$4\r\nQUIT\r\nPING\r\n', [['PING'], ['QUIT'], ['PING']]],
];

describe('requests', () => {
  test.each(complete)('%s', (_, stream, requests) => {
    expect(read(stream)).toEqual({ requests, error: null });
  });

  test.each(complete)('%s, byte by byte', (_, stream, requests) => {
    const bytes = Buffer.from(stream);
    expect(read(...[...bytes].map((byte) => Buffer.of(byte)))).toEqual({ requests, error: null });
  });

  test.each([['*'], ['*2\r\n$1\r\na\r\n'], ['*1\r\n$5\r\nabc'], ['*1\r\n$3\r\nabc'], ['PIN']])(
    'wait until they are complete: %j',
    (stream) => {
      expect(read(stream)).toEqual({ requests: [], error: null });
    },
  );
});

const wrong: readonly (readonly [string, string, string])[] = [
  ['a count that is no number', '*x\r\n', 'invalid multibulk length'],
  ['no count', '*\r\n', 'invalid multibulk length'],
  ['a count with a sign', '*+1\r\n', 'invalid multibulk length'],
  ['too many words', `*${MAX_ARGUMENTS + 1}\r\n`, 'invalid multibulk length'],
  ['a count with a leading zero', '*01\r\n', 'invalid multibulk length'],
  ['a negative count that is no number', '*-x\r\n', 'invalid multibulk length'],
  ['a count beyond all numbers', '*99999999999999999999\r\n', 'invalid multibulk length'],
  ['a length that is no number', '*1\r\n$x\r\n', 'invalid bulk length'],
  ['a negative length', '*1\r\n$-1\r\n', 'invalid bulk length'],
  ['a length with a leading zero', '*1\r\n$01\r\n', 'invalid bulk length'],
  ['no length', '*1\r\n$\r\n', 'invalid bulk length'],
  ['a length beyond all numbers', '*1\r\n$18446744073709551617\r\n', 'invalid bulk length'],
  ['a word that is too long', `*1\r\n$${MAX_ARGUMENT_BYTES + 1}\r\n`, 'invalid bulk length'],
  ['no bulk string', '*1\r\n:1\r\n', "expected '$', got ':'"],
  ['an array inside an array', '*1\r\n*1\r\n$1\r\na\r\n', "expected '$', got '*'"],
  ['a count without an end', `*${'1'.repeat(40)}`, 'too big mbulk count string'],
  ['a length without an end', `*1\r\n$${'1'.repeat(40)}`, 'too big bulk count string'],
  ['an endless inline request', 'x'.repeat(MAX_INLINE_BYTES + 1), 'too big inline request'],
  ['a long inline request', `${'x'.repeat(MAX_INLINE_BYTES + 10)}\r\n`, 'too big inline request'],
];

describe('what is no request, or too big, is refused', () => {
  test.each(wrong)('%s', (_, stream, error) => {
    expect(read(stream)).toEqual({ requests: [], error });
  });

  test.each(wrong)('%s, byte by byte, after a good request', (_, stream, error) => {
    const bytes = Buffer.from(`*1\r\n$4\r\nPING\r\n${stream}`);
    expect(read(...[...bytes].map((byte) => Buffer.of(byte)))).toEqual({ requests: [['PING']], error });
  });

  test.each(wrong)('%s: the good requests before it count, also when all comes at once', (_, stream, error) => {
    expect(read(`*1\r\n$4\r\nPING\r\nQUIT\r\n${stream}`)).toEqual({ requests: [['PING'], ['QUIT']], error });
  });

  test('a request whose words are small enough each, but too big together', () => {
    const word = 'x'.repeat(MAX_ARGUMENT_BYTES);
    const stream = encodeRequest(Array.from({ length: 6 }, () => word)).slice(0, -2);
    expect(read(stream)).toEqual({ requests: [], error: 'too big request' });
  });

  test('the greatest request that is allowed', () => {
    const words = [
      'x'.repeat(MAX_ARGUMENT_BYTES),
      ...Array.from({ length: MAX_ARGUMENTS - 1 }, (_, index) => String(index)),
    ];
    expect(read(encodeRequest(words)).requests).toEqual([words]);
  });
});

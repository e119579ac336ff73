// The parser under fire: any bytes, in any pieces. What comes of them does not depend on the pieces, is bounded, and is an
// error as Redis words it.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import {
  MAX_ARGUMENT_BYTES,
  MAX_ARGUMENTS,
  MAX_REQUEST_BYTES,
  MAX_STRANGER_ARGUMENT_BYTES,
  MAX_STRANGER_ARGUMENTS,
  ProtocolError,
  RequestParser,
} from '../src/resp-parser.ts';
import { encodeRequest, RawClient } from './raw-client.ts';
import { recordCaptures, type Capture } from './resp-captures.ts';
import { fragment, mutate, mutation, word } from './resp-hostile.ts';
import { Place } from './support.ts';

interface Read {
  readonly requests: string[][];
  readonly error: string | null;
  /** The most that was kept between two pieces. */
  readonly keptBytes: number;
}

/** What comes of a stream that arrives in the given pieces, up to the first error. */
function read(chunks: readonly Buffer[], isTrusted = true): Read {
  const parser = new RequestParser();
  parser.isTrusted = isTrusted;
  const requests: string[][] = [];
  let keptBytes = 0;
  try {
    for (const chunk of chunks) {
      parser.feed(Buffer.from(chunk));
      for (let words = parser.next(); words !== null; words = parser.next()) if (words.length > 0) requests.push(words);
      keptBytes = Math.max(keptBytes, parser.bufferedBytes);
    }
    return { requests, error: null, keptBytes };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { requests, error: error.message, keptBytes };
  }
}

const meaning = ({ requests, error }: Read): unknown => ({ requests, error });

/** Cuts `bytes` at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...ends].map((start, index) => bytes.subarray(start, ends[index] ?? bytes.length));
}

/** In one piece, in single bytes, and cut anywhere: always the same. @returns what it is */
function readInAllPieces(bytes: Buffer, places: readonly number[]): Read {
  const whole = read([bytes]);
  const pieces = read(cut(bytes, places));
  const single = read(
    cut(
      bytes,
      Array.from({ length: bytes.length }, (_, index) => index),
    ),
  );
  expect(meaning(pieces)).toEqual(meaning(whole));
  expect(meaning(single)).toEqual(meaning(whole));
  // Its own buffer is at most twice what it needs, beside the words that are complete.
  expect(Math.max(pieces.keptBytes, single.keptBytes)).toBeLessThanOrEqual(3 * MAX_REQUEST_BYTES);
  return whole;
}

/** Every error that there is; `'$'` stands for whatever was found instead. */
const ERRORS =
  /^(too big (mbulk count string|bulk count string|inline request|request)|invalid (multibulk|bulk) length|unauthenticated (multibulk|bulk) length|expected '\$', got '.?')$/su;

const places = fc.array(fc.nat(8192), { maxLength: 40 });
describe('any bytes', () => {
  test('good requests are read as they were written, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.array(word, { minLength: 1, maxLength: 6 }), { maxLength: 8 }), places, (all, at) => {
        const bytes = Buffer.from(all.map(encodeRequest).join(''));
        expect(readInAllPieces(bytes, at)).toMatchObject({ requests: all, error: null });
      }),
    );
  });

  test('whatever comes: requests, then perhaps one error, and the same ones however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 20 }), places, (fragments, at) => {
        const { requests, error } = readInAllPieces(Buffer.concat(fragments), at);
        if (error !== null) expect(error).toMatch(ERRORS);
        for (const words of requests) expect(words.length).toBeLessThanOrEqual(MAX_INLINE_WORDS);
      }),
      { numRuns: 1000 },
    );
  });

  test('after a good request an error takes nothing back', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), fragment, (words, rest) => {
        const { requests } = read([Buffer.concat([Buffer.from(encodeRequest(words)), rest])]);
        expect(requests[0]).toEqual(words);
      }),
    );
  });
});

/** An inline request is at most 4 KiB long, so it has at most half as many words. */
const MAX_INLINE_WORDS = 2048;

describe('real conversations', () => {
  let place: Place;
  let captures: readonly Capture[];

  beforeAll(async () => {
    place = await Place.make();
    captures = await recordCaptures(place);
  });
  afterAll(() => place.remove());

  test('are read whole, in the pieces in which they came and in any others', () => {
    expect(captures.length).toBeGreaterThanOrEqual(2);
    const all = captures.map((capture) => readInAllPieces(Buffer.concat(capture), [1, 100, 1000]));
    for (const { error } of all) expect(error).toBeNull();
    const commands = new Set(all.flatMap(({ requests }) => requests.map(([name]) => name?.toUpperCase())));
    expect([...commands]).toEqual(expect.arrayContaining(['AUTH', 'SENTINEL', 'PSUBSCRIBE', 'PEER']));
    captures.forEach((capture, index) => expect(meaning(read(capture))).toEqual(meaning(all[index]!)));
  });

  test('cut short: what was complete counts, and nothing else', () => {
    for (const capture of captures) {
      const bytes = Buffer.concat(capture);
      const { requests } = read([bytes]);
      let before = 0;
      for (let end = 0; end <= bytes.length; end += 7) {
        const cutShort = read([bytes.subarray(0, end)]);
        expect(cutShort.error).toBeNull();
        expect(cutShort.requests).toEqual(requests.slice(0, cutShort.requests.length));
        expect(cutShort.requests.length).toBeGreaterThanOrEqual(before);
        before = cutShort.requests.length;
      }
    }
  });

  test('mutilated: requests, then perhaps one error, and the same ones however they are cut', () => {
    let errors = 0;
    fc.assert(
      fc.property(fc.nat(99), fc.array(mutation, { minLength: 1, maxLength: 6 }), places, (which, mutations, at) => {
        const original = Buffer.concat(captures[which % captures.length]!);
        const { error } = readInAllPieces(mutations.reduce(mutate, original), at);
        if (error !== null) expect(error).toMatch(ERRORS);
        errors += error === null ? 0 : 1;
      }),
      { numRuns: 300 },
    );
    // Otherwise these would be no mutations to speak of.
    expect(errors).toBeGreaterThan(50);
  });
});

describe('what is only announced costs nothing', () => {
  test('a word of 64 KiB of which nothing comes', () => {
    expect(read([Buffer.from(`*1\r\n$${MAX_ARGUMENT_BYTES}\r\n`)]).keptBytes).toBeLessThan(100);
  });

  test('a little rest of a great chunk does not keep the chunk', () => {
    const chunk = Buffer.concat([Buffer.from('PING\r\n'.repeat(10_000)), Buffer.from('*1\r\n$4\r\nPI')]);
    const { requests, keptBytes } = read([chunk]);
    expect(requests).toHaveLength(10_000);
    expect(keptBytes).toBeLessThan(100);
  });

  test('also when there are many of them', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const chunkOf = (): Buffer => Buffer.alloc(65_536, 'PING\r\nx');
    collect();
    const before = process.memoryUsage().arrayBuffers;
    const parsers = Array.from({ length: 200 }, () => {
      const parser = new RequestParser();
      parser.feed(chunkOf().fill('PING\r\n', 0, 65_520));
      while (parser.next() !== null);
      return parser;
    });
    collect();
    // 13 MB when each keeps its chunk.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
    expect(parsers.every((parser) => parser.hasBegun)).toBe(true);
  });

  test('a request byte by byte: a byte costs the same however much there is already', () => {
    const costPerByte = (words: readonly string[]): number => {
      const bytes = Buffer.from(encodeRequest(words));
      const pieces = cut(
        bytes,
        Array.from({ length: bytes.length }, (_, index) => index),
      );
      const times = Math.ceil(400_000 / bytes.length);
      // Not the clock: other processes of a busy machine cost time as well.
      const before = process.cpuUsage();
      for (let count = 0; count < times; count += 1) expect(read(pieces).requests).toHaveLength(1);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / bytes.length / times;
    };
    const [short, long] = ['x'.repeat(3000), 'x'.repeat(60_000)];
    const many = [...Array.from({ length: 60 }, () => 'y'), long, long];
    // Beginning anew with each byte, it costs 20 times as much.
    expect(costPerByte(many) / costPerByte([short])).toBeLessThan(4);
  });
});

describe('before logging in the bounds are those of Redis', () => {
  const arrayOf = (count: number, bytes: number): Buffer[] => [
    Buffer.from(encodeRequest(Array.from({ length: count }, () => 'x'.repeat(bytes)))),
  ];

  test('number of words', () => {
    expect(read(arrayOf(MAX_STRANGER_ARGUMENTS, 3), false).error).toBeNull();
    expect(read(arrayOf(MAX_STRANGER_ARGUMENTS + 1, 3), false).error).toBe('unauthenticated multibulk length');
    expect(read(arrayOf(MAX_ARGUMENTS, 3), true).error).toBeNull();
  });

  test('length of a word', () => {
    expect(read(arrayOf(1, MAX_STRANGER_ARGUMENT_BYTES), false).error).toBeNull();
    expect(read(arrayOf(1, MAX_STRANGER_ARGUMENT_BYTES + 1), false).error).toBe('unauthenticated bulk length');
  });
});

describe('errors are worded as by a real Redis', () => {
  let place: Place;
  let target: { readonly host: string; readonly port: number };

  beforeAll(async () => {
    place = await Place.make();
    ({ target } = await place.redis({ config: ['requirepass open-sesame-7'] }));
  });
  afterAll(() => place.remove());

  const LONG = 70_000;
  const AUTH = encodeRequest(['AUTH', 'open-sesame-7']);
  test.each([
    ['a count that is no number', '*x\r\n'],
    ['no count', '*\r\n'],
    ['a sign', '*+1\r\n'],
    ['a leading zero', '*01\r\n'],
    ['no number behind the minus', '*-\r\n'],
    ['a blank', '* 1\r\n'],
    ['more words than any Redis takes', '*2147483648\r\n'],
    ['a length that is no number', '*1\r\n$x\r\n'],
    ['a negative length', '*1\r\n$-1\r\n'],
    ['a length with a leading zero', '*1\r\n$01\r\n'],
    ['more bytes than any Redis takes', '*1\r\n$9223372036854775807\r\n'],
    ['a number beyond all numbers', `*1\r\n$${'9'.repeat(30)}\r\n`],
    ['an integer', '*1\r\n:1\r\n'],
    ['an array in an array', '*1\r\n*1\r\n$1\r\na\r\n'],
    ['a count without an end', `*${'1'.repeat(LONG)}`],
    ['a length without an end', `*1\r\n$${'1'.repeat(LONG)}`],
    ['an inline request without an end', 'x'.repeat(LONG)],
  ])('%s', async (_, stream) => {
    const raw = place.closing(await RawClient.connect(target.host, target.port), (open) => open.close());
    const replies = await raw.write(AUTH + stream).replies(2);
    expect(replies[1]).toEqual({
      type: 'error',
      text: `ERR Protocol error: ${String(read([Buffer.from(stream)]).error)}`,
    });
    await raw.closed();
  });

  test.each([
    ['many words', '*11\r\n'],
    ['a long word', '*1\r\n$16385\r\n'],
  ])('before logging in: %s', async (_, stream) => {
    const raw = place.closing(await RawClient.connect(target.host, target.port), (open) => open.close());
    const reply = await raw.write(stream).reply();
    const { error } = read([Buffer.from(stream)], false);
    expect(reply).toEqual({ type: 'error', text: `ERR Protocol error: ${String(error)}` });
  });

  test.each([
    ['an empty array', '*0\r\n'],
    ['a null array', '*-1\r\n'],
    ['a very negative count', '*-5\r\n'],
    ['empty lines', '\r\n\r\n'],
  ])('%s is nothing to either', async (_, stream) => {
    const raw = place.closing(await RawClient.connect(target.host, target.port), (open) => open.close());
    expect((await raw.write(`${stream}PING\r\n`).reply()).type).toBe('error');
    expect(read([Buffer.from(`${stream}PING\r\n`)])).toMatchObject({ requests: [['PING']], error: null });
  });
});

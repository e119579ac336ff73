import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeAnswer, decodeRequest, decodeStatus, encodeMessage, OperationError } from '../src/index.ts';
import { MAX_ARGUMENT_BYTES } from '../src/resp-parser.ts';
import { answers, requests, status } from './peer-arbitraries.ts';

describe('what was encoded is decoded to the same', () => {
  test.each(requests)('request %s', (_, arbitrary) => {
    fc.assert(fc.property(arbitrary, (message) => expect(decodeRequest(encodeMessage(message))).toEqual(message)));
  });

  test.each(answers)('answer %s', (_, arbitrary) => {
    fc.assert(fc.property(arbitrary, (message) => expect(decodeAnswer(encodeMessage(message))).toEqual(message)));
  });

  test('status', () => {
    fc.assert(fc.property(status, (message) => expect(decodeStatus(encodeMessage(message))).toEqual(message)));
  });
});

type Change = Readonly<Record<string, unknown>>;

const FROM = { pod: 'redis-0', uid: 'u', incarnation: 'i', ip: '10.0.0.1', redisPort: 6379, port: 26379, replicas: 3 };
const HISTORY = { replid: 'a', replid2: null, secondReplOffset: null, offset: 1 };
const LINEAGE = { ...HISTORY, ancestors: [] };
const ANNOUNCED = { term: 3, pod: 'redis-1', uid: 'u', ip: '10.0.0.2', port: 6379, runId: null, isFounded: false };
const ANNOUNCEMENT = { ...ANNOUNCED, history: LINEAGE };
const MEMBER = {
  pod: 'redis-2',
  ip: '10.0.0.3',
  port: 6379,
  runId: null,
  offset: 1,
  priority: null,
  linkUp: true,
  lastIoSecondsAgo: null,
  isReachable: true,
};
const ENVELOPE = { v: 1, cluster: 'redis.shop/mymaster', from: FROM, term: 3 };
const RENEW = { ...ENVELOPE, type: 'RENEW', announcement: ANNOUNCEMENT, ranking: ['redis-1'], members: [MEMBER] };

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (!(error instanceof OperationError) || error.code !== 'BADMESSAGE') throw error;
    return error.message;
  }
  throw new Error('it was taken for good');
}

const refusal = (message: Change): string => messageOf(() => decodeRequest(JSON.stringify(message)));

test('the message that the tests below break is good', () => {
  expect(decodeRequest(JSON.stringify(RENEW))).toEqual(RENEW);
});

const wrong: readonly (readonly [string, Change])[] = [
  ['v', { v: 2 }],
  ['type', { type: 'GRANT' }],
  ['type', { type: '__proto__' }],
  ['type', { type: undefined }],
  ['cluster', { cluster: undefined }],
  ['cluster', { cluster: 7 }],
  ['cluster', { cluster: 'x'.repeat(254) }],
  ['term', { term: -1 }],
  ['term', { term: 1.5 }],
  ['term', { term: '3' }],
  ['term', { term: 2 ** 53 }],
  ['term', { term: 1e308 }],
  ['term', { term: null }],
  ['term', { term: [3] }],
  ['term', { term: true }],
  ['from.pod', { from: [FROM] }],
  ['from.incarnation', { from: { ...FROM, incarnation: null } }],
  ['from.pod', { from: { ...FROM, pod: ['redis-0'] } }],
  ['from', { from: null }],
  ['from.pod', { from: { ...FROM, pod: '' } }],
  ['from.pod', { from: { ...FROM, pod: 'x'.repeat(254) } }],
  ['from.uid', { from: { ...FROM, uid: 5 } }],
  ['from.ip', { from: { ...FROM, ip: 'redis-0.redis' } }],
  ['from.port', { from: { ...FROM, port: 0 } }],
  ['from.port', { from: { ...FROM, port: 65_536 } }],
  ['from.redisPort', { from: { ...FROM, redisPort: '6379' } }],
  ['announcement', { announcement: undefined }],
  ['announcement.ip', { announcement: { ...ANNOUNCEMENT, ip: '10.0.0.2 6379\r\n' } }],
  ['announcement.history.offset', { announcement: { ...ANNOUNCEMENT, history: { ...LINEAGE, offset: -1 } } }],
  ['ranking', { ranking: Array.from({ length: 65 }, () => 'redis-0') }],
  ['ranking.1', { ranking: ['redis-0', 1] }],
  ['members', { members: {} }],
  ['members', { members: Array.from({ length: 65 }, () => MEMBER) }],
  ['members.0.isReachable', { members: [{ ...MEMBER, isReachable: 1 }] }],
];

describe('a wrong field is named', () => {
  test.each(wrong)('%s', (field, change) => {
    expect(refusal({ ...RENEW, ...change })).toMatch(`the request is not valid at ${field}: `);
  });

  test.each([
    ['a time that is no time', 'retryAfterMs', '-1'],
    ['a time without an end', 'retryAfterMs', '1e999'],
    ['a time beyond all leases', 'retryAfterMs', '1e308'],
  ])('in answers: %s', (_, field, value) => {
    const refused = { ...ENVELOPE, type: 'refused', reason: 'held', retryAfterMs: 0, announcement: null };
    const json = JSON.stringify(refused).replace('"retryAfterMs":0', `"retryAfterMs":${value}`);
    expect(messageOf(() => decodeAnswer(json))).toMatch(`the answer is not valid at ${field}: `);
  });

  test.each(['-1', '1e999', '-1e308'])('in answers: an age of %s', (age) => {
    const position = { ...HISTORY, runId: null, role: 'replica', masterHost: null, masterPort: null, linkUp: true };
    const rest = {
      priority: 100,
      lastIoSecondsAgo: null,
      synced: true,
      intact: true,
      astray: false,
      keys: 1,
      ageMs: 0,
    };
    const frozen = { ...ENVELOPE, type: 'frozen', position: { ...position, ...rest } };
    expect(decodeAnswer(JSON.stringify(frozen))).toEqual(frozen);
    const json = JSON.stringify(frozen).replace('"ageMs":0', `"ageMs":${age}`);
    expect(messageOf(() => decodeAnswer(json))).toMatch('the answer is not valid at position.ageMs: ');
  });

  test('in answers and in the status too', () => {
    const answer = JSON.stringify({ ...ENVELOPE, type: 'refused', reason: 'no', retryAfterMs: 0, announcement: null });
    expect(messageOf(() => decodeAnswer(answer))).toMatch('the answer is not valid at reason: ');
    expect(messageOf(() => decodeStatus(JSON.stringify({ ...ENVELOPE, role: 'king' })))).toMatch(
      'the status is not valid at role: ',
    );
  });

  test.each([
    ['no JSON', '{'],
    ['nothing', ''],
    ['a stray NaN', '{"v":NaN}'],
  ])('%s', (_, json) => {
    expect(messageOf(() => decodeRequest(json))).toBe('the request is not JSON');
  });

  test.each([['null'], ['[]'], ['"PREVOTE"'], ['7']])('JSON, but no object: %s', (json) => {
    expect(messageOf(() => decodeRequest(json))).toMatch('the request is not valid at ');
  });

  test('any JSON is either a message or refused', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(messageOf(() => decodeRequest(json))).toMatch('the request is not valid at ');
      }),
    );
  });

  test('what is wrong is not repeated at length', () => {
    expect(refusal({ ...RENEW, cluster: 'x'.repeat(60_000) }).length).toBeLessThan(300);
    expect(refusal({ ...RENEW, type: 'x'.repeat(60_000) }).length).toBeLessThan(300);
  });
});

describe('a message that names a term newer than its own is none', () => {
  const newer = { ...ANNOUNCEMENT, term: 4 };
  const refusalOf = (decode: (json: string) => unknown, message: Change): string =>
    messageOf(() => decode(JSON.stringify(message)));

  test('an announcement in a request', () => {
    expect(refusal({ ...RENEW, announcement: newer })).toBe('the request is not valid: of term 3, but it names term 4');
    expect(refusal({ ...ENVELOPE, type: 'ANNOUNCE', announcement: newer })).toMatch('names term 4');
  });

  test('an announcement or a promise in an answer', () => {
    const granted = { ...ENVELOPE, type: 'granted', position: null, announcement: null, promises: [], members: [] };
    const refused = { ...ENVELOPE, type: 'refused', reason: 'held', retryAfterMs: 0, announcement: newer };
    const holder = { pod: 'redis-1', uid: 'u' };
    expect(decodeAnswer(JSON.stringify({ ...granted, promises: [{ term: 3, holder }] }))).toMatchObject({
      type: 'granted',
    });
    for (const wrong of [
      refused,
      { ...granted, announcement: newer },
      { ...granted, promises: [{ term: 4, holder }] },
    ]) {
      expect(refusalOf(decodeAnswer, wrong)).toBe('the answer is not valid: of term 3, but it names term 4');
    }
  });

  test('the master in a status', () => {
    const good: Change = { ...fc.sample(status, { numRuns: 1, seed: 3 })[0] };
    expect(decodeStatus(JSON.stringify({ ...good, term: 3, master: ANNOUNCEMENT })).term).toBe(3);
    expect(refusalOf(decodeStatus, { ...good, term: 3, master: newer })).toMatch('of term 3, but it names term 4');
  });
});

test('the longest renewal, of 63 pods with the longest names, fits into one argument of a request', () => {
  const name = (index: number): string => `${'x'.repeat(60)}-${index}`;
  const full = { replid: 'f'.repeat(40), offset: 2 ** 53 - 1, secondReplOffset: 2 ** 53 - 1, replid2: 'f'.repeat(40) };
  const ip = 'fd00:1111:2222:3333:4444:5555:6666:7777';
  const ancestors = Array.from({ length: 64 }, () => ({ replid: 'f'.repeat(40), endOffset: 2 ** 53 - 1 }));
  const uid = '0'.repeat(36);
  const from = { ...FROM, pod: name(0), uid, incarnation: 'f'.repeat(40), ip };
  const announcement = {
    ...ANNOUNCEMENT,
    pod: name(0),
    uid,
    ip,
    runId: 'f'.repeat(40),
    history: { ...full, ancestors },
  };
  const offset = 2 ** 53 - 1;
  const members = Array.from({ length: 62 }, (_, index) => {
    return {
      ...MEMBER,
      pod: name(index + 1),
      ip,
      runId: 'f'.repeat(40),
      offset,
      priority: 100,
      lastIoSecondsAgo: 9999,
    };
  });
  const longest = { ...RENEW, from, announcement, ranking: members.map(({ pod }) => pod), members };
  const json = encodeMessage(decodeRequest(JSON.stringify(longest)));
  expect(Buffer.byteLength(json)).toBeLessThan(MAX_ARGUMENT_BYTES);
});

describe('hostile JSON', () => {
  /** A message with one thing wrong: a place in it, and what stands there instead. */
  const places = [
    'v',
    'cluster',
    'from',
    'from.pod',
    'from.uid',
    'from.ip',
    'from.port',
    'term',
    'type',
    'announcement',
  ];
  const morePlaces = [
    'announcement.term',
    'announcement.history',
    'announcement.history.offset',
    'ranking',
    'members.0',
  ];
  const odd = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', '\u0000', '\ud800', '\u202e', 'NaN'),
    fc.constantFrom(-1, -0, 2 ** 53, 2 ** 53 - 1, 1e308, -1e308, 0.1, 4294967296),
  );

  function put(message: unknown, path: readonly string[], value: unknown): unknown {
    const [key, ...rest] = path;
    if (key === undefined) return value;
    const copy = (Array.isArray(message) ? [...(message as unknown[])] : { ...(message as object) }) as Change;
    return Object.assign(copy, { [key]: put(copy[key], rest, value) });
  }

  test('one thing that is odd: a good message, or refused and named; nothing in between', () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.constantFrom(...places, ...morePlaces), odd, (place, value) => {
        const json = JSON.stringify(put(RENEW, place.split('.'), value));
        try {
          // What is taken is exactly what was sent, or less: nothing that is not part of a message gets through.
          expect(JSON.parse(json)).toMatchObject(JSON.parse(encodeMessage(decodeRequest(json))) as object);
        } catch (error) {
          if (!(error instanceof OperationError)) throw error;
          expect(error.message).toMatch(/^the request is not valid/);
          expect(error.message.length).toBeLessThan(600);
          refused += 1;
        }
      }),
      { numRuns: 2000 },
    );
    expect(refused).toBeGreaterThan(500);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test.each([
    ['arrays in arrays', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
    ['objects in objects', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
    ['one very long number', '9'.repeat(60_000)],
    ['very many keys', `{${Array.from({ length: 6000 }, (_, n) => `"k${n}":1`).join(',')}}`],
  ])('%s are refused at once', (_, value) => {
    for (const json of [value, JSON.stringify(RENEW).replace('"v":1', `"v":${value}`)]) {
      const startMs = performance.now();
      expect(messageOf(() => decodeRequest(json))).toMatch(/^the request is not valid/);
      expect(performance.now() - startMs).toBeLessThan(500);
    }
  });
});

describe('what does not belong to a message does no harm', () => {
  const poison = '{"isHolder":true}';

  test('unknown fields are left out', () => {
    expect(decodeRequest(JSON.stringify({ ...RENEW, isHolder: true, from: { ...FROM, isHolder: true } }))).toEqual(
      RENEW,
    );
  });

  test('"__proto__" and "constructor" change nothing, wherever they are', () => {
    const json = JSON.stringify({ ...RENEW, from: { ...FROM, x: 1 } })
      .replace('"x":1', `"__proto__":${poison},"constructor":{"prototype":${poison}}`)
      .replace('{', `{"__proto__":${poison},`);
    const message = decodeRequest(json);
    expect(message).toEqual(RENEW);
    expect(Object.getPrototypeOf(message)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(message.from)).toBe(Object.prototype);
    expect('isHolder' in message).toBe(false);
    expect('isHolder' in {}).toBe(false);
  });

  test('a required field does not count when it only stands in "__proto__"', () => {
    const { cluster, ...rest } = RENEW;
    const json = JSON.stringify(rest).replace('{', `{"__proto__":${JSON.stringify({ cluster })},`);
    expect(messageOf(() => decodeRequest(json))).toMatch('the request is not valid at cluster: ');
  });
});

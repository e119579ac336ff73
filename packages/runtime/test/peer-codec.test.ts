import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeAnswer, decodeRequest, decodeStatus, encodeMessage, OperationError } from '../src/index.ts';
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

const FROM = { pod: 'redis-0', uid: 'u', incarnation: 'i', ip: '10.0.0.1', redisPort: 6379, port: 26379 };
const HISTORY = { replid: 'a', replid2: null, secondReplOffset: null, offset: 1 };
const ANNOUNCEMENT = { term: 3, pod: 'redis-1', uid: 'u', ip: '10.0.0.2', port: 6379, runId: null, history: HISTORY };
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
  ['announcement.history.offset', { announcement: { ...ANNOUNCEMENT, history: { ...HISTORY, offset: -1 } } }],
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

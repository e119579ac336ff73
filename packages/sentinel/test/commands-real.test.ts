import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Reply } from '@sentinel-micro/runtime';
import { RawClient } from '../../runtime/test/raw-client.ts';
import { Place, until } from '../../runtime/test/support.ts';
import { contextOf, keysOf, leader, PORT, serveCommands, startRealSentinel } from './commands-support.ts';

/** Compares the sidecar's answers to those of a real Redis Sentinel, field by field where the values can not be the same. */
let place: Place;
let real: { readonly host: string };
let ours: { readonly host: string };

beforeAll(async () => {
  place = await Place.make();
  const master = await place.redis();
  const { host, port } = master.target;
  await place.redis({ config: [`replicaof ${host} ${port}`] });
  const sentinels = [await startRealSentinel(place, { host, port }), await startRealSentinel(place, { host, port })];
  real = sentinels[0]!.target;
  ours = await serveCommands(place, contextOf(leader()));
  const lengthOf = async (words: string): Promise<number> => {
    const [reply] = await exchange(real.host, [['SENTINEL', words, 'mymaster']]);
    return reply?.type === 'array' ? reply.items.length : 0;
  };
  await until('the real Sentinel to find its replica', async () => (await lengthOf('REPLICAS')) === 1);
  await until('the real Sentinel to find the other one', async () => (await lengthOf('SENTINELS')) === 1);
});
afterAll(() => place.remove());

/** Asks in one connection; returns all answers. */
async function exchange(host: string, requests: readonly (readonly string[])[]): Promise<Reply[]> {
  const raw = await RawClient.connect(host, PORT);
  try {
    return await raw.send(...requests).replies(requests.length);
  } finally {
    raw.close();
  }
}

const both = async (...requests: string[][]): Promise<[Reply[], Reply[]]> =>
  Promise.all([exchange(ours.host, requests), exchange(real.host, requests)]);

/** Texts of errors differ a little from version to version; then only the code is compared. */
function comparable(reply: Reply, isSameVersion: boolean): Reply {
  if (reply.type !== 'error') return reply;
  return { ...reply, text: isSameVersion ? reply.text.trimEnd() : reply.text.split(' ', 1)[0]! };
}

describe('the same answer, in RESP2 and in RESP3', () => {
  const requests: string[][] = [
    ['PING'],
    ['PING', 'hello'],
    ['PING', 'a', 'b'],
    ['NONSENSE'],
    ['NONSENSE', 'a', 'b c'],
    ['HELLO', 'abc'],
    ['HELLO', '4'],
    ['HELLO', '1'],
    ['HELLO', '2', 'FOO'],
    ['HELLO', '2', 'AUTH', 'a'],
    ['HELLO', '2', 'SETNAME'],
    ['AUTH'],
    ['AUTH', 'x'],
    ['AUTH', 'a', 'b', 'c'],
    ['ROLE'],
    ['ROLE', 'x'],
    ['CLIENT'],
    ['CLIENT', 'NONSENSE'],
    ['CLIENT', 'SETNAME'],
    ['CLIENT', 'SETNAME', 'a', 'b'],
    ['CLIENT', 'SETNAME', 'a b'],
    ['CLIENT', 'SETNAME', 'a'],
    ['CLIENT', 'GETNAME'],
    ['CLIENT', 'GETNAME', 'x'],
    ['CLIENT', 'SETNAME', ''],
    ['CLIENT', 'GETNAME'],
    ['SENTINEL'],
    ['SENTINEL', 'NONSENSE'],
    ['SENTINEL', 'MASTER'],
    ['SENTINEL', 'MASTER', 'a', 'b'],
    ['SENTINEL', 'MASTER', 'nope'],
    ['SENTINEL', 'MASTERS', 'x'],
    ['SENTINEL', 'REPLICAS'],
    ['SENTINEL', 'REPLICAS', 'nope'],
    ['SENTINEL', 'SLAVES', 'nope'],
    ['SENTINEL', 'SENTINELS', 'nope'],
    ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME'],
    ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'nope'],
    ['sentinel', 'get-master-addr-by-name', 'nope'],
    ['SENTINEL', 'CKQUORUM'],
    ['SENTINEL', 'CKQUORUM', 'nope'],
    ['SENTINEL', 'MYID', 'x'],
    ['SUBSCRIBE'],
    ['PSUBSCRIBE'],
  ];

  test.each([2, 3])('RESP%i', async (version) => {
    const [mine, theirs] = await both(['HELLO', String(version)], ...requests);
    const [info] = await exchange(real.host, [['INFO', 'server']]);
    const isSameVersion = info?.type === 'bulk' && info.text.includes('redis_version:7.');
    const label = (replies: Reply[]): unknown[] =>
      replies.slice(1).map((reply, index) => [requests[index]!.join(' '), comparable(reply, isSameVersion)]);
    expect(label(mine)).toEqual(label(theirs));
  });
});

describe('the same fields in the same order', () => {
  const firstOf = (reply: Reply): Reply => (reply.type === 'array' ? reply.items[0]! : reply);

  test.each([['HELLO 2'], ['HELLO 3'], ['SENTINEL MASTER mymaster']])('%s', async (words) => {
    const [[mine], [theirs]] = await both(words.split(' '));
    expect(keysOf(mine!)).toEqual(keysOf(theirs!));
    expect(mine!.type).toBe(theirs!.type);
  });

  test.each(['MASTERS', 'REPLICAS', 'SLAVES', 'SENTINELS'])('SENTINEL %s', async (command) => {
    for (const version of ['2', '3']) {
      const words = ['SENTINEL', command, ...(command === 'MASTERS' ? [] : ['mymaster'])];
      const [[, mine], [, theirs]] = await both(['HELLO', version], words);
      expect(keysOf(firstOf(mine!))).toEqual(keysOf(firstOf(theirs!)));
      expect(firstOf(mine!).type).toBe(firstOf(theirs!).type);
    }
  });

  test('INFO: each line about Sentinel, and the master in the same form', async () => {
    const [[mine], [theirs]] = await both(['INFO']);
    const texts = [mine!, theirs!].map((reply) => (reply.type === 'bulk' ? reply.text : ''));
    const form = (text: string): string[] =>
      (text.split('# Sentinel')[1] ?? '')
        .split('\r\n')
        .map((line) => line.replace(/:\d+$/, ':N').replace(/=[^,]*/g, '='))
        .filter((line) => line !== '' && !line.startsWith('sentinel_tilt_since'));
    const [ourForm, theirForm] = texts.map(form);
    expect(ourForm).toEqual(theirForm);
  });
});

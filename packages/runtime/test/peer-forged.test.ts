// What a peer's sidecar might be made to believe by wrong answers and wrong addresses.
import { describe, expect, test } from '@jest/globals';
import { asTerm, type PeerAnswer, type PeerRequest } from '@sentinel-micro/core';
import { bulk, encodeMessage, failed } from '../src/index.ts';
import {
  CLUSTER,
  connects,
  grantFrom,
  hosts,
  identityOf,
  pod,
  PORT,
  prevote,
  standIn,
  usePeers,
  wire,
} from './peer-stand-in.ts';
import { place } from './support.ts';

usePeers();

describe('an answer that can not be one to the question does not count, and is complained of once', () => {
  const acquire = (): PeerRequest => ({ ...prevote(0), type: 'ACQUIRE' });
  const lies: readonly (readonly [string, () => PeerAnswer, string])[] = [
    ['of another pod', () => grantFrom(2), 'it is of redis-2, but redis-1 was asked'],
    [
      'of another life of the pod',
      () => ({ ...grantFrom(1), from: { ...identityOf(1), incarnation: 'old' } }),
      'it is of redis-1, but redis-1 was asked',
    ],
    [
      'of another cluster',
      () => ({ ...grantFrom(1), cluster: 'other.shop/mymaster' }),
      'it is of another cluster (other.shop/mymaster)',
    ],
    [
      'a grant of an older term, as an answer that was given before and is played again',
      () => ({ ...grantFrom(1), term: asTerm(1) }),
      'it is of the older term 1, but ACQUIRE was of term 2',
    ],
    [
      'an answer to something else',
      () => ({ v: 1, cluster: CLUSTER, from: identityOf(1), term: asTerm(2), type: 'ok' }),
      'ok is no answer to ACQUIRE',
    ],
    [
      'a term that can not be',
      () => ({ ...grantFrom(1), term: asTerm(Number.MAX_SAFE_INTEGER) }),
      'term 9007199254740991 is not plausible, here it is 1',
    ],
  ];

  test.each(lies)('%s', async (_, lie, complaint) => {
    let isLying = true;
    await standIn(1, { answer: () => bulk(encodeMessage(isLying ? lie() : grantFrom(1))) });
    const wired = wire(0);
    await connects(wired, 1);
    for (let times = 0; times < 3; times++) expect(await wired.transport.ask(pod(1), acquire())).toBeNull();
    expect(wired.troubles).toEqual([expect.stringMatching('its answer does not count: ')]);
    expect(wired.troubles[0]).toContain(complaint);
    isLying = false;
    expect(await wired.transport.ask(pod(1), acquire())).toEqual(grantFrom(1));
  });

  test('many different lies are not complained of without end, nor at length', async () => {
    let times = 0;
    await standIn(1, { answer: () => failed(`ERR lie ${times++} ${'x'.repeat(10_000)}`) });
    const wired = wire(0);
    await connects(wired, 1);
    for (let asked = 0; asked < 50; asked++) await wired.transport.ask(pod(1), acquire());
    expect(times).toBe(50);
    expect(wired.troubles.length).toBeLessThanOrEqual(5);
    for (const text of wired.troubles) expect(text.length).toBeLessThan(400);
  });
});

describe('addresses', () => {
  test('that somebody told do not crowd out those that DNS names', async () => {
    const wired = wire(0);
    hosts.push(await place.host(PORT));
    await standIn(3);
    // Nobody is there: each of them is tried again and again.
    for (let index = 0; index < 1000; index++) {
      wired.transport.learn({ ip: `127.77.${index >> 8}.${index & 255}`, port: 9 });
    }
    wired.transport.setAddresses([{ ip: hosts[3]!, port: PORT }]);
    await connects(wired, 3);
  });

  test('that DNS names are known, those that somebody told are not', () => {
    const { transport } = wire(0);
    transport.learn({ ip: '127.0.0.99', port: 9 });
    expect(hosts.map((ip) => transport.knows(ip))).toEqual([false, true, true]);
    expect(transport.knows('127.0.0.99')).toBe(false);
  });
});

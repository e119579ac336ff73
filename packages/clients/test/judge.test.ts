import { describe, expect, test } from '@jest/globals';
import { connections, violationsOf, type Evidence } from '../src/index.ts';

const seen = { errors: 1, gapMs: 100, acknowledged: 1000, lost: 0, confirmed: 0, confirmedLost: 0 };
/** A failover in which all was well: plain writes may be lost. */
const fine: Evidence = {
  isAllFound: true,
  plain: { ...seen, lost: 2 },
  wait: { ...seen, confirmed: 1000 },
  goesOn: true,
};

describe('what must hold for a recommended client', () => {
  test('a failover in which all was well', () => {
    expect(violationsOf(fine, {})).toEqual([]);
  });

  const cases: readonly (readonly [string, Partial<Evidence>, string])[] = [
    ['it did not find everybody', { isAllFound: false }, 'the client did not find the master and both replicas'],
    ['it stopped', { goesOn: false }, 'the client did not write again by itself'],
    ['nothing was confirmed, so that nothing was tried', { wait: seen }, 'no write was confirmed at all'],
    [
      'a confirmed write is lost',
      { wait: { ...seen, confirmed: 1000, confirmedLost: 1 } },
      '1 of 1000 confirmed writes are lost',
    ],
  ];
  test.each(cases)('%s', (_, change, message) => {
    expect(violationsOf({ ...fine, ...change }, {})).toEqual([message]);
  });

  test('where nothing may be lost, a plain write may not either', () => {
    expect(violationsOf(fine, { isLossless: true })).toEqual(['2 acknowledged writes are lost, none may be']);
  });
});

test('the connections of a process are those of its sockets that are established', () => {
  const text = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0201A87F:670B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1111 1 0000 100 0 0 10 0',
    '   1: 0201A87F:8A3C 0301A87F:670B 01 00000000:00000000 00:00000000 00000000     0        0 2222 1 0000 20 4 30 10 -1',
    '   2: 0201A87F:8A3E 0301A87F:18EB 06 00000000:00000000 00:00000000 00000000     0        0 3333 1 0000 20 4 30 10 -1',
    '',
  ].join('\n');
  expect(connections(text)).toEqual([{ remote: '127.168.1.3:26379', inode: '2222' }]);
});

import { networkInterfaces } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { ownHost } from '../src/index.ts';

describe('where the own Redis is reached', () => {
  test.each([
    ['at the address of the pod while an interface has it', '10.0.0.7', ['127.0.0.1', '10.0.0.7'], '10.0.0.7'],
    ['over the loopback when none has it any more', '10.0.0.7', ['127.0.0.1', '10.0.0.70'], '127.0.0.1'],
    ['the same with IPv6', 'fd00::7', ['::1', '127.0.0.1'], '::1'],
    ['at the address of the pod when nothing is known of the interfaces', '10.0.0.7', [], '10.0.0.7'],
    ['at an address of the loopback, which no interface lists', '127.9.9.9', ['127.0.0.1'], '127.9.9.9'],
  ])('%s', (_, ip, addresses, host) => {
    expect(ownHost(ip, addresses)).toBe(host);
  });

  test('the interfaces are those of this machine', () => {
    const [own] = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
    expect(ownHost(own!)).toBe(own);
    expect(ownHost('192.0.2.1')).toBe('127.0.0.1');
  });
});

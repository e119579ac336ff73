import { isIP } from 'node:net';
import { expect, test } from '@jest/globals';
import { ipFamily } from '../src/index.ts';

test.each([
  ...['10.0.0.1', '256.0.0.1', '10.0.0', '10.0.0.1:53', '', 'redis.shop.svc.cluster.local', ':', 'a:53'],
  ...['::', '::1', 'fd00::a', 'FD00:0::A', '1::', '::ffff:10.0.0.1', 'fe80::1%eth0', '[::1]', '[::1]:53', 'a:b:c'],
  ...['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8:9'],
])('%j is of the family that Node says', (text) => {
  expect(ipFamily(text)).toBe(isIP(text));
});

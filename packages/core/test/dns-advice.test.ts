import { expect, test } from '@jest/globals';
import { dnsAdvice } from '../src/index.ts';

test('a Service without pods and a DNS that is silent call for different looks', () => {
  expect(dnsAdvice('DNS has no pods for --service redis: querySrv ENODATA redis')).toContain(
    'publishNotReadyAddresses: true',
  );
  expect(dnsAdvice('DNS has no pods for --service redis: queryA ENOTFOUND redis')).toContain('does the Service exist');
  expect(dnsAdvice('DNS has no pods for --service redis: queryA ETIMEOUT redis')).toContain('NetworkPolicy');
});

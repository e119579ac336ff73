import { beforeEach, describe, expect, test } from '@jest/globals';
import { asPodName } from '@sentinel-micro/core';
import type { Logger, ServiceAddress } from '@sentinel-micro/runtime';
import { DOUBT_AFTER_MS, serviceDoubt, ServiceDoubts } from '../src/service-doubts.ts';

const place = (replicas: number) => ({
  service: 'redis',
  pod: asPodName('redis-0'),
  ip: '10.0.0.1',
  members: Array.from({ length: replicas }, (_, index) => asPodName(`redis-${String(index)}`)),
});

/** redis-0 has 10.0.0.1, redis-1 has 10.0.0.2, and so on. */
const named = (...numbers: number[]): ServiceAddress[] =>
  numbers.map((number) => ({ ip: `10.0.0.${String(number + 1)}`, podName: `redis-${String(number)}` }));
const nameless = (...ips: string[]): ServiceAddress[] => ips.map((ip) => ({ ip, podName: null }));

describe('what DNS tells of the manifest', () => {
  test.each([
    ['all pods', 3, named(0, 1, 2)],
    ['all pods, in any order', 3, named(2, 0, 1)],
    ['two addresses each, in a dual-stack network', 1, [...named(0), { ip: 'fd00::1', podName: 'redis-0' }]],
    ['all pods of a server that tells no names', 3, nameless('10.0.0.1', '10.0.0.2', '10.0.0.3')],
    ['some pods of a server that tells no names', 3, nameless('10.0.0.1')],
    ['a pod in the middle is being replaced', 3, named(0, 2)],
    ['a single pod', 1, named(0)],
  ])('nothing: %s', (_what, replicas, addresses) => {
    expect(serviceDoubt(place(replicas), addresses)).toBeNull();
  });

  test.each([
    ['a Service with an address of its own', 3, nameless('10.96.0.5'), /10\.96\.0\.5.*headless \(clusterIP: None\)/],
    ['only pods that are ready', 3, named(1, 2), /does not list this pod.*publishNotReadyAddresses: true.*selector/],
    ['nobody but a stranger', 3, named(7), /does not list this pod/],
    ['scaled up, and the flag forgotten', 3, named(0, 1, 2, 3, 4), /redis-3, redis-4.*--replicas is 3: set --replicas/],
    [
      'a flag that is too high',
      5,
      named(0, 1, 2),
      /redis-3, redis-4.*spec\.replicas of the StatefulSet is 3, set --replicas/,
    ],
    [
      'a selector that matches too much',
      1,
      [...named(0), { ip: '10.0.9.9', podName: 'web-7' }],
      /web-7.*matches too much/,
    ],
  ])('%s', (_what, replicas, addresses, words) => {
    expect(serviceDoubt(place(replicas), addresses)).toMatch(words);
  });
});

describe('the log', () => {
  let lines: string[];
  let doubts: ServiceDoubts;
  const logger: Logger = {
    log: (level, event) => {
      lines.push(`${level} ${event}`);
    },
  };

  beforeEach(() => {
    lines = [];
    doubts = new ServiceDoubts(place(3), logger);
  });

  test('has nothing of what passes: pods come one after the other, and DNS lags behind', () => {
    doubts.look(named(1), 0);
    doubts.look(named(0, 1), DOUBT_AFTER_MS / 2);
    doubts.look(named(0, 1), DOUBT_AFTER_MS);
    doubts.look(named(0, 1, 2), DOUBT_AFTER_MS * 2);
    expect(lines).toEqual([]);
  });

  test('says what stays once, and once that it is over', () => {
    for (let ms = 0; ms <= DOUBT_AFTER_MS * 3; ms += 5000) doubts.look(named(0, 1), ms);
    expect(lines).toEqual(['warn service']);
    doubts.look(named(0, 1, 2), DOUBT_AFTER_MS * 4);
    doubts.look(named(0, 1, 2), DOUBT_AFTER_MS * 5);
    expect(lines).toEqual(['warn service', 'info service']);
  });
});

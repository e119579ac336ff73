import { expect, test } from '@jest/globals';
import { nextHealth, UNKNOWN_HEALTH, type RedisSample } from '../src/index.ts';
import { infoOf } from './support.ts';

const UP: RedisSample = { outcome: 'info', info: infoOf() };
const SILENT: RedisSample = { outcome: 'silent' };

function live(story: readonly (readonly [number, RedisSample])[]): string {
  return story.reduce((health, [atMs, sample]) => nextHealth(health, sample, atMs, 1000), UNKNOWN_HEALTH).state;
}

test.each<[string, string, readonly (readonly [number, RedisSample])[]]>([
  ['answers', 'up', [[0, UP]]],
  [
    'refuses connections: a fact, down at once',
    'down',
    [
      [0, UP],
      [1, { outcome: 'refused' }],
    ],
  ],
  [
    'is silent, but not for long',
    'suspect',
    [
      [0, UP],
      [999, SILENT],
    ],
  ],
  [
    'is silent for downAfterMs',
    'down',
    [
      [0, UP],
      [500, SILENT],
      [1000, SILENT],
    ],
  ],
  [
    'answers again before',
    'up',
    [
      [0, UP],
      [500, SILENT],
      [900, UP],
      [1500, UP],
    ],
  ],
  ['has never answered', 'down', [[0, SILENT]]],
  [
    'is loading: alive',
    'up',
    [
      [0, UP],
      [5000, { outcome: 'error', code: 'LOADING' }],
    ],
  ],
  [
    'is busy with a script: alive',
    'up',
    [
      [0, UP],
      [5000, { outcome: 'error', code: 'BUSY' }],
    ],
  ],
  [
    'is refused, then silent: still down',
    'down',
    [
      [0, { outcome: 'refused' }],
      [10, SILENT],
    ],
  ],
  [
    'comes back',
    'up',
    [
      [0, { outcome: 'refused' }],
      [10, UP],
    ],
  ],
])('a Redis that %s is %s', (_title, expected, story) => {
  expect(live(story)).toBe(expected);
});

test('what it suffers from although it answers is told, and changes nothing else', () => {
  const well = nextHealth(UNKNOWN_HEALTH, UP, 0, 1000);
  const sick = nextHealth(well, { outcome: 'info', info: infoOf(), warning: 'could not save its data' }, 5, 1000);
  expect(sick).toEqual({ ...well, reason: 'answers, but could not save its data', aliveAtMs: 5 });
  expect(nextHealth(sick, { outcome: 'info', info: infoOf(), warning: null }, 9, 1000)).toEqual({
    ...well,
    aliveAtMs: 9,
  });
});

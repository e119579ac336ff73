import { expect, test } from '@jest/globals';
import { Tally } from '../src/index.ts';

function tallying(): { tally: Tally; told: string[]; after: (ms: number) => void } {
  const told: string[] = [];
  let nowMs = 0;
  const tally = new Tally(
    (text) => told.push(text),
    () => nowMs,
  );
  return { tally, told, after: (ms) => (nowMs += ms) };
}

test('the first of a kind is told at once, the rest only counted', () => {
  const { tally, told } = tallying();
  for (let times = 0; times < 1000; times += 1) tally.count('bad', `from ${String(times)}`);
  expect(told).toEqual(['bad: from 0']);
  expect(tally.total).toBe(1000);
});

test('a minute later the next one is told, with the number of those that were not', () => {
  const { tally, told, after } = tallying();
  for (let times = 0; times < 5; times += 1) tally.count('bad', 'x');
  after(59_999);
  tally.count('bad', 'x');
  after(1);
  tally.count('bad', 'y');
  tally.count('bad', 'z');
  expect(told).toEqual(['bad: x', 'bad: y (and 5 times since the last line)']);
});

test('a new kind is told at once, whatever was told before', () => {
  const { tally, told } = tallying();
  tally.count('bad', 'x');
  tally.count('worse', 'y');
  expect(told).toEqual(['bad: x', 'worse: y']);
});

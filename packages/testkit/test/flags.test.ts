import { expect, test } from '@jest/globals';
import { pickNamed, readFlags, wholeNumber } from '../src/index.ts';

const OPTIONS = {
  runs: { type: 'string', default: '1' },
  verbose: { type: 'boolean', default: false },
} as const;
const usage = (message: string): unknown =>
  expect.objectContaining({ code: 'BAD_USAGE', message: expect.stringContaining(message) });

test('flags that are not given have their default; what is no flag of the program is refused', () => {
  expect({ ...readFlags(['--verbose'], OPTIONS) }).toEqual({ runs: '1', verbose: true });
  expect(() => readFlags(['--fast'], OPTIONS)).toThrow(usage("Unknown option '--fast'"));
  expect(() => readFlags(['fast'], OPTIONS)).toThrow(usage("Unexpected argument 'fast'"));
});

test.each(['0', '10', '', '-1', '2.5', '1e0', '0x1', ' 2', 'x'])('%j is no whole number from 1 to 9', (text) => {
  expect(() => wholeNumber('runs', text, 1, 9)).toThrow(
    usage(`--runs is ${text}; it must be a whole number from 1 to 9`),
  );
});

test('a whole number in its bounds', () => {
  expect(['1', '5', '9'].map((text) => wholeNumber('runs', text, 1, 9))).toEqual([1, 5, 9]);
});

test('named things come in the order of their names; a name that nothing has tells those that there are', () => {
  const [near, far] = [{ name: 'near' }, { name: 'far' }];
  expect(pickNamed('place', [near, far], 'far,near')).toEqual([far, near]);
  expect(() => pickNamed('place', [near, far], 'near,there')).toThrow(
    usage('there is no place there; there are near, far'),
  );
});

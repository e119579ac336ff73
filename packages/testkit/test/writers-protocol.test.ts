import { expect, test } from '@jest/globals';
import type { WriteRecord } from '../src/index.ts';
import { END_LINE, formatLine, parseLine } from '../src/writers/protocol.ts';

const record: WriteRecord = {
  ...{ key: 'far:1', value: 'x-1', startedAtMs: 10, acknowledgedAtMs: 11, endedAtMs: 12 },
  ...{ outcome: 'acknowledged', reason: 'WAIT reported 0 replicas' },
};

test('a write is read as it was printed, on the clock of the reader', () => {
  expect(parseLine(formatLine('far', record, 1000), 1000)).toEqual({ writer: 'far', record });
  expect(parseLine(formatLine('far', record, 1000), 990)).toMatchObject({ record: { startedAtMs: 20, endedAtMs: 22 } });
});

test('what is not known stays so', () => {
  const unknown: WriteRecord = { ...record, acknowledgedAtMs: undefined, outcome: 'unknown', reason: undefined };
  expect(parseLine(formatLine('far', unknown, 0), 0)).toEqual({ writer: 'far', record: unknown });
});

test('the end is told, and other lines are none', () => {
  expect(parseLine(END_LINE, 0)).toBe('end');
  for (const line of ['', 'Error: something', '["far"]', '{"a":1}', '["far","k","v",1,null,2,"odd",null]']) {
    expect(parseLine(line, 0)).toBeUndefined();
  }
});

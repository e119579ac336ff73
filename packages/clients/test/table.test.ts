import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import {
  CLIENTS,
  EMPTY_RECORD,
  FAULTS,
  addFile,
  formatRecord,
  pageOf,
  type ClientRecord,
  type RunResult,
} from '../src/index.ts';

const docs = path.join(path.dirname(path.dirname(path.dirname(import.meta.dirname))), 'docs');

const seen = { errors: 0, gapMs: 60, acknowledged: 1000, lost: 1, confirmed: 0, confirmedLost: 0 };
const run: RunResult = {
  ...{ client: 'ioredis', library: 'ioredis 6.0.0', fault: 'kill-redis', isAllFound: true, sidecarConnections: 0 },
  ...{ plain: seen, wait: { ...seen, lost: 0, confirmed: 990 }, goesOn: true, errors: ['1 x Error: odd'] },
  ...{ verdict: 'passed', reason: '', tookMs: 1 },
};
const results = (...runs: readonly Partial<RunResult>[]): unknown => {
  return { version: 1, runs: runs.map((change) => ({ ...run, ...change })) };
};

test('new runs take the place of those of the same client and fault, and of no others', () => {
  const first = addFile(EMPTY_RECORD, results({}, {}, { fault: 'switchover' }, { client: 'redis-py' }));
  const second = addFile(first, results({ goesOn: false }));
  expect(second.runs.map(({ client, fault, goesOn }) => [client, fault, goesOn])).toEqual([
    ['ioredis', 'switchover', true],
    ['redis-py', 'kill-redis', true],
    ['ioredis', 'kill-redis', false],
  ]);
});

test('what was skipped or did not work leaves the figures as they are; anything else is refused', () => {
  const record = addFile(EMPTY_RECORD, results({}));
  expect(addFile(record, results({ verdict: 'skipped' }, { verdict: 'failed' }))).toEqual(record);
  expect(() => addFile(EMPTY_RECORD, { something: 'else' })).toThrow(TypeError);
});

test('the file has one run per line, and reads back as it was', () => {
  const record = addFile(EMPTY_RECORD, results({}, { client: 'redis-py' }));
  const text = formatRecord(record);
  expect(JSON.parse(text)).toEqual(record);
  expect(text.split('\n').filter((line) => line.includes('"kill-redis"'))).toHaveLength(2);
  expect(text).not.toMatch(/odd/);
});

test('the page: medians and the longest, sums with what was lost', () => {
  const slow = { plain: { ...seen, gapMs: 300, errors: 4 }, goesOn: false };
  const page = pageOf(addFile(EMPTY_RECORD, results({}, {}, slow)));
  expect(page).toContain('| ioredis | 3 | 2 | 0 / 0 | 60 / 300 | 3 of 6,000 | 0 of 2,970 |');
  expect(page).toContain('| redis-cli | - |');
});

test('the page in the docs is the one that its data makes', () => {
  const record = JSON.parse(readFileSync(path.join(docs, 'clients.json'), 'utf8')) as ClientRecord;
  expect(readFileSync(path.join(docs, 'clients.md'), 'utf8')).toBe(pageOf(record));
  const names = new Set(CLIENTS.map(({ name }) => name));
  const faults = new Set(FAULTS.map(({ name }) => name));
  expect(record.runs.filter(({ client, fault }) => !names.has(client) || !faults.has(fault))).toEqual([]);
});

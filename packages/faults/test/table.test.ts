import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import {
  EMPTY_RECORD,
  FAULT_NAMES,
  NO_WRITES,
  SCENARIOS,
  addAll,
  formatRecord,
  pageOf,
  readContent,
  withoutRunsOf,
  type FaultRecord,
  type RunResult,
} from '../src/index.ts';

const docs = path.join(path.dirname(path.dirname(path.dirname(import.meta.dirname))), 'docs');

const run: RunResult = {
  ...NO_WRITES,
  ...{ scenario: 'bridge', system: 'sentinel-micro', server: 'redis-7.0', serverVersion: '7.0.15', pods: 3 },
  ...{ acknowledged: 2000, confirmed: 1000, lost: 7, overlapMs: 0.4, boundMs: 0, queuedAcceptances: 0 },
  ...{ writableAfterMs: 1234.5, promotions: 1, moves: 1, terms: 1, healedAfterMs: 100.2, fences: null },
  ...{ verdict: 'passed', reason: '', writers: { 'far-wait': NO_WRITES }, tookMs: 1 },
};
const results = (...runs: readonly Partial<RunResult>[]): unknown => {
  return { version: 1, runs: runs.map((change) => ({ ...run, ...change })) };
};

test('no scenario is there twice, and each has a name of FAULTS.md or says that it is an extra one', () => {
  const names = SCENARIOS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(SCENARIOS.filter(({ name, isExtra }) => FAULT_NAMES.includes(name) === (isExtra === true))).toEqual([]);
});

function addFiles(record: FaultRecord, ...contents: readonly unknown[]): FaultRecord {
  return addAll(record, contents.map(readContent));
}

test('new runs take the place of those that show the same thing, and of no others', () => {
  const first = addFiles(EMPTY_RECORD, results({ pods: 3 }, { pods: 3 }, { pods: 5 }, { server: 'valkey-8.0' }));
  const second = addFiles(first, results({ pods: 3, confirmed: 5 }));
  expect(second.runs.map(({ pods, server, confirmed }) => [pods, server, confirmed])).toEqual([
    [5, 'redis-7.0', 1000],
    [3, 'valkey-8.0', 1000],
    [3, 'redis-7.0', 5],
  ]);
});

test('files that are given together do not replace each other', () => {
  const record = addFiles(EMPTY_RECORD, results({ confirmed: 1 }), results({ confirmed: 2 }, { pods: 5 }));
  expect(record.runs.map(({ pods, confirmed }) => [pods, confirmed])).toEqual([
    [3, 1],
    [3, 2],
    [5, 1000],
  ]);
  expect(addFiles(record, results({ confirmed: 3 })).runs).toHaveLength(2);
});

test('the runs of an earlier build can be forgotten; those of other systems and the stories stay', () => {
  const tally = { runs: 200, broken: 0 };
  const stories = { parts: [{ name: 'bridge', tally }], total: tally };
  const record = addFiles(EMPTY_RECORD, stories, results({}, { system: 'redis-sentinel-1000', verdict: 'measured' }));
  const left = withoutRunsOf(record, 'sentinel-micro');
  expect(left.runs.map(({ system }) => system)).toEqual(['redis-sentinel-1000']);
  expect(left.simulated).toEqual(record.simulated);
});

test('what was skipped leaves the figures as they are', () => {
  const record = addFiles(EMPTY_RECORD, results({}));
  expect(addFiles(record, results({ verdict: 'skipped', confirmed: 0 }))).toEqual(record);
});

test('a report of the simulator is taken story by story; anything else is refused', () => {
  const tally = { runs: 200, broken: 0 };
  const record = addFiles(EMPTY_RECORD, { parts: [{ name: 'bridge', tally }], total: tally });
  expect(record.simulated).toEqual([{ name: 'bridge', runs: 200, broken: 0 }]);
  expect(() => addFiles(EMPTY_RECORD, { something: 'else' })).toThrow(TypeError);
});

test('the file has one run per line, and reads back as it was', () => {
  const record = addFiles(EMPTY_RECORD, results({}, { pods: 5 }));
  const text = formatRecord(record);
  expect(JSON.parse(text)).toEqual(record);
  expect(text.split('\n').filter((line) => line.includes('"bridge"'))).toHaveLength(2);
  expect(text).not.toMatch(/writers/);
});

test('the page: every name, sums with what was lost, the longest overlap, and the systems side by side', () => {
  const other = {
    system: 'redis-sentinel-5000',
    confirmedLost: 3,
    lost: 4000,
    overlapMs: 11_000,
    boundMs: null,
    verdict: 'measured',
  } as const;
  const fences = { sidecar: 'frozen', network: 'silent' } as const;
  const record = addFiles(
    EMPTY_RECORD,
    results({}, { writableAfterMs: 2000 }, { overlapMs: 460, boundMs: 950, fences }, other),
  );
  const page = pageOf(record);
  for (const name of FAULT_NAMES) expect(page).toContain(`| ${name} | - | `);
  expect(page).toContain(
    '| bridge | - | 3 runs, 0 not passed | Redis 7.0.15: 3 | 3,000 (0) | 6,000 (21) | 460 (950) | 1235 / 2000 |',
  );
  expect(page).toContain('| all |  | 3 | 0 | 3,000 | 0 | 6,000 | 21 | 460 |');
  expect(page).not.toContain('did not pass');
  expect(page).toContain('| frozen | silent | 950 | 1 | 460 | bridge |');
  expect(page).toContain('| bridge | 3 | redis-sentinel-5000 | 1 | 3 | 4,000 | 11000 | 1235 / 1235 |');
});

test('the page: on which servers and how many pods, the sums of each, and what did not pass', () => {
  const valkey = { server: 'valkey-8.0', serverVersion: '8.0.1' } as const;
  const lost = { verdict: 'violated', reason: '1 of 1000 confirmed writes are lost: a|b', confirmedLost: 1 } as const;
  const late = { overlapMs: 12.4, boundMs: 0 } as const;
  const record = addFiles(EMPTY_RECORD, results({}, { pods: 5 }, valkey, { ...valkey, ...lost, ...late }));
  const page = pageOf(record);
  expect(page).toContain('| bridge | - | 4 runs, 1 not passed | Redis 7.0.15: 3, 5; Valkey 8.0.1: 3 | 4,000 (1) |');
  expect(page).toContain('4 runs of 1 scenarios, 1 of them not passed.');
  expect(page).toContain('4,000 writes were confirmed by `WAIT`, 1 of them lost.');
  expect(page).toContain('for at most 12 ms; in 1 runs for longer');
  expect(page).toContain('| Redis 7.0.15 | 5 | 1 | 0 | 1,000 | 0 | 2,000 | 7 | 0 |');
  expect(page).toContain('| Valkey 8.0.1 | 3 | 2 | 1 | 2,000 | 1 | 4,000 | 14 | 12 |');
  expect(page).toContain('| bridge | Valkey 8.0.1 | 3 | violated | 1 of 1000 confirmed writes are lost: a\\|b |');
});

test('the page in the docs is the one that its data makes', () => {
  const file = path.join(docs, 'faults.json');
  expect(existsSync(file)).toBe(true);
  const record = JSON.parse(readFileSync(file, 'utf8')) as FaultRecord;
  expect(readFileSync(path.join(docs, 'faults.md'), 'utf8')).toBe(pageOf(record));
  // Everything that is on real processes has been run, and kept.
  const kept = new Set(record.runs.map(({ scenario }) => scenario));
  expect(SCENARIOS.filter(({ name }) => !kept.has(name)).map(({ name }) => name)).toEqual([]);
});

// A small part of `npm run test:clients`: every recommended client once, all at the same time on one set of real pods. The bundles
// must have been built.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CLIENTS, FAULTS, lineOf, runOnce, type RunResult } from '../src/index.ts';

const RUN_TIMEOUT_MS = 60_000;

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'clients-test-'));
});

afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

const recommended = CLIENTS.filter(({ isJudged }) => isJudged);

async function all(faultName: string): Promise<RunResult[]> {
  const fault = FAULTS.find(({ name }) => name === faultName)!;
  const results = await runOnce({ clients: recommended, fault, dir: path.join(dir, faultName) });
  for (const result of results) if (result.verdict === 'skipped') console.warn(lineOf(result));
  // A client that is not here is skipped with its reason; more than that may not be missing.
  expect(results.map(({ client }) => client).sort()).toEqual(recommended.map(({ name }) => name).sort());
  return results.filter(({ verdict }) => verdict !== 'skipped');
}

describe('real clients with the recommended options', () => {
  test(
    "the master's Redis is killed: every client finds the next one by itself, and what WAIT confirmed is there",
    async () => {
      const results = await all('kill-redis');
      expect(results.filter(({ verdict }) => verdict !== 'passed').map(lineOf)).toEqual([]);
      expect(results.length).toBeGreaterThanOrEqual(recommended.length - 1);
      // The fault was real: nobody could write for a moment.
      for (const { plain } of results) expect(plain.gapMs).toBeGreaterThan(10);
    },
    RUN_TIMEOUT_MS,
  );

  test(
    'a planned switchover: every client goes over by itself, and no acknowledged write is lost',
    async () => {
      const results = await all('switchover');
      expect(results.filter(({ verdict }) => verdict !== 'passed').map(lineOf)).toEqual([]);
    },
    RUN_TIMEOUT_MS,
  );
});

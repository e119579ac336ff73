// A small part of `npm run test:faults`, as its users run it: real pods on real networks. The bundles must have been built.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { whyNoNamespaces } from '@sentinel-micro/testkit';
import type { ResultFile, RunResult } from '../src/index.ts';

const program = path.join(path.dirname(import.meta.dirname), 'dist', 'faults.mjs');
const RUN_TIMEOUT_MS = 120_000;

const why = await whyNoNamespaces(process.getuid?.() === 0);
if (why !== undefined) console.warn(`real faults are skipped: ${why}`);
const describeFaults = why === undefined ? describe : describe.skip;

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'faults-test-'));
});

afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly runs: readonly RunResult[];
}

function faults(name: string, ...args: string[]): Promise<Outcome> {
  const file = path.join(dir, `${name}.json`);
  const line = [program, '--only', name, '--json', file, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, line, { timeout: RUN_TIMEOUT_MS, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      const { runs } = JSON.parse(readFileSync(file, 'utf8')) as ResultFile;
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr, runs });
    });
  });
}

describeFaults('real faults', () => {
  test(
    'the master is cut off with a client that goes on writing to it: what it loses was never confirmed',
    async () => {
      const { code, output, runs } = await faults('isolate-master-with-client');
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('1 passed') });
      const [run] = runs;
      expect(run).toMatchObject({ verdict: 'passed', pods: 3, promotions: 1, confirmedLost: 0, overlapMs: 0 });
      // The fault was real: the client on the master's side lost writes, and the others had to wait for a new master.
      expect(run!.writers['near-plain']!.lost).toBeGreaterThan(0);
      expect(run!.writers['far-wait']!.confirmed).toBeGreaterThan(0);
      expect(run!.writableAfterMs).toBeGreaterThan(1000);
    },
    RUN_TIMEOUT_MS,
  );

  test(
    'the Redis of the master is stopped, and goes on when another one is master: it is a replica at once',
    async () => {
      const { code, output, runs } = await faults('pause-redis');
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('1 passed') });
      expect(runs[0]).toMatchObject({ verdict: 'passed', promotions: 1, confirmedLost: 0 });
      expect(runs[0]!.writableAfterMs).toBeGreaterThan(1000);
    },
    RUN_TIMEOUT_MS,
  );
});

test('a name that is not there is refused, and all names are told', async () => {
  const answer = await new Promise<{ code: unknown; text: string }>((resolve) => {
    execFile(process.execPath, [program, '--only', 'no-such-fault'], (error, stdout, stderr) => {
      resolve({ code: error?.code, text: stdout + stderr });
    });
  });
  expect(answer.code).toBe(2);
  expect(answer.text).toMatch(/there is no scenario no-such-fault; there are isolate-master, /);
});

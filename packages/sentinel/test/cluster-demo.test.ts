// The demo as a user starts it, with --json: what it prints, and that it leaves nothing behind.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { findRepositoryRoot } from '@sentinel-micro/testkit';

interface DemoFault {
  readonly name: string;
  readonly writableAfterMs: number;
  readonly acknowledgedWrites: number;
  readonly lostWrites: number;
  readonly master: string;
  readonly term: number;
}

test('the demo breaks the set in four ways, and no acknowledged write is missing', async () => {
  const bundle = join(findRepositoryRoot(), 'packages', 'testkit', 'dist', 'demo.mjs');
  const demo = spawn(process.execPath, [bundle, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let progress = '';
  demo.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  demo.stderr.setEncoding('utf8').on('data', (chunk: string) => (progress += chunk));
  const code = await new Promise((resolve) => demo.once('close', resolve));
  const last = stdout.trimEnd().split('\n').at(-1)!;
  const result = JSON.parse(last) as { pods: number; faults: DemoFault[]; ok: boolean };
  // The progress is what explains a failure.
  expect({ code, ok: result.ok, progress }).toEqual({ code: 0, ok: true, progress });
  expect(result.pods).toBe(3);
  expect(result.faults.map(({ name }) => name)).toEqual([
    'kill9-master-small',
    'pod-delete-master',
    'kill-sidecar-on-master',
    'wrong-master-by-hand',
  ]);
  for (const fault of result.faults) {
    expect(fault.lostWrites).toBe(0);
    expect(fault.acknowledgedWrites).toBeGreaterThan(0);
    expect(fault.writableAfterMs).toBeGreaterThan(0);
    expect(fault.master).toMatch(/^redis-[012]$/);
    expect(fault.term).toBeGreaterThan(0);
  }
  const [killed, deleted, restarted, repaired] = result.faults as [DemoFault, DemoFault, DemoFault, DemoFault];
  expect(deleted.term).toBeGreaterThan(killed.term);
  expect(deleted.master).not.toBe(killed.master);
  // A sidecar that comes back in time, and a replica put right, cost nobody the mastership.
  expect([restarted.master, repaired.master]).toEqual([deleted.master, deleted.master]);
}, 180_000);

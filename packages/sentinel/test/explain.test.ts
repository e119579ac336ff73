import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { asOffset, explain, type AskedPod } from '@sentinel-micro/core';
import { pod, silent } from '../../core/test/asked-pods.ts';
import { explanationText, runExplain } from '../src/control/explain.ts';
import { Stage } from './control-support.ts';

const text = (asked: readonly AskedPod[]): string[] => explanationText(explain(asked)).split('\n');

describe('the text', () => {
  test('a healthy set', () => {
    const asked = [pod(0, { position: { offset: asOffset(150) } }), pod(1), pod(2, { position: { priority: 0 } })];
    expect(text(asked)).toEqual([
      'MASTER: redis-0, term 4, its lease lasts for another 1900 ms',
      '',
      'QUORUM: yes: 3 of 3 pods vote, 2 are needed',
      '  POD      VOTES  WHY',
      '  redis-0  yes    holds the lease',
      '  redis-1  yes    answers',
      '  redis-2  yes    answers',
      '',
      'ELECTION, IF redis-0 WERE LOST: redis-1: priority 100, offset 100, full data',
      '     POD      PRIORITY  OFFSET  LAG  DATA  WHY',
      '  *  redis-1  100       100     50   full  priority 100, offset 100, full data',
      '     redis-2  0         100     50   full  priority 0: never promoted',
      '',
      'SWITCHOVER: to redis-1: redis-1 is linked and in step',
      '     POD      PRIORITY  OFFSET  LAG  DATA  WHY',
      '  *  redis-1  100       100     50   full  would take over',
      '     redis-2  0         100     50   full  priority 0: never promoted',
    ]);
  });

  test('one more loss would be too much, unless the sidecar survives', () => {
    const lines = text([pod(0), pod(1), silent(2)]);
    expect(lines).toContain(
      'ELECTION, IF redis-0 WERE LOST: NOBODY: only redis-1 would be left to vote, and 2 votes are needed',
    );
    expect(lines).toContain('  If only its Redis were lost, and its sidecar could vote: redis-1');
  });

  test('a pause, and how to end it', () => {
    const line = text([pod(0, { pauses: 1 }), pod(1), pod(2)]).find((one) => one.startsWith('ELECTION'));
    expect(line).toBe(
      'ELECTION, IF redis-0 WERE LOST: NOBODY: automatic failover is paused; if it were not: redis-1, priority 100, offset 100, full data; or redis-2, in step as well, by who asks first (to end the pause: sentinel resume)',
    );
  });

  test('nobody is there', () => {
    expect(text([silent(0)])).toEqual(
      expect.arrayContaining(['MASTER: nobody holds the lease', 'QUORUM: NO: no sidecar answers']),
    );
  });
});

describe('sentinel explain', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.make();
  });
  afterEach(() => stage.tidy());
  afterAll(() => stage.remove());

  test('exit code 0 when the master could be lost without any harm, and a switchover would succeed', async () => {
    await stage.serve([pod(0), pod(1), pod(2)]);
    const { exitCode, stdout, stderr } = await stage.run(runExplain);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^MASTER: redis-0/);
  });

  const paused = 'automatic failover is paused; if it were not: redis-1, priority 100, offset 100, full data';
  const risk = '1 of the 2 pods that are needed can show all their data';
  test.each<[string, AskedPod[], string]>([
    [
      'a loss would not be survived',
      [pod(0), pod(1), silent(2)],
      'if redis-0 were lost, nobody would be elected: only redis-1 would be left to vote, and 2 votes are needed',
    ],
    [
      'automatic failover is paused',
      [pod(0, { pauses: 1 }), pod(1), pod(2)],
      `if redis-0 were lost, nobody would be elected: ${paused}; or redis-2, in step as well, by who asks first`,
    ],
    [
      'confirmed writes could be missing after a loss',
      [pod(0), pod(1), pod(2, { position: null })],
      `if redis-0 were lost, confirmed writes could be missing: redis-1: priority 100, offset 100, full data; but ${risk}: only after --data-wait-ms, and not at all with --durability strict`,
    ],
    [
      'nobody could take over',
      [pod(0), pod(1, { position: null }), pod(2, { position: null })],
      'if redis-0 were lost, nobody would be elected: nobody would be left who could ask for the lease; a switchover would not succeed: no pod could take over',
    ],
    ['nobody leads', [silent(0)], 'nobody holds the lease'],
  ])('exit code 1 when %s, and why on stderr', async (_title, asked, why) => {
    await stage.serve(asked);
    expect(await stage.run(runExplain)).toMatchObject({ exitCode: 1, stderr: `sentinel: ${why}` });
  });

  test('as JSON: all of it', async () => {
    const asked = [pod(0), pod(1), pod(2)];
    await stage.serve(asked);
    const { stdout } = await stage.run(runExplain, { json: true });
    expect(JSON.parse(stdout)).toEqual({ ok: true, ...explain(asked) });
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { asPodName, asTerm, type AskedPod, type Change } from '@sentinel-micro/core';
import { pod, silent } from '../../core/test/asked-pods.ts';
import { historyTable, mergeHistories, runHistory } from '../src/control/history.ts';
import { Stage } from './control-support.ts';

const [A, B, C] = [asPodName('redis-0'), asPodName('redis-1'), asPodName('redis-2')];

function change(term: number, more: Partial<Change> = {}): Change {
  return {
    term: asTerm(term),
    from: A,
    to: B,
    cause: 'redis-dead',
    ageMs: 1000,
    phasesMs: {},
    discardedBytes: null,
    ...more,
  };
}

function remembering(...histories: readonly (readonly Change[])[]): AskedPod[] {
  return histories.map((changes, index) => pod(index, { changes }));
}

describe('the histories of all sidecars as one', () => {
  test('by term, the newest first, each once', () => {
    const merged = mergeHistories(remembering([change(2), change(5)], [change(2), change(3)], []));
    expect(merged.map(({ term, toldBy }) => [term, toldBy])).toEqual([
      [5, ['redis-0']],
      [3, ['redis-1']],
      [2, ['redis-0', 'redis-1']],
    ]);
  });

  test('the winner knows when, and how long each phase took', () => {
    const phasesMs = { lease: 4, promote: 1 };
    const [merged] = mergeHistories(
      remembering([change(2, { ageMs: 900 })], [change(2, { ageMs: 950, phasesMs })], [change(2, { ageMs: 940 })]),
    );
    expect(merged).toMatchObject({ ageMs: 950, phasesMs });
  });

  test('when the winner is gone: whoever was told the phases, else who has known it longest', () => {
    const phasesMs = { lease: 4 };
    const [told] = mergeHistories(remembering([change(2, { phasesMs, ageMs: 10 })], [], [change(2, { ageMs: 20 })]));
    expect(told).toMatchObject({ phasesMs, ageMs: 10 });
    const [oldest] = mergeHistories(remembering([change(2, { ageMs: 10 })], [], [change(2, { ageMs: 20 })]));
    expect(oldest).toMatchObject({ ageMs: 20 });
  });

  test('the bytes that were thrown away are told by the one who threw them away', () => {
    const bytes = (...told: (number | null)[]): number | null | undefined =>
      mergeHistories(remembering(...told.map((discardedBytes) => [change(2, { discardedBytes })])))[0]?.discardedBytes;
    expect(bytes(null, null)).toBeNull();
    expect(bytes(120, null, 0)).toBe(120);
  });

  test('sidecars that do not answer, or know of nothing yet', () => {
    expect(mergeHistories([silent(0), pod(1)])).toEqual([]);
  });
});

describe('the table', () => {
  const nowMs = Date.UTC(2026, 10, 22, 12, 0, 0);

  test('what, when, why, how long, and what it cost', () => {
    const phasesMs = { lease: 4, freeze: 12, promote: 1 };
    const moves = mergeHistories(
      remembering([
        change(1, { from: null, to: A, cause: 'bootstrap', ageMs: 200_000_000 }),
        change(4, { from: B, to: C, cause: 'switchover', ageMs: 10_000_000 }),
        change(5, { from: C, to: B, phasesMs, discardedBytes: 1234, ageMs: 61_500 }),
      ]),
    );
    const lines = historyTable(moves, nowMs).split('\n');
    const times = lines.slice(1).map((line) => new Date(line.slice(0, 19).replace(' ', 'T')).getTime());
    expect(times).toEqual([61_500, 10_000_000, 200_000_000].map((ageMs) => Math.floor((nowMs - ageMs) / 1000) * 1000));
    expect([lines[0]?.slice(0, 4), ...lines.map((line) => line.slice(21))]).toEqual([
      'WHEN',
      'AGE   TERM  FROM     TO       CAUSE       PHASES (MS)                    DISCARDED',
      '61 s  5     redis-2  redis-1  redis-dead  lease 4, freeze 12, promote 1  1234 bytes',
      '2 h   4     redis-1  redis-2  switchover  -                              -',
      '2 d   1     -        redis-0  bootstrap   -                              -',
    ]);
  });

  test.each([
    [0, '0 s'],
    [119_999, '119 s'],
    [120_000, '2 min'],
    [7_199_999, '119 min'],
    [7_200_000, '2 h'],
    [172_800_000, '2 d'],
  ])('an age of %d ms is %s', (ageMs, text) => {
    const table = historyTable(mergeHistories(remembering([change(1, { ageMs })])), nowMs);
    expect(table.split('\n')[1]?.slice(21)).toMatch(new RegExp(`^${text} `));
  });

  test('nothing has happened yet', () => {
    expect(historyTable([], nowMs)).toBe('WHEN  AGE  TERM  FROM  TO  CAUSE  PHASES (MS)  DISCARDED');
  });
});

describe('sentinel history', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.make();
  });
  afterEach(() => stage.tidy());
  afterAll(() => stage.remove());

  test('as text; who was not heard is told beside it', async () => {
    await stage.serve([...remembering([change(5)], [change(4)]), silent(2)]);
    const { exitCode, stdout, stderr } = await stage.run(runHistory);
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/)[2])).toEqual(['TERM', '5', '4']);
    expect(stderr).toMatch(/^sentinel: redis-2 was not heard: .*ECONNREFUSED/);
  });

  test('as JSON, with the time', async () => {
    await stage.serve(remembering([change(5, { discardedBytes: 7 })]));
    const beforeMs = Date.now();
    const { stdout } = await stage.run(runHistory, { json: true });
    const {
      ok,
      changes,
      silent: unheard,
    } = JSON.parse(stdout) as { ok: boolean; changes: { at: string }[]; silent: [] };
    expect([ok, unheard]).toEqual([true, []]);
    expect(changes).toMatchObject([
      { term: 5, from: 'redis-0', to: 'redis-1', discardedBytes: 7, toldBy: ['redis-0'] },
    ]);
    const atMs = Date.parse(String(changes[0]?.at));
    expect(atMs).toBeGreaterThanOrEqual(beforeMs - 1000);
    expect(atMs).toBeLessThanOrEqual(Date.now() - 1000);
  });

  test('nobody answers', async () => {
    await stage.serve([silent(0)]);
    expect(await stage.run(runHistory)).toMatchObject({ exitCode: 1 });
  });
});

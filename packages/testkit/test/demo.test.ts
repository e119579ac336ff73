import { describe, expect, test } from '@jest/globals';
import { Display } from '../src/demo/display.ts';
import { FAULTS } from '../src/demo/faults.ts';
import { parseOptions } from '../src/demo/options.ts';
import type { FaultResult } from '../src/demo/run.ts';
import { jsonLine, summaryTable } from '../src/demo/summary.ts';

const RESULT: FaultResult = {
  name: 'kill9-master-small',
  writableAfterMs: 12.345,
  longestGapMs: 20,
  healthyAfterMs: 1040,
  acknowledgedWrites: 1000,
  lostWrites: 0,
  unconfirmedWrites: 2,
  lostUnconfirmedWrites: 1,
  master: 'redis-1',
  term: 2,
  problem: undefined,
};

/** An output that remembers what was written. */
function recorder(isTTY: boolean): { written: string; write: (text: string) => void; isTTY: boolean; columns: number } {
  return {
    written: '',
    isTTY,
    columns: 20,
    write(text) {
      this.written += text;
    },
  };
}

describe('the demo', () => {
  test('reads its flags and refuses what it does not know', async () => {
    expect(await parseOptions([])).toEqual({ pods: 3, keep: false, json: false });
    expect(await parseOptions(['--pods', '5', '--json', '--keep'])).toEqual({ pods: 5, keep: true, json: true });
    for (const wrong of [['--pods', '2'], ['--pods', 'many'], ['--pods', '3.5'], ['--bogus']]) {
      await expect(parseOptions(wrong)).rejects.toMatchObject({ code: 'BAD_USAGE' });
    }
  });

  test('inflicts its faults in this order', () => {
    expect(FAULTS.map(({ name }) => name)).toEqual([
      'kill9-master-small',
      'pod-delete-master',
      'kill-sidecar-on-master',
      'wrong-master-by-hand',
    ]);
  });

  test('its JSON has these keys and no others', () => {
    expect(jsonLine(3, { faults: [RESULT], ok: true })).toBe(
      '{"pods":3,"faults":[{"name":"kill9-master-small","writableAfterMs":12.3,"acknowledgedWrites":1000,' +
        '"lostWrites":0,"master":"redis-1","term":2}],"ok":true}',
    );
  });

  test('its table says what was lost, and whether all is well', () => {
    expect(summaryTable({ faults: [RESULT], ok: true })).toMatch(
      /12\.3 ms .* 1000 .* redis-1 +2 +ok\n[^]*All is as it must be/,
    );
    const bad = { ...RESULT, lostWrites: 7, problem: '7 acknowledged writes are missing' };
    expect(summaryTable({ faults: [bad], ok: false })).toMatch(
      /7 acknowledged writes are missing\n[^]*is NOT as it must be/,
    );
  });

  test('on a terminal the state is redrawn in place, below the lines that stay', () => {
    const output = recorder(true);
    const display = new Display(output);
    display.state(['redis-0 master', 'a line that is much longer than the terminal is wide'], 'one');
    expect(output.written).toBe('\nredis-0 master\na line that is much\n');
    output.written = '';
    display.plain('stays');
    expect(output.written).toBe('\u001b[3A\u001b[0Jstays\n\nredis-0 master\na line that is much\n');
  });

  test('elsewhere a line is printed when the state has changed', () => {
    const output = recorder(false);
    const display = new Display(output);
    for (const summary of ['one', 'one', 'two']) display.state(['block'], summary);
    expect(output.written.replace(/\d+\.\d/g, 'T')).toBe('  T s  one\n  T s  two\n');
  });
});

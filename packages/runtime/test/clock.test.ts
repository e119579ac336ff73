import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { suspendProof, systemClock, type Clock } from '../src/index.ts';

/** A machine that runs and is suspended; its uptime is told in hundredths of a second. */
class Machine {
  monotonicMs = 1000.5;
  upMs = 777_000.25;
  readonly clock: Clock = suspendProof(
    () => this.monotonicMs,
    () => Math.floor(this.upMs / 10) * 10,
  );

  run(forMs: number): void {
    for (let left = forMs; left > 0; left -= 7.3) {
      const stepMs = Math.min(7.3, left);
      this.monotonicMs += stepMs;
      this.upMs += stepMs;
      this.clock.now();
    }
  }

  suspend(forMs: number): void {
    this.upMs += forMs;
  }
}

describe('a clock that goes on while the machine is suspended', () => {
  test('is the monotonic clock as long as the machine runs', () => {
    const machine = new Machine();
    machine.run(10_000);
    expect(machine.clock.now()).toBe(machine.monotonicMs);
  });

  test.each([60, 2000, 3_600_000])('counts a suspension of %i ms', (suspendedMs) => {
    const machine = new Machine();
    machine.run(500);
    const beforeMs = machine.clock.now();
    machine.suspend(suspendedMs);
    machine.run(20);
    expect(Math.abs(machine.clock.now() - beforeMs - suspendedMs - 20)).toBeLessThanOrEqual(10);
  });

  test('counts each of many', () => {
    const machine = new Machine();
    machine.run(500);
    const beforeMs = machine.clock.now();
    for (let turn = 0; turn < 20; turn += 1) {
      machine.suspend(1000);
      machine.run(100);
    }
    expect(Math.abs(machine.clock.now() - beforeMs - 22_000)).toBeLessThanOrEqual(200);
  });

  test('does not take a stop of this process between reading the two clocks for a suspension', () => {
    let timeMs = 0;
    let stopMs = 0;
    const clock = suspendProof(
      () => timeMs,
      () => (timeMs += stopMs),
    );
    for (const nextStopMs of [0, 5000, 0, 60, 0]) {
      timeMs += 100;
      stopMs = nextStopMs;
      clock.now();
    }
    timeMs += 100;
    stopMs = 0;
    expect(clock.now()).toBe(timeMs);
  });

  test('never goes back, whatever the uptime says', () => {
    let monotonicMs = 0;
    const uptimes = [1000, 1e9, 0, Number.NaN, 500, 1e12, 3];
    const clock = suspendProof(
      () => (monotonicMs += 9),
      () => uptimes[Math.floor(monotonicMs / 9) % uptimes.length] ?? null,
    );
    const times = Array.from({ length: 30 }, () => clock.now());
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  test('does without where the machine does not tell its uptime', () => {
    const clock = suspendProof(
      () => 42,
      () => null,
    );
    expect(clock.now()).toBe(42);
  });
});

test('the clock of this machine goes as fast as its timers', async () => {
  const startMs = systemClock.now();
  await sleep(50);
  const tookMs = systemClock.now() - startMs;
  expect(tookMs).toBeGreaterThan(49);
});

import { afterEach, describe, expect, test } from '@jest/globals';
import { Prober, type Pod, type Probe } from '../src/index.ts';

/** Pods that do not exist are not asked: what they answer is put in by hand. */
const pod = (name: string): Pod => ({ name, exists: false }) as unknown as Pod;
const [a, b] = [pod('a'), pod('b')];

const probers: Prober[] = [];

afterEach(() => Promise.all(probers.splice(0).map((prober) => prober.stop())));

/** `a 0-100 OK`: from 0 to 100 ms, every 2 ms, a question is answered so within a millisecond. */
function watch(...stretches: string[]): Prober {
  const probes = stretches.flatMap((stretch): Probe[] => {
    const [name, from, to, answer = ''] = stretch.split(/[ -]/);
    const count = Math.floor((Number(to) - Number(from)) / 2);
    return Array.from({ length: count }, (_, n) => probe(name === 'a' ? a : b, Number(from) + 2 * n, 1, answer));
  });
  const prober = new Prober([a, b]);
  probers.push(prober);
  prober.probes.push(...probes.sort((one, other) => one.answeredAtMs - other.answeredAtMs));
  return prober;
}

function probe(asked: Pod, sentAtMs: number, tookMs: number, answer: string): Probe {
  return { pod: asked, sentAtMs, answeredAtMs: sentAtMs + tookMs, accepted: answer === 'OK', answer };
}

describe('the time in which two take writes', () => {
  test('none, when one begins after the other has ended', () => {
    expect(watch('a 0-100 OK', 'a 100-300 READONLY', 'b 0-110 READONLY', 'b 110-300 OK').overlapMs()).toBe(0);
  });

  test('from the first to the last moment of it', () => {
    const overlapMs = watch('a 0-100 OK', 'a 100-300 READONLY', 'b 0-60 READONLY', 'b 60-300 OK').overlapMs();
    expect(overlapMs).toBeGreaterThan(36);
    expect(overlapMs).toBeLessThanOrEqual(40);
  });

  test('the longest, when there are several', () => {
    const a1 = ['a 0-100 OK', 'a 100-2000 READONLY', 'a 2000-2100 OK'];
    const overlapMs = watch(...a1, 'b 0-90 READONLY', 'b 90-2070 OK', 'b 2070-2100 READONLY').overlapMs();
    expect(overlapMs).toBeGreaterThan(60);
    expect(overlapMs).toBeLessThanOrEqual(70);
  });

  test('counts as one when the observer was kept from asking in the middle of it', () => {
    const overlapMs = watch('a 0-100 OK', 'b 0-100 OK', 'a 300-400 OK', 'b 300-400 OK').overlapMs();
    expect(overlapMs).toBeGreaterThan(390);
    expect(overlapMs).toBeLessThanOrEqual(400);
  });
});

describe('a Redis that was stopped', () => {
  // Asked at 50, stopped, and the answer comes at 500, while b takes writes.
  function stopped(): Prober {
    const seen = watch('a 0-50 OK', 'a 502-600 READONLY', 'b 0-200 READONLY', 'b 200-600 OK');
    seen.probes.push(probe(a, 50, 450, 'OK'));
    return seen;
  }

  test('has not taken writes all that time', () => {
    expect(stopped().overlapMs()).toBe(0);
  });

  test('is noted for the question that it accepted when it went on', () => {
    expect(stopped().queuedAcceptances()).toHaveLength(1);
  });

  test('is not noted when nobody else took writes by then', () => {
    const seen = watch('a 0-50 OK', 'b 0-600 READONLY');
    seen.probes.push(probe(a, 50, 450, 'OK'));
    expect(seen.queuedAcceptances()).toEqual([]);
  });
});

describe('promotions', () => {
  test('a replica that begins to take writes, also the second time', () => {
    const seen = watch('a 0-100 OK', 'a 100-200 READONLY', 'a 200-300 OK', 'b 0-110 READONLY', 'b 110-190 OK');
    expect(seen.promotions()).toBe(2);
  });

  test('are moves only when another one took writes before', () => {
    const regained = watch('a 0-100 OK', 'a 100-200 READONLY', 'a 200-300 OK', 'b 0-300 READONLY');
    expect({ promotions: regained.promotions(), moves: regained.moves() }).toEqual({ promotions: 1, moves: 0 });
    const lentOut = watch('a 0-100 OK', 'a 100-200 READONLY', 'a 200-300 OK', 'b 0-110 READONLY', 'b 110-190 OK');
    expect(lentOut.moves()).toBe(2);
    // Who was master before it was looked at is not known: that counts.
    expect(watch('a 0-100 READONLY', 'a 100-200 OK').moves()).toBe(1);
  });

  test('not a master that was without its replicas or unreachable for a while', () => {
    const seen = watch(
      'a 0-50 OK',
      'a 50-80 NOREPLICAS',
      'a 80-90 OK',
      'a 90-92 closed',
      'a 92-100 OK',
      'b 0-100 READONLY',
    );
    expect(seen.promotions()).toBe(0);
  });

  test('one, when the new master is without replicas in its first moments, and when both overlap', () => {
    expect(watch('a 0-100 OK', 'b 0-50 READONLY', 'b 50-60 NOREPLICAS', 'b 60-200 OK').promotions()).toBe(1);
  });
});

import { describe, expect, test } from '@jest/globals';
import { asTerm } from '@sentinel-micro/core';
import * as fc from 'fast-check';
import { isPlausibleTerm } from '../src/index.ts';
import { decodeRequest, encodeMessage } from '../src/peer-codec.ts';
import { requests } from './peer-arbitraries.ts';

describe('a term', () => {
  test.each([
    [0, 5, true],
    [5, 5, true],
    [4, 5, true],
    [6, 5, true],
    [1_000_005, 5, true],
    [1_000_006, 5, false],
    [Number.MAX_SAFE_INTEGER, 5, false],
    [2 ** 40, 0, true],
    [2 ** 40 + 1, 0, false],
    [Number.MAX_SAFE_INTEGER, 0, false],
  ])('%d, where %d is the newest known: plausible is %s', (term, known, isPlausible) => {
    expect(isPlausibleTerm(asTerm(term), asTerm(known))).toBe(isPlausible);
  });

  test('however far it was pushed up, with a thousand messages that go to the bound, the next one can still be asked for and understood', () => {
    const [, acquire] = requests.find(([type]) => type === 'ACQUIRE')!;
    const push = fc.array(fc.maxSafeNat(), { maxLength: 1000 });
    fc.assert(
      fc.property(push, acquire, (terms, request) => {
        let known = asTerm(0);
        const hear = (term: number): void => {
          if (isPlausibleTerm(asTerm(term), known) && term > known) known = asTerm(term);
        };
        terms.forEach(hear);
        // The worst that a forger can do, knowing the bound.
        hear(2 ** 40);
        for (let times = 0; times < 1000; times += 1) hear(known + 1_000_000);
        const next = { ...request, term: asTerm(known + 1) };
        expect(decodeRequest(encodeMessage(next)).term).toBe(known + 1);
        expect(isPlausibleTerm(next.term, known)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

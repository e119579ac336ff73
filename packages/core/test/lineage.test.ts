import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { asOffset, asReplicationId, isComparable, relationOf, sharesAncestry, type History } from '../src/index.ts';

/** `x@100` or, promoted from history x after its first 90 bytes, `y@100<x@90`. */
function history(text: string): History {
  const match = /^(\w)@(\d+)(?:<(\w)@(\d+))?$/.exec(text);
  if (match === null) throw new Error(`no history: ${text}`);
  const [, id = '', offset, id2, end] = match;
  return {
    replid: asReplicationId(id.repeat(40)),
    offset: asOffset(Number(offset)),
    replid2: id2 === undefined ? null : asReplicationId(id2.repeat(40)),
    // The first byte that is not shared, as in INFO.
    secondReplOffset: end === undefined ? null : asOffset(Number(end) + 1),
  };
}

describe('how two histories stand to each other', () => {
  test.each([
    ['x@100', 'x@200', 'same', 'same'],
    ['x@100', 'x@100', 'same', 'same'],
    ['x@100', 'y@100', 'foreign', 'foreign'],
    // y went on from x after 90: who stopped before that can catch up, who went further has parted.
    ['x@50', 'y@100<x@90', 'ancestor', 'descendant'],
    ['x@90', 'y@100<x@90', 'ancestor', 'descendant'],
    ['x@91', 'y@100<x@90', 'foreign', 'foreign'],
    ['x@92', 'y@100<x@90', 'foreign', 'foreign'],
    ['x@100', 'y@100<x@90', 'foreign', 'foreign'],
    // Two that were both promoted from x, each without the other knowing.
    ['y@100<x@90', 'z@100<x@90', 'foreign', 'foreign'],
    // Only one step back is remembered.
    ['x@50', 'z@200<y@100', 'foreign', 'foreign'],
    ['y@100<x@90', 'y@200<x@90', 'same', 'same'],
  ])('%s and %s', (a, b, forth, back) => {
    expect(relationOf(history(a), history(b))).toBe(forth);
    expect(relationOf(history(b), history(a))).toBe(back);
    expect(isComparable(history(a), history(b))).toBe(forth !== 'foreign');
  });

  test.each([
    ['x@100', 'x@5', true],
    ['x@100', 'y@100<x@90', true],
    ['y@100<x@90', 'z@100<x@90', true],
    ['x@100', 'y@100', false],
    ['x@50', 'z@200<y@100', false],
  ])('%s and %s come from one set: %s', (a, b, expected) => {
    expect(sharesAncestry(history(a), history(b))).toBe(expected);
    expect(sharesAncestry(history(b), history(a))).toBe(expected);
  });

  test('an unknown second id or offset joins nobody', () => {
    const unknown = { ...history('y@100<x@90'), secondReplOffset: null };
    expect(relationOf(history('x@50'), unknown)).toBe('foreign');
    const noIds = { ...history('y@100'), replid2: null };
    expect(relationOf({ ...history('x@100'), replid2: null }, noIds)).toBe('foreign');
  });

  test('being comparable does not depend on the side from which one looks', () => {
    const id = fc.constantFrom('x', 'y', 'z').map((letter) => asReplicationId(letter.repeat(40)));
    const offset = fc.integer({ min: 0, max: 5 }).map(asOffset);
    const any = fc.record({ replid: id, replid2: fc.option(id), secondReplOffset: fc.option(offset), offset });
    fc.assert(fc.property(any, any, (a, b) => isComparable(a, b) === isComparable(b, a)));
  });
});

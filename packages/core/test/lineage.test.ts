import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  asOffset,
  asReplicationId,
  isComparable,
  isPartOf,
  lineageAfter,
  lineageShownBy,
  lineageToldBy,
  lineageRenamed,
  relationOf,
  sharesAncestry,
  type History,
  type Lineage,
} from '../src/index.ts';

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

describe('S3: what a replica has counts, though it has not heard of the last promotions', () => {
  /** One master after the other: each went on from the one before. */
  const after = (...texts: string[]): Lineage =>
    texts.reduce<Lineage | null>((before, text) => lineageAfter(history(text), before), null) as Lineage;

  test.each<[string, string[], boolean]>([
    ['x@50', ['x@10', 'y@100<x@90'], true],
    ['x@50', ['x@10', 'y@100<x@90', 'z@120<y@110'], true],
    ['x@90', ['x@10', 'y@100<x@90', 'z@120<y@110'], true],
    ['x@91', ['x@10', 'y@100<x@90', 'z@120<y@110'], false],
    ['x@50', ['x@10', 'y@100<x@90', 'z@120<y@110', 'w@130<z@125'], true],
    // z branched off y at 70, before y itself had branched off x: nothing of x after 70 is in it.
    ['x@70', ['x@10', 'y@100<x@90', 'z@120<y@70'], true],
    ['x@71', ['x@10', 'y@100<x@90', 'z@120<y@70'], false],
    ['y@71', ['x@10', 'y@100<x@90', 'z@120<y@70', 'w@130<z@125'], false],
    // w goes on from x, past y and z, which are no part of it.
    ['y@100', ['x@10', 'y@100<x@90', 'z@120<y@110', 'w@130<x@80'], false],
    ['x@80', ['x@10', 'y@100<x@90', 'z@120<y@110', 'w@130<x@80'], true],
    // Nobody knows what was between v and the others.
    ['x@50', ['x@10', 'y@100<x@90', 'w@130<v@120'], false],
    // Announced again under the same id, as after a restart of its sidecar.
    ['x@50', ['x@10', 'y@100<x@90', 'z@120<y@110', 'z@140<y@110'], true],
  ])('%s, after %j: %s', (part, masters, expected) => {
    expect(isPartOf(history(part), after(...masters))).toBe(expected);
  });

  test('a master that takes a new id when its first replica attaches is still the same', () => {
    const renamed = lineageRenamed(history('z@130'), after('x@10', 'y@100<x@90'));
    for (const part of ['y@100', 'x@90', 'z@140']) expect(isPartOf(history(part), renamed)).toBe(true);
    for (const part of ['y@101', 'x@91', 'w@5']) expect(isPartOf(history(part), renamed)).toBe(false);
    expect(isPartOf(history('x@50'), lineageAfter(history('w@150<z@140'), renamed))).toBe(true);
  });

  describe('the one that goes on was promoted before, beside another one, and wrote nothing', () => {
    const known = after('x@10', 'y@100<x@90');
    const told = (chosen: string): Lineage => lineageToldBy(history(chosen), known);

    test.each<[string, string, boolean]>([
      ['y@90', 'w@120<v@90', true],
      ['y@91', 'w@120<v@90', false],
      ['x@90', 'w@120<v@90', true],
      ['v@90', 'w@120<v@90', true],
    ])('%s is a part of what it becomes: %s: %s', (part, next, expected) => {
      const chosen = 'v@90<x@90';
      expect(isPartOf(history(part), lineageAfter(history(next), told(chosen)))).toBe(expected);
    });

    test('beside the last one, at the same place: both have all', () => {
      const next = lineageAfter(history('w@120<v@100'), told('v@100<y@100'));
      for (const part of ['y@100', 'x@90', 'v@100']) expect(isPartOf(history(part), next)).toBe(true);
      for (const part of ['y@101', 'x@91', 'v@101']) expect(isPartOf(history(part), next)).toBe(false);
    });

    test.each([
      ['is named in what is known', 'x@50'],
      ['has written since, so nobody knows what', 'v@95<x@90'],
      ['has nothing in common with it', 'v@90<u@90'],
    ])('one that %s changes nothing', (_title, chosen) => {
      expect(told(chosen)).toBe(known);
    });
  });

  describe('whoever goes on without a memory learns of the past from those who show it', () => {
    /** The master was promoted from `y` after 110, and remembers no more. */
    const shownBy = (...texts: string[]): Lineage => lineageShownBy(texts.map(history), after('z@120<y@110'));

    test.each<[string, string[], boolean]>([
      ['x@90', ['y@100<x@90'], true],
      ['x@91', ['y@100<x@90'], false],
      ['w@50', ['y@100<x@90', 'x@60<w@50'], true],
      ['w@50', ['x@60<w@50', 'y@100<x@90'], true],
      // It was behind when it heard of the promotion, and takes that for the place where it was.
      ['x@90', ['y@100<x@40', 'y@100<x@90'], true],
      // Nothing tells what x was to y.
      ['w@50', ['x@60<w@50'], false],
      // z branched off y before y itself had branched off x.
      ['x@110', ['y@120<x@115'], true],
      ['x@111', ['y@120<x@115'], false],
    ])('%s is a part, as %j show: %s', (part, shown, expected) => {
      expect(isPartOf(history(part), shownBy(...shown))).toBe(expected);
    });

    test('what nobody shows, or is known already, changes nothing', () => {
      const known = after('x@10', 'y@100<x@90', 'z@120<y@110');
      for (const text of ['z@120<y@110', 'y@100<x@70', 'v@100<u@70', 'x@10'])
        expect(lineageShownBy([history(text)], known)).toBe(known);
    });

    test('not without end, nor in a circle', () => {
      const ids = 'abcdefghijklmnop'.split('');
      const shown = ids.map((id, n) => history(`${id}@${String(20 - n)}<${ids[n + 1] ?? 'a'}@${String(20 - n)}`));
      expect(lineageShownBy(shown, after('a@20<b@20')).ancestors).toHaveLength(8);
      const circle = ['y@9<x@9', 'x@9<z@9'].map(history);
      expect(lineageShownBy(circle, after('z@9<y@9')).ancestors).toHaveLength(1);
    });
  });

  test('the past is not remembered without end', () => {
    const ids = 'abcdefghijklmnop'.split('');
    const texts = ids.map((id, n) => (n === 0 ? `${id}@0` : `${id}@${String(n)}<${String(ids[n - 1])}@${String(n)}`));
    expect(after(...texts).ancestors).toHaveLength(8);
  });
});

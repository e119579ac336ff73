import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { whoHasToGo, type Admitted } from '../src/resp-admission.ts';

const LIMITS = { connections: 4, perPeer: 2 };
const OUR_ADDRESS = '10.0.0.1';
const isPeerAddress = (address: string): boolean => address === OUR_ADDRESS;

/** Connections in the order in which they came. */
function arrive(...changes: readonly Partial<Admitted>[]): Admitted[] {
  return changes.map((change, id) => ({
    id,
    address: '10.9.9.9',
    peer: null,
    isSubscribed: false,
    idleMs: 0,
    ...change,
  }));
}

const idOf = (connections: readonly Admitted[]): number | null =>
  whoHasToGo(connections, LIMITS, isPeerAddress)?.id ?? null;

describe('who has to go', () => {
  const stories: readonly (readonly [string, readonly Partial<Admitted>[], number | null])[] = [
    ['nobody, as long as there is room', [{}, {}, {}, {}], null],
    [
      'one of the address that has the most',
      [
        { address: 'a' },
        { address: 'b', idleMs: 5000 },
        { address: 'b', idleMs: 9000 },
        { address: 'c' },
        { address: 'd' },
      ],
      2,
    ],
    [
      'of the own address, when another one has as many',
      [
        { address: 'a', idleMs: 9000 },
        { address: 'a' },
        { address: 'b', idleMs: 3000 },
        { address: 'c' },
        { address: 'b' },
      ],
      2,
    ],
    [
      'the newest, when everybody has only one',
      [{ address: 'a', idleMs: 9000 }, { address: 'b' }, { address: 'c' }, { address: 'd' }, { address: 'e' }],
      4,
    ],
    ['who is idle, before who listens', [{ isSubscribed: true, idleMs: 9000 }, {}, { idleMs: 2000 }, {}, {}], 2],
    ['who listens, before who has come or asked just now', [{}, { idleMs: 1999 }, { isSubscribed: true }, {}, {}], 2],
    ['who asked longest ago, when all are busy', [{ idleMs: 5 }, { idleMs: 7 }, { idleMs: 6 }, {}, {}], 1],
    ['nobody, when one more is a peer', [{}, {}, {}, {}, { peer: 'redis-1' }], null],
    ['nobody, when one more comes from an address of the set', [{}, {}, {}, {}, { address: OUR_ADDRESS }], null],
    [
      'the oldest of a peer that has too many',
      [...Array.from({ length: 6 }, (_, index) => ({ peer: 'redis-1', idleMs: 100 - index })), {}],
      0,
    ],
    ['not a peer that was idle for long', [{ peer: 'redis-1', idleMs: 99_999 }, { idleMs: 3000 }, {}, {}, {}, {}], 1],
  ];

  test.each(stories)('%s', (_, connections, id) => {
    expect(idOf(arrive(...connections))).toBe(id);
  });
});

const connection = fc.record({
  address: fc.constantFrom('a', 'b', 'c', OUR_ADDRESS),
  peer: fc.constantFrom(null, null, null, 'redis-1', 'redis-2'),
  isSubscribed: fc.boolean(),
  idleMs: fc.integer({ min: 0, max: 5000 }),
});

describe('properties', () => {
  /** Lets everybody come in order; whoever has to go goes. */
  function admitAll(changes: readonly Partial<Admitted>[]): Admitted[] {
    let present: Admitted[] = [];
    for (const newcomer of arrive(...changes)) {
      present.push(newcomer);
      const leaving = whoHasToGo(present, LIMITS, isPeerAddress);
      present = present.filter((one) => one !== leaving);
    }
    return present;
  }

  test('there are never more than allowed, and a few for each peer', () => {
    fc.assert(
      fc.property(fc.array(connection, { maxLength: 60 }), (changes) => {
        const kinds = 3;
        expect(admitAll(changes).length).toBeLessThanOrEqual(LIMITS.connections + kinds * LIMITS.perPeer);
      }),
    );
  });

  test('a stranger with very many does not displace others', () => {
    fc.assert(
      fc.property(fc.array(connection, { maxLength: 3 }), fc.integer({ min: 0, max: 50 }), (few, many) => {
        const ours = few.map((one, index) => ({ ...one, address: `client-${index}` }));
        const flood = Array.from({ length: many }, () => ({ address: 'stranger' }));
        const present = admitAll([...ours, ...flood]);
        expect(present.filter(({ address }) => address !== 'stranger')).toHaveLength(ours.length);
      }),
    );
  });

  test('the newest of a peer is always let in', () => {
    fc.assert(
      fc.property(fc.array(connection, { maxLength: 40 }), (changes) => {
        const present = admitAll([...changes, { address: 'a', peer: 'redis-1' }]);
        expect(present.at(-1)).toMatchObject({ id: changes.length });
      }),
    );
  });
});

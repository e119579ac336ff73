import fc from 'fast-check';
import {
  follow,
  kill,
  killClients,
  limbo,
  minReplicas,
  pauseWrites,
  promote,
  restart,
  save,
  start,
  unpause,
  wait,
  write,
  writeMuch,
  type Step,
} from './vocabulary.ts';

const server = fc.constantFrom('a', 'b', 'c');
const master = fc.constantFrom('a', 'b', 'c', 'limbo');

/** Three servers, one of them with little backlog, of which the first is the master of the others. */
const PRELUDE: readonly Step[] = [
  start('a'),
  start('b', { backlog: 'tiny' }),
  start('c'),
  promote('a'),
  write('a'),
  follow('b', 'a'),
  follow('c', 'a'),
  write('a'),
];

/**
 * Steps whose outcome does not hang on which of two things is faster by a millisecond: nothing is frozen, and none follows at once.
 * WAIT asks for more replicas than there are, so that it counts after its time-out.
 */
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(server, master).map(([name, to]) => follow(name, to === name ? 'itself' : to)) },
  { weight: 3, arbitrary: server.map(promote) },
  { weight: 2, arbitrary: server.map(limbo) },
  {
    weight: 5,
    arbitrary: fc.tuple(server, fc.integer({ min: 1, max: 3 })).map(([name, count]) => write(name, { count })),
  },
  { weight: 1, arbitrary: server.map(writeMuch) },
  { weight: 2, arbitrary: server.map((name) => wait(name, 3)) },
  { weight: 2, arbitrary: server.map(kill) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(server, master, fc.constantFrom('none', 'rdb', 'rdb'))
      .map(([name, to, data]) => restart(name, to === name ? 'itself' : to, data)),
  },
  { weight: 2, arbitrary: server.map(save) },
  { weight: 1, arbitrary: fc.tuple(server, fc.integer({ min: 0, max: 2 })).map(([name, n]) => minReplicas(name, n)) },
  { weight: 1, arbitrary: server.map((name) => pauseWrites(name)) },
  { weight: 1, arbitrary: server.map(unpause) },
  { weight: 1, arbitrary: server.map(killClients) },
);

/** Stories nobody has thought of; the same ones for the same seed. */
export function randomStories(seed: number, count: number): (readonly Step[])[] {
  return fc
    .sample(fc.array(step, { minLength: 5, maxLength: 10, size: 'max' }), { seed, numRuns: count })
    .map((steps) => [...PRELUDE, ...steps]);
}

/** Leaves steps out for as long as the story still fails. @returns the shortest one found, and how it fails */
export async function shorten(
  steps: readonly Step[],
  failure: string,
  play: (steps: readonly Step[]) => Promise<string | null>,
): Promise<string> {
  let shortest = steps;
  let reason = failure;
  for (let index = shortest.length - 1; index >= 0; index -= 1) {
    const fewer = shortest.toSpliced(index, 1);
    const outcome = await play(fewer);
    if (outcome === null) continue;
    shortest = fewer;
    reason = outcome;
  }
  return reason;
}

import { follow, kill, limbo, pass, promote, quick, start, wait, write } from '../vocabulary.ts';
import { PAIR, TRIO, type Story } from './story.ts';

/** Who is master, who follows whom, and who feeds whom. */
export const ROLES: readonly Story[] = [
  {
    name: 'a server in limbo refuses writes, and feeds nobody',
    steps: [start('a'), write('a'), start('b'), follow('b', 'a'), write('b'), wait('a', 0)],
  },
  {
    name: 'one that follows itself feeds nobody either',
    steps: [start('a'), follow('a', 'itself'), write('a'), start('b'), follow('b', 'a')],
  },
  {
    name: 'two that follow each other',
    steps: [start('a'), start('b'), follow('a', 'b'), follow('b', 'a'), write('a'), promote('a'), write('a')],
  },
  {
    name: 'a master promoted out of nothing takes a new name when the first replica comes',
    steps: PAIR,
  },
  {
    name: 'promoting a master changes nothing',
    steps: [...PAIR, promote('a'), write('a')],
  },
  {
    name: 'telling a replica to follow whom it follows changes nothing',
    steps: [...PAIR, follow('b', 'a'), write('a'), limbo('b'), limbo('b')],
  },
  {
    name: 'chained replicas: the middle one passes on what it gets, and the name with it',
    steps: [
      ...PAIR,
      start('c'),
      follow('c', 'b'),
      write('a'),
      wait('a', 1),
      // The one at the end of the chain is none of the master's own.
      wait('a', 2),
      promote('a'),
      kill('a'),
      write('b'),
      promote('b'),
      write('b'),
    ],
  },
  {
    name: 'a chained replica whose feeder goes to limbo is left alone, and comes back with what it had',
    steps: [...PAIR, start('c'), follow('c', 'b'), limbo('b'), write('a'), follow('b', 'a'), write('a')],
  },
  {
    name: 'a chain whose head follows a new history is told the new name',
    steps: [
      ...TRIO,
      start('d'),
      follow('d', 'c'),
      write('a'),
      limbo('b'),
      limbo('c'),
      promote('b'),
      follow('c', 'b'),
      write('b'),
      follow('a', 'b'),
      write('b'),
    ],
  },
  {
    name: 'a full sync of the middle of a chain is one for its end as well',
    steps: [
      start('a'),
      start('b'),
      start('c'),
      start('d'),
      promote('a'),
      write('a'),
      promote('d'),
      write('d', { count: 2 }),
      follow('b', 'd'),
      follow('c', 'b'),
      write('d'),
      follow('b', 'a'),
      write('a'),
      limbo('b'),
    ],
  },
  {
    name: 'a replica that was cut off by a promotion is back before its next round',
    steps: [...TRIO, follow('c', 'b'), quick(limbo('b')), quick(promote('b')), pass(300), write('b')],
  },
  {
    name: 'a replica of nobody waits for its master to be promoted, a second at a time',
    steps: [start('a'), start('b'), follow('b', 'a'), quick(promote('a')), pass(1300), write('a')],
  },
];

import { answer, follow, freeze, kill, limbo, pass, promote, quick, start, thaw, wait, write } from '../vocabulary.ts';
import { PAIR, TRIO, type Story } from './story.ts';

/** Servers that stop and go on. */
export const SILENCE: readonly Story[] = [
  {
    name: 'a master that is frozen keeps its replicas waiting, and goes on as if nothing had been',
    steps: [...PAIR, freeze('a'), pass(1500), write('b'), thaw('a'), write('a'), wait('a', 1)],
  },
  {
    name: 'a master that is frozen, its replica promoted meanwhile: two masters until it is told',
    steps: [
      ...TRIO,
      freeze('a'),
      limbo('b'),
      limbo('c'),
      promote('b'),
      follow('c', 'b'),
      write('b'),
      thaw('a'),
      write('a'),
      follow('a', 'b'),
      write('b'),
      wait('b', 2),
    ],
  },
  {
    name: 'what is sent to a frozen master is answered when it goes on',
    steps: [...PAIR, freeze('a'), quick(write('a')), thaw('a'), answer('a')],
  },
  {
    name: 'a master that falls silent is given up after the time-out, and taken back when it goes on',
    steps: [
      start('a', { pingSeconds: 1 }),
      start('b', { replTimeoutSeconds: 3 }),
      promote('a'),
      write('a'),
      follow('b', 'a'),
      write('a'),
      quick(freeze('a')),
      pass(1200),
      pass(4500),
      thaw('a'),
      write('a'),
      wait('a', 1),
    ],
  },
  {
    name: 'a replica that falls silent is given up after the time-out',
    steps: [
      start('a', { pingSeconds: 1, replTimeoutSeconds: 3 }),
      start('b'),
      promote('a'),
      write('a'),
      follow('b', 'a'),
      write('a'),
      quick(freeze('b')),
      pass(1200),
      pass(4500),
      quick(write('a')),
      thaw('b'),
      write('a'),
      wait('a', 1),
    ],
  },
  {
    name: 'a frozen replica is told to go to limbo, and was never given the rest',
    steps: [
      ...TRIO,
      freeze('c'),
      write('a'),
      kill('a'),
      limbo('b'),
      thaw('c'),
      limbo('c'),
      promote('b'),
      follow('c', 'b'),
    ],
  },
];

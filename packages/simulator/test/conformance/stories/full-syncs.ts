import {
  follow,
  kill,
  limbo,
  pass,
  promote,
  quick,
  start,
  wait,
  write,
  type Server,
  type ServerConfig,
  type Step,
} from '../vocabulary.ts';
import type { Story } from './story.ts';

/** Enough for a slow transfer to take seconds. */
const largeWrites = (server: Server): Step => write(server, { size: 'large', count: 12 });

/** The replica of one master is told to follow another one, whose data it does not know; it has not begun yet. */
const calledToAnother = (other: ServerConfig, otherWrites: Step): readonly Step[] => [
  start('a'),
  start('b'),
  start('c', other),
  promote('a'),
  write('a'),
  follow('b', 'a'),
  write('a'),
  promote('c'),
  otherWrites,
  quick(follow('b', 'c')),
];

/** A replica is in the middle of loading what its first full sync has brought. */
const LOADING: readonly Step[] = [
  start('a'),
  start('b', { isSlowToLoad: true }),
  promote('a'),
  largeWrites('a'),
  quick(follow('b', 'a')),
  pass(1200),
];

/** What a full sync does in each of its steps. */
export const FULL_SYNCS: readonly Story[] = [
  {
    name: 'a full sync that waits for others: the place in the old history is still there until it begins',
    steps: [
      ...calledToAnother({ syncDelaySeconds: 3 }, write('c')),
      pass(700),
      quick(limbo('b')),
      follow('b', 'a'),
      write('a'),
    ],
  },
  {
    name: 'a full sync that waits for others shows what was written until it begins',
    steps: [
      start('a', { syncDelaySeconds: 2 }),
      start('b'),
      promote('a'),
      write('a'),
      quick(follow('b', 'a')),
      pass(700),
      quick(write('a')),
      write('a', { count: 2 }),
      pass(2500),
      write('a'),
      wait('a', 1),
    ],
  },
  {
    name: 'a master that dies while a full sync waits for others',
    steps: [
      ...calledToAnother({ syncDelaySeconds: 3 }, write('c')),
      pass(700),
      kill('c'),
      follow('b', 'a'),
      write('a'),
    ],
  },
  {
    name: 'a replica that loads what it was sent says so, and refuses what it is told',
    steps: [...LOADING, quick(limbo('b')), quick(promote('b')), write('b'), pass(4000), limbo('b')],
  },
  {
    name: 'a master that dies while its replica loads: what it wrote meanwhile goes with it',
    steps: [...LOADING, quick(write('a', { count: 2 })), quick(kill('a')), pass(4500), limbo('b'), promote('b')],
  },
  {
    name: 'a master that goes on while its replica loads',
    steps: [...LOADING, write('a', { count: 2 }), wait('a', 1, { timeoutMs: 8000 }), write('b')],
  },
  {
    name: 'a transfer that is broken off has changed nothing: the place in the old history is still there',
    steps: [
      ...calledToAnother({ isSlowToSend: true }, largeWrites('c')),
      pass(1000),
      kill('c'),
      write('a'),
      follow('b', 'a'),
      write('a'),
    ],
  },
  {
    name: 'called away from a transfer',
    steps: [
      ...calledToAnother({ isSlowToSend: true }, largeWrites('c')),
      pass(1000),
      limbo('b'),
      promote('b'),
      write('b'),
    ],
  },
  {
    name: 'a master that goes to limbo while a full sync waits for others feeds it all the same',
    steps: [
      start('a', { syncDelaySeconds: 3 }),
      start('b'),
      promote('a'),
      write('a'),
      quick(follow('b', 'a')),
      pass(700),
      quick(limbo('a')),
      pass(5000),
      promote('a'),
      write('a'),
    ],
  },
  {
    name: 'a master that goes to limbo while it sends feeds on',
    steps: [
      start('a', { isSlowToSend: true }),
      start('b'),
      promote('a'),
      largeWrites('a'),
      quick(follow('b', 'a')),
      pass(1000),
      quick(limbo('a')),
      pass(4000),
      promote('a'),
      write('a'),
    ],
  },
  {
    name: 'a replica that is promoted while it is sent a full sync has what it had',
    steps: [
      start('a', { isSlowToSend: true }),
      start('b'),
      start('c'),
      promote('a'),
      promote('b'),
      write('b'),
      follow('c', 'b'),
      write('b'),
      largeWrites('a'),
      quick(follow('b', 'a')),
      pass(1000),
      promote('b'),
      write('b'),
    ],
  },
  {
    name: 'a place in an old history is gone as soon as another data set is loaded',
    steps: [
      start('a'),
      start('b', { isSlowToLoad: true }),
      start('c'),
      promote('a'),
      write('a'),
      quick(follow('b', 'a')),
      pass(4500),
      write('a'),
      promote('c'),
      largeWrites('c'),
      quick(follow('b', 'c')),
      pass(1500),
      pass(4500),
      write('c'),
    ],
  },
];

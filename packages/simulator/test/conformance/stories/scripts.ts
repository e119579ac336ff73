import {
  answer,
  endScript,
  follow,
  freeze,
  kill,
  limbo,
  pass,
  pauseWrites,
  promote,
  quick,
  restart,
  runScript,
  start,
  thaw,
  unpause,
  wait,
  write,
  writeMuch,
  type Step,
} from '../vocabulary.ts';
import { PAIR, TRIO, type Story } from './story.ts';

/** For as long as a client likes. */
const FOR_EVER = { timeoutMs: 0 };

/** A replica, with data of its own, that begins to run a script while it is sent a full sync. */
const SYNC_INTO_SCRIPT: readonly Step[] = [
  start('a', { isSlowToSend: true }),
  start('b'),
  promote('b'),
  write('b'),
  promote('a'),
  writeMuch('a'),
  quick(follow('b', 'a')),
  quick(pass(300)),
  quick(runScript('b')),
];

/** Servers that answer -BUSY. */
export const SCRIPTS: readonly Story[] = [
  {
    name: 'a replica that runs a script looks for nobody before it ends',
    steps: [
      ...PAIR,
      runScript('b'),
      kill('a'),
      restart('a', 'limbo', 'none'),
      promote('a'),
      write('a'),
      pass(2500),
      endScript('b'),
      pass(1500),
      wait('a', 1),
    ],
  },
  {
    name: 'a replica that runs a script takes in nothing and confirms nothing before it ends',
    steps: [...PAIR, runScript('b'), write('a'), wait('a', 1), endScript('b'), wait('a', 1)],
  },
  {
    name: 'what a replica was sent during a script is taken in, and confirmed, as soon as it ends',
    steps: [...PAIR, runScript('b'), write('a'), wait('a', 1, FOR_EVER), endScript('b'), answer('a')],
  },
  {
    name: 'two replicas that run scripts confirm one after the other',
    steps: [
      ...TRIO,
      runScript('b'),
      runScript('c'),
      write('a'),
      wait('a', 2),
      endScript('b'),
      wait('a', 1),
      endScript('c'),
      wait('a', 2),
    ],
  },
  {
    name: 'what a replica was sent during a script is gone when its master dies before the end',
    steps: [...TRIO, runScript('b'), write('a'), kill('a'), endScript('b'), promote('c'), follow('b', 'c')],
  },
  {
    name: 'a replica that runs a script is left alone by a master that is detached',
    steps: [...TRIO, runScript('b'), write('a'), limbo('a'), endScript('b'), promote('c'), follow('b', 'c')],
  },
  {
    name: 'what is paused on a replica waits for the end of the pause, after that of the script',
    steps: [
      ...PAIR,
      pauseWrites('b'),
      write('a'),
      runScript('b'),
      write('a'),
      endScript('b'),
      unpause('b'),
      wait('a', 1),
    ],
  },
  {
    name: 'a replica of a replica is given nothing while that one runs a script',
    steps: [...PAIR, start('c'), follow('c', 'b'), write('a'), runScript('b'), write('a'), endScript('b'), write('a')],
  },
  {
    name: 'a master that runs a script turns a new replica away until it ends',
    steps: [...PAIR, start('c'), runScript('a'), follow('c', 'a'), pass(2500), endScript('a'), pass(1500)],
  },
  {
    name: 'a master that runs a script turns a replica of old away until it ends',
    steps: [...TRIO, limbo('c'), runScript('a'), follow('c', 'a'), pass(2500), endScript('a'), pass(1500)],
  },
  {
    name: 'a replica that runs a script turns its own replica away until it ends',
    steps: [...PAIR, start('c'), runScript('b'), follow('c', 'b'), write('a'), pass(1500), endScript('b'), pass(1500)],
  },
  {
    name: 'a master that runs a script is told what its replica has, and tells clients after it',
    steps: [
      ...PAIR,
      freeze('b'),
      write('a'),
      wait('a', 1, FOR_EVER),
      runScript('a'),
      thaw('b'),
      answer('a'),
      endScript('a'),
      answer('a'),
    ],
  },
  {
    name: 'a pause that ends while a script runs lets writes through after it',
    steps: [
      ...PAIR,
      quick(pauseWrites('a', 1500)),
      quick(write('a')),
      runScript('a'),
      pass(2500),
      answer('a'),
      endScript('a'),
      answer('a'),
    ],
  },
  {
    name: 'a full sync that arrives at a replica that runs a script is loaded after it',
    steps: [...SYNC_INTO_SCRIPT, pass(5000), endScript('b'), wait('a', 1)],
  },
  {
    name: 'a full sync that arrives at a replica that runs a script is loaded after it, also when the master is gone by then',
    steps: [...SYNC_INTO_SCRIPT, pass(5000), kill('a'), endScript('b')],
  },
  {
    name: 'a full sync that is broken off while the replica runs a script has changed nothing',
    steps: [...SYNC_INTO_SCRIPT, quick(kill('a')), pass(5000), endScript('b')],
  },
  {
    name: 'a full sync that has begun is sent while the master runs a script',
    steps: [
      start('a', { isSlowToSend: true }),
      start('b'),
      promote('a'),
      writeMuch('a'),
      quick(follow('b', 'a')),
      quick(pass(300)),
      runScript('a'),
      pass(5000),
      endScript('a'),
      wait('a', 1),
    ],
  },
  {
    name: 'a full sync that waits for others begins after the script of the master',
    steps: [
      start('a', { syncDelaySeconds: 2 }),
      start('b'),
      promote('a'),
      write('a'),
      quick(follow('b', 'a')),
      quick(pass(300)),
      runScript('a'),
      pass(5000),
      endScript('a'),
      pass(3000),
    ],
  },
];

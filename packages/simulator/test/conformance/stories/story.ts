import { follow, promote, start, write, type Step } from '../vocabulary.ts';

export interface Story {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** A master with a replica, as after the first election of a set. */
export const PAIR: readonly Step[] = [start('a'), start('b'), promote('a'), write('a'), follow('b', 'a'), write('a')];
export const TRIO: readonly Step[] = [...PAIR, start('c'), follow('c', 'a'), write('a')];

import { parseArgs, type ParseArgsConfig } from 'node:util';
import { TestkitError, messageOf } from './errors.ts';

type KnownFlags = NonNullable<ParseArgsConfig['options']>;
type FlagValues<Known extends KnownFlags> = ReturnType<typeof parseArgs<{ options: Known }>>['values'];

/** The values of the flags of a program; anything but flags is refused. @throws TestkitError BAD_USAGE */
export function readFlags<const Known extends KnownFlags>(args: readonly string[], options: Known): FlagValues<Known> {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new TestkitError('BAD_USAGE', messageOf(error), { cause: error });
  }
}

/** The number that a flag has, from `least` to `most`. @throws TestkitError BAD_USAGE */
export function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new TestkitError('BAD_USAGE', `--${flag} is ${text}; it must be a whole number from ${least} to ${most}`);
}

/** Those that a text such as `one,other` names, in that order. @throws TestkitError BAD_USAGE for a name that is not there */
export function pickNamed<Thing extends { readonly name: string }>(
  what: string,
  things: readonly Thing[],
  names: string,
): Thing[] {
  return names.split(',').map((name) => {
    const thing = things.find((known) => known.name === name);
    if (thing !== undefined) return thing;
    const known = things.map((each) => each.name).join(', ');
    throw new TestkitError('BAD_USAGE', `there is no ${what} ${name}; there are ${known}`);
  });
}

// The table of flags in the README says which command takes which flag.
import { expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { findBundles } from '@sentinel-micro/testkit';

const root = path.dirname(import.meta.dirname);
const { makeSlave, sentinel } = findBundles();

const SENTINEL_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  R: ['run'],
  S: ['status', 'explain', 'history'],
  O: ['switchover', 'failover', 'pause', 'resume'],
  H: ['handover'],
  P: ['promote'],
};
const ALL = ['make-slave', ...Object.values(SENTINEL_COMMANDS).flat()];

/** What a cell such as `M R S` or `` `switchover` `` means; what stands behind `not` does not take it. */
function takersOf(cell: string): string[] {
  const [takers = '', others = ''] = cell.split(', not ');
  const namesIn = (text: string): string[] =>
    [...text.matchAll(/[\w-]+/g)].flatMap(([word]) =>
      word === 'M' ? ['make-slave'] : (SENTINEL_COMMANDS[word] ?? [word]),
    );
  return namesIn(takers).filter((name) => !namesIn(others).includes(name));
}

function documentedFlags(): Map<string, Set<string>> {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const flagsOf = new Map(ALL.map((name) => [name, new Set<string>()]));
  for (const [, flags, cell] of readme.matchAll(/^\| (`--[^|]*) \| ([^|]*) \| [^|]* \| [^|]* \|$/gm)) {
    for (const name of takersOf(String(cell))) {
      for (const [, flag] of String(flags).matchAll(/`--([a-z-]+)`/g)) flagsOf.get(name)?.add(String(flag));
    }
  }
  return flagsOf;
}

/** As `--help` tells them; hidden ones are for the environment alone. */
function flagsOfHelp(name: string): string[] {
  const command = name === 'make-slave' ? [makeSlave] : [sentinel, name];
  const help = execFileSync(process.execPath, [...command, '--help'], { encoding: 'utf8', timeout: 20_000 });
  const flags = [...help.matchAll(/^ +--([a-z-]+) /gm)].map(([, flag]) => String(flag));
  return flags.filter((flag) => flag !== 'help' && flag !== 'version');
}

const documented = documentedFlags();

test.each(ALL)('%s', (name) => {
  expect([...(documented.get(name) ?? [])].sort()).toEqual(flagsOfHelp(name).sort());
});

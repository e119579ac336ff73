import { array, bulk, bulks, failed, integer, map, simple, type Reply } from '@sentinel-micro/runtime';
import { COMMAND_HELP, COMMAND_SPECS, type CommandSpec } from './command-specs.ts';
import { globMatches } from './pubsub.ts';
import { wrongNumber } from './replies.ts';
import { helpReply } from './sentinel-help.ts';

const statuses = (names: readonly string[]): Reply => ({ type: 'set', items: names.map(simple) });
const NOTHING: Reply = { type: 'set', items: [] };

/** The command, or subcommand (`client|list`), of that name; undefined when there is none. */
function find(name: string): CommandSpec | undefined {
  const [parent, child] = name.toLowerCase().split('|');
  const spec = COMMAND_SPECS.find((known) => known.name === parent);
  return child === undefined ? spec : spec?.subcommands.find((known) => known.name === name.toLowerCase());
}

/** Ten items, as in Redis 7 (addReplyCommandInfo in server.c). No command here has keys. */
function infoOf({ name, arity, flags, categories, subcommands }: CommandSpec): Reply {
  const numbers = [0, 0, 0].map(integer);
  return array([
    bulk(name),
    integer(arity),
    statuses(flags),
    ...numbers,
    statuses(categories),
    NOTHING,
    NOTHING,
    subcommands.length === 0 ? NOTHING : array(subcommands.map(infoOf)),
  ]);
}

function argumentOf(name: string): Reply {
  const isOptional = name.startsWith('[');
  return map([
    ['name', bulk(name.replace(/[[\]]/g, ''))],
    ['type', bulk('string')],
    ...(isOptional ? ([['flags', statuses(['optional'])]] as const) : []),
  ]);
}

function docsOf({ summary, since, group, args, subcommands }: CommandSpec): Reply {
  return map([
    ['summary', bulk(summary)],
    ['since', bulk(since)],
    ['group', bulk(group)],
    ...(args.length === 0 ? [] : ([['arguments', array(args.map(argumentOf))]] as const)),
    ...(subcommands.length === 0
      ? []
      : ([['subcommands', map(subcommands.map((child) => [child.name, docsOf(child)]))]] as const)),
  ]);
}

function list(words: readonly string[]): Reply {
  const names = COMMAND_SPECS.flatMap(({ name, subcommands }) => [name, ...subcommands.map((child) => child.name)]);
  if (words.length === 0) return bulks(names);
  const [filter = '', kind = '', value = ''] = words.map((word) => word.toLowerCase());
  if (words.length !== 3 || filter !== 'filterby') return failed('ERR syntax error');
  if (kind === 'module') return array([]);
  if (kind === 'pattern') return bulks(names.filter((name) => globMatches(value, name)));
  if (kind !== 'aclcat') return failed('ERR syntax error');
  return bulks(names.filter((name) => find(name)?.categories.includes(`@${value}`) === true));
}

/** COMMAND [<subcommand> ...]: what redis-cli asks when it starts, and some clients for their own tables. */
export function commandCommand(words: readonly string[]): Reply {
  const [, subcommand, ...names] = words;
  const found = names.map((name) => find(name));
  switch (subcommand?.toUpperCase()) {
    case undefined:
      return array(COMMAND_SPECS.map(infoOf));
    case 'COUNT':
      return names.length === 0 ? integer(COMMAND_SPECS.length) : wrongNumber('command|count');
    case 'INFO':
      if (names.length === 0) return array(COMMAND_SPECS.map(infoOf));
      return array(found.map((spec) => (spec === undefined ? { type: 'null-array' } : infoOf(spec))));
    case 'DOCS': {
      const specs = names.length === 0 ? COMMAND_SPECS : found.filter((spec) => spec !== undefined);
      return map(specs.map((spec) => [spec.name, docsOf(spec)]));
    }
    case 'LIST':
      return list(names);
    case 'GETKEYS':
      if (names.length < 2) return wrongNumber('command|getkeys');
      return failed(found[0] === undefined ? 'ERR Invalid command specified' : 'ERR The command has no key arguments');
    case 'HELP':
      return helpReply('COMMAND', COMMAND_HELP);
    default:
      return failed(`ERR unknown subcommand '${String(subcommand).slice(0, 64)}'. Try COMMAND HELP.`);
  }
}

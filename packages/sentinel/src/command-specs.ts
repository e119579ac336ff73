import { CLIENT_SPECS } from './client-command.ts';
import { SUBCOMMAND_SPECS, type SubcommandSpec } from './sentinel-help.ts';

/** One command of this port, for COMMAND and its subcommands. */
export interface CommandSpec {
  readonly name: string;
  /** Number of words with the name; at least so many when it is negative. */
  readonly arity: number;
  readonly flags: readonly string[];
  readonly categories: readonly string[];
  readonly summary: string;
  /** First version of Redis that had it; ours alone have none of those. */
  readonly since: string;
  readonly group: string;
  /** Names of the arguments; in brackets when they may be left out. */
  readonly args: readonly string[];
  readonly subcommands: readonly CommandSpec[];
}

const FAST = { flags: ['loading', 'stale', 'fast'], categories: ['@fast', '@connection'], group: 'connection' };
const PUBSUB = { flags: ['pubsub', 'noscript', 'loading', 'stale'], categories: ['@pubsub', '@slow'], group: 'pubsub' };
const ADMIN = { flags: ['admin'], categories: ['@admin', '@slow', '@dangerous'] };

interface Kind {
  readonly flags: readonly string[];
  readonly categories: readonly string[];
  readonly group: string;
}

function subcommandsOf(parent: string, specs: Iterable<SubcommandSpec>, kind: Kind): CommandSpec[] {
  const byName = new Map<string, CommandSpec>();
  for (const { usage, args, help } of specs) {
    const [word = '', ...names] = usage.toLowerCase().split(' ');
    const [least, most] = args;
    const name = `${parent}|${word}`;
    byName.set(name, {
      ...{ name, ...kind, since: '2.8.4', subcommands: [] },
      arity: least === most ? least + 2 : -(least + 2),
      summary: help.length === 0 ? 'Another name for what older and newer servers call differently' : help.join(' '),
      args: names.filter((part) => /\w/.test(part)).map((part) => part.replace(/[<>]/g, '')),
    });
  }
  return [...byName.values()];
}

const COMMAND_SUBCOMMANDS: readonly SubcommandSpec[] = [
  { usage: 'COUNT', args: [0, 0], help: ['Return the total number of commands in this server.'] },
  {
    usage: 'DOCS [<command-name> ...]',
    args: [0, 60],
    help: ['Return documentation details about multiple commands.'],
  },
  { usage: 'GETKEYS <full-command>', args: [1, 60], help: ['No command here has keys.'] },
  { usage: 'INFO [<command-name> ...]', args: [0, 60], help: ['Return details about multiple commands.'] },
  { usage: 'LIST', args: [0, 3], help: ['Return a list of all commands in this server.'] },
  { usage: 'HELP', args: [0, 0], help: ['Prints this help.'] },
];
export const COMMAND_HELP = COMMAND_SUBCOMMANDS;

function command(
  name: string,
  arity: number,
  kind: Kind,
  since: string,
  summary: string,
  args: string[] = [],
): CommandSpec {
  return { name, arity, ...kind, since, summary, args, subcommands: [] };
}

const SERVER: Kind = { ...FAST, group: 'server' };

/** All commands of this port. */
export const COMMAND_SPECS: readonly CommandSpec[] = [
  {
    ...command('sentinel', -2, { ...ADMIN, group: 'sentinel' }, '2.8.4', 'A container for Sentinel commands'),
    subcommands: subcommandsOf('sentinel', SUBCOMMAND_SPECS.values(), { ...ADMIN, group: 'sentinel' }),
  },
  command('role', 1, SERVER, '2.8.12', 'Return the role of the instance'),
  command('info', -1, SERVER, '1.0.0', 'Get information and statistics about the server', ['[section]']),
  command('ping', -1, FAST, '1.0.0', 'Ping the server', ['[message]']),
  command('hello', -1, FAST, '6.0.0', 'Handshake with Redis', ['[protover]', '[auth]', '[setname]']),
  command('auth', -2, FAST, '1.0.0', 'Authenticate to the server', ['[username]', 'password']),
  {
    ...command('client', -2, FAST, '2.4.0', 'A container for client connection commands'),
    subcommands: subcommandsOf('client', CLIENT_SPECS, FAST),
  },
  {
    ...command('command', -1, SERVER, '2.8.13', 'Get array of command details'),
    subcommands: subcommandsOf('command', COMMAND_SUBCOMMANDS, SERVER),
  },
  {
    ...command('acl', -2, { ...ADMIN, group: 'server' }, '6.0.0', 'A container for Access List Control commands'),
    subcommands: subcommandsOf(
      'acl',
      [{ usage: 'WHOAMI', args: [0, 0], help: ['Return the current connection username.'] }],
      SERVER,
    ),
  },
  command('subscribe', -2, PUBSUB, '2.0.0', 'Listen for messages published to channels', ['channel']),
  command('unsubscribe', -1, PUBSUB, '2.0.0', 'Stop listening for messages posted to channels', ['[channel]']),
  command('psubscribe', -2, PUBSUB, '2.0.0', 'Listen for messages published to channels matching patterns', [
    'pattern',
  ]),
  command('punsubscribe', -1, PUBSUB, '2.0.0', 'Stop listening for messages posted to channels matching patterns', [
    '[pattern]',
  ]),
  command('publish', 3, PUBSUB, '2.0.0', 'Post a message to a channel', ['channel', 'message']),
  command('shutdown', -1, { ...ADMIN, group: 'server' }, '1.0.0', 'Not possible: stop the container of the sidecar'),
  command('quit', -1, FAST, '1.0.0', 'Close the connection'),
  command(
    'peer',
    -2,
    { ...ADMIN, group: 'sentinel' },
    '7.0.0',
    'What sidecars say to each other; PEER STATUS tells what one knows',
    ['kind', '[message]'],
  ),
];

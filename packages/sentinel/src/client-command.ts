import { bulk, failed, integer, OK, type Reply, type Session } from '@sentinel-micro/runtime';
import { wrongNumber } from './replies.ts';
import { helpReply, type SubcommandSpec } from './sentinel-help.ts';

/** Names are kept as long as the connection lasts. */
const MAX_NAME_LENGTH = 256;
const ANY = 60;

/** In the words of Redis (clientCommand in networking.c); what it has beside these is of no use without keys. */
export const CLIENT_SPECS: readonly SubcommandSpec[] = [
  { usage: 'GETNAME', args: [0, 0], help: ['Return the name of the current connection.'] },
  { usage: 'ID', args: [0, 0], help: ['Return the ID of the current connection.'] },
  { usage: 'INFO', args: [0, 0], help: ['Return information about the current client connection.'] },
  {
    usage: 'KILL <option> <value> [<option> <value> [...]]',
    args: [1, ANY],
    help: [
      'Kill connections, but never those of peers. Options are:',
      '* <ip:port> alone, ADDR <ip:port>, LADDR <ip:port>, ID <client-id>',
      '* TYPE (NORMAL|MASTER|REPLICA|PUBSUB), USER <username>, SKIPME (YES|NO)',
    ],
  },
  {
    usage: 'LIST [options ...]',
    args: [0, ANY],
    help: [
      'Return information about client connections. Options:',
      '* ID <id> [...], TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
    ],
  },
  {
    usage: 'NO-EVICT (ON|OFF)',
    args: [1, 1],
    help: ['Does nothing: clients that read what they ask for are never evicted.'],
  },
  { usage: 'NO-TOUCH (ON|OFF)', args: [1, 1], help: ['Does nothing: there are no keys to touch.'] },
  { usage: 'REPLY (ON|OFF|SKIP)', args: [1, 1], help: ['Control the replies sent to the current connection.'] },
  { usage: 'SETINFO <option> <value>', args: [2, 2], help: ['Accepted, and not kept.'] },
  { usage: 'SETNAME <name>', args: [1, 1], help: ['Assign the name <name> to the current connection.'] },
  { usage: 'HELP', args: [0, 0], help: ['Prints this help.'] },
];

const SPECS = new Map(CLIENT_SPECS.map((spec) => [spec.usage.split(' ', 1)[0] ?? '', spec]));

/** @returns null, or why the name can not be had. */
export function setName(session: Session, name: string): Reply | null {
  if (!/^[!-~]*$/.test(name)) return failed('ERR Client names cannot contain spaces, newlines or special characters.');
  if (name.length > MAX_NAME_LENGTH)
    return failed(`ERR a client's name has at most ${String(MAX_NAME_LENGTH)} characters`);
  session.name = name;
  return null;
}

type Kind = 'normal' | 'pubsub' | 'master' | 'replica';

function kindOf({ channels, patterns }: Session): Kind {
  return channels.size + patterns.size > 0 ? 'pubsub' : 'normal';
}

/** @returns the type that is meant; null when there is none of that name. */
function kindNamed(text: string): Kind | null {
  const kind = text.toLowerCase();
  if (kind === 'slave') return 'replica';
  return kind === 'normal' || kind === 'pubsub' || kind === 'master' || kind === 'replica' ? kind : null;
}

function lineOf(session: Session): string {
  const { id, ends, name, ageMs, idleMs, channels, patterns, lastCommand, protocol } = session;
  const seconds = (ms: number): string => String(Math.floor(ms / 1000));
  const fields: readonly (readonly [string, string | number])[] = [
    ['id', id],
    ['addr', ends.remote],
    ['laddr', ends.local],
    ['name', name],
    ['age', seconds(ageMs)],
    ['idle', seconds(idleMs)],
    ['flags', kindOf(session) === 'pubsub' ? 'P' : 'N'],
    ['db', 0],
    ['sub', channels.size],
    ['psub', patterns.size],
    ['cmd', lastCommand],
    ['user', 'default'],
    ['resp', protocol],
  ];
  return `${fields.map(([key, value]) => `${key}=${String(value)}`).join(' ')}\n`;
}

const verbatim = (text: string): Reply => ({ type: 'verbatim', text });

function isId(text: string): boolean {
  return /^[1-9]\d{0,14}$/.test(text);
}

function list(sessions: readonly Session[], [option, ...values]: readonly string[]): Reply {
  switch (option?.toUpperCase()) {
    case undefined:
      return verbatim(sessions.map(lineOf).join(''));
    case 'TYPE': {
      const kind = values.length === 1 ? kindNamed(values[0] ?? '') : undefined;
      if (kind === undefined) return failed('ERR syntax error');
      if (kind === null) return failed(`ERR Unknown client type '${String(values[0]).slice(0, 64)}'`);
      return verbatim(
        sessions
          .filter((session) => kindOf(session) === kind)
          .map(lineOf)
          .join(''),
      );
    }
    case 'ID': {
      if (values.length === 0) return failed('ERR syntax error');
      if (!values.every((value) => /^-?\d{1,15}$/.test(value))) return failed('ERR Invalid client ID');
      return verbatim(
        sessions
          .filter(({ id }) => values.includes(String(id)))
          .map(lineOf)
          .join(''),
      );
    }
    default:
      return failed('ERR syntax error');
  }
}

type Filter = (session: Session) => boolean;

/** One condition of CLIENT KILL, or what is wrong with it. */
function filterOf(option: string, value: string, own: Session): Filter | Reply {
  switch (option.toUpperCase()) {
    case 'ID':
      return isId(value) ? ({ id }) => String(id) === value : failed('ERR client-id should be greater than 0');
    case 'ADDR':
      return ({ ends }) => ends.remote === value;
    case 'LADDR':
      return ({ ends }) => ends.local === value;
    case 'USER':
      return value === 'default' ? () => true : failed(`ERR No such user '${value.slice(0, 64)}'`);
    case 'TYPE': {
      const kind = kindNamed(value);
      if (kind === null) return failed(`ERR Unknown client type '${value.slice(0, 64)}'`);
      return (session) => kindOf(session) === kind;
    }
    case 'SKIPME': {
      const word = value.toLowerCase();
      if (word === 'no') return () => true;
      return word === 'yes' ? (session) => session !== own : failed('ERR syntax error');
    }
    default:
      return failed('ERR syntax error');
  }
}

/** Peers are not a client's to cut off: each time would cost the set a vote for a moment. */
const isClient = ({ peer, isPeerAuthenticated }: Session): boolean => peer === null && !isPeerAuthenticated;

function kill(own: Session, sessions: readonly Session[], args: readonly string[]): Reply {
  const victims = sessions.filter(isClient);
  if (args.length === 1) {
    const victim = victims.find(({ ends }) => ends.remote === args[0]);
    victim?.end();
    return victim === undefined ? failed('ERR No such client') : OK;
  }
  if (args.length % 2 !== 0) return failed('ERR syntax error');
  const filters: Filter[] = [];
  for (let index = 0; index < args.length; index += 2) {
    const filter = filterOf(args[index] ?? '', args[index + 1] ?? '', own);
    if (typeof filter !== 'function') return filter;
    filters.push(filter);
  }
  const mentionsSelf = args.some((word, index) => index % 2 === 0 && word.toUpperCase() === 'SKIPME');
  if (!mentionsSelf) filters.push((session) => session !== own);
  const killed = victims.filter((session) => filters.every((isMeant) => isMeant(session)));
  for (const session of killed) session.end();
  return integer(killed.length);
}

function reply(session: Session, mode: string): Reply {
  switch (mode.toUpperCase()) {
    case 'ON':
      session.answers = 'on';
      return OK;
    case 'OFF':
      session.answers = 'off';
      return { type: 'none' };
    case 'SKIP':
      if (session.answers === 'on') session.answers = 'skip-next';
      return { type: 'none' };
    default:
      return failed('ERR syntax error');
  }
}

/** CLIENT <subcommand> ... */
export function clientCommand(session: Session, words: readonly string[], sessions: Iterable<Session>): Reply {
  const [, name, ...args] = words;
  if (name === undefined) return wrongNumber('client');
  const subcommand = name.toUpperCase();
  const spec = SPECS.get(subcommand);
  if (spec === undefined) return failed(`ERR unknown subcommand '${name.slice(0, 64)}'. Try CLIENT HELP.`);
  if (args.length < spec.args[0] || args.length > spec.args[1]) return wrongNumber(`client|${name.toLowerCase()}`);
  const first = args[0] ?? '';
  switch (subcommand) {
    case 'GETNAME':
      return session.name === '' ? { type: 'null' } : bulk(session.name);
    case 'ID':
      return integer(session.id);
    case 'INFO':
      return verbatim(lineOf(session));
    case 'LIST':
      return list([...sessions], args);
    case 'KILL':
      return kill(session, [...sessions], args);
    case 'REPLY':
      return reply(session, first);
    case 'NO-EVICT':
    case 'NO-TOUCH':
      return /^(?:on|off)$/i.test(first) ? OK : failed('ERR syntax error');
    case 'SETNAME':
      return setName(session, first) ?? OK;
    case 'HELP':
      return helpReply('CLIENT', CLIENT_SPECS);
    default:
      return OK;
  }
}

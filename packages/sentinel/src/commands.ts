import type { PeerAnswer, PeerRequest } from '@sentinel-micro/core';
import {
  array,
  bulk,
  bulks,
  failed,
  integer,
  OK,
  simple,
  type CommandHandler,
  type Reply,
  type Session,
} from '@sentinel-micro/runtime';
import { clientCommand } from './client-command.ts';
import { commandCommand } from './command-command.ts';
import { infoText, type ProcessCounts } from './info.ts';
import { Login, type PortLogins } from './login.ts';
import { peerCommand } from './peer-command.ts';
import { isSubscriber, subscription } from './pubsub.ts';
import { Refusals } from './refusals.ts';
import { wrongNumber } from './replies.ts';
import { asksForMaster, sentinelCommand, type SentinelPorts } from './sentinel-commands.ts';
import type { SentinelContext } from './sentinel-view.ts';

export interface CommandPorts extends SentinelPorts {
  readonly logins: PortLogins;
  readonly context: () => SentinelContext;
  readonly peerRequest: (request: PeerRequest) => Promise<PeerAnswer>;
  /** When there is a master to name again, or there is none to wait for; within a bounded time. */
  readonly untilNamed: () => Promise<void>;
  /** All connections of this port. */
  readonly sessions: () => Iterable<Session>;
  /** Somebody was refused; told at most once a minute for each reason. */
  readonly onBadMessage: (text: string) => void;
}

type Command = (session: Session, words: readonly string[]) => Reply | Promise<Reply>;

const NO_AUTH = failed('NOAUTH Authentication required.');
/** What may be said before logging in. */
const BEFORE_AUTH = new Set(['AUTH', 'HELLO', 'QUIT']);
/** All that a subscriber may send in RESP2, where answers and messages look alike. */
const WHILE_SUBSCRIBED = new Set(['PING', 'QUIT', 'SUBSCRIBE', 'PSUBSCRIBE', 'UNSUBSCRIBE', 'PUNSUBSCRIBE']);
/** So much of what was sent is shown in an error. */
const MAX_SHOWN = 128;
const HAS_SUBCOMMANDS = new Set(['SENTINEL', 'CLIENT', 'COMMAND', 'PEER', 'ACL']);

function ping(session: Session, words: readonly string[]): Reply {
  if (words.length > 2) return wrongNumber('ping');
  // In RESP2 a subscriber tells answers from messages by their form.
  if (isSubscriber(session) && session.protocol === 2) return bulks(['pong', words[1] ?? '']);
  return words[1] === undefined ? simple('PONG') : bulk(words[1]);
}

function role(ports: CommandPorts, words: readonly string[]): Reply {
  if (words.length > 1) return wrongNumber('role');
  return array([bulk('sentinel'), bulks([ports.context().masterName])]);
}

/** Who asks for the master in the middle of a failover is answered when it is over, or after a moment. */
async function heldSentinel(ports: CommandPorts, words: readonly string[]): Promise<Reply> {
  await ports.untilNamed();
  return sentinelCommand(ports.context(), words, ports);
}

function sentinel(ports: CommandPorts, words: readonly string[]): Reply | Promise<Reply> {
  const context = ports.context();
  return asksForMaster(context, words) ? heldSentinel(ports, words) : sentinelCommand(context, words, ports);
}

function acl(words: readonly string[]): Reply {
  if (words[1] === undefined) return wrongNumber('acl');
  if (words[1].toUpperCase() !== 'WHOAMI') {
    return failed(`ERR unknown subcommand '${words[1].slice(0, 64)}'. Try ACL HELP.`);
  }
  return words.length === 2 ? bulk('default') : wrongNumber('acl|whoami');
}

/** Other Redis Sentinels tell each other by it what they watch; here nobody listens to that. */
function publishing(words: readonly string[]): Reply {
  if (words.length !== 3) return wrongNumber('publish');
  if (words[1] !== '__sentinel__:hello') return failed('ERR Only HELLO messages are accepted by Sentinel instances.');
  return integer(0);
}

function shutdown(): Reply {
  return failed('ERR a sidecar is not stopped over this port: stop its container');
}

/** As Redis tells it (commandCheckExistence in server.c). */
function unknownCommand([name = '', ...words]: readonly string[]): Reply {
  let args = '';
  for (const word of words) {
    if (args.length >= MAX_SHOWN) break;
    args += `'${word.slice(0, MAX_SHOWN - args.length)}' `;
  }
  return failed(`ERR unknown command '${name.slice(0, MAX_SHOWN)}', with args beginning with: ${args}`);
}

/** As CLIENT LIST and errors name it: `client|list`. */
function fullName(name: string, words: readonly string[]): string {
  const child = HAS_SUBCOMMANDS.has(name) && words[1] !== undefined ? `|${words[1].slice(0, 32)}` : '';
  return `${name}${child}`.toLowerCase().replace(/[^\w|-]/g, '?');
}

function isRefusedWhileSubscribed(session: Session, name: string): boolean {
  return session.protocol === 2 && isSubscriber(session) && !WHILE_SUBSCRIBED.has(name);
}

/** All commands that the sidecar's port understands. */
export function createCommands(ports: CommandPorts): CommandHandler {
  const refusals = new Refusals(ports.onBadMessage, () => ports.context().nowMs);
  const login = new Login(ports.logins, refusals);
  const startedAtMs = ports.context().nowMs;
  let commandsSoFar = 0;
  const counts = (session: Session): ProcessCounts => ({
    uptimeMs: ports.context().nowMs - startedAtMs,
    connections: [...ports.sessions()].length,
    connectionsSoFar: Math.max(session.id, ...[...ports.sessions()].map(({ id }) => id)),
    commandsSoFar,
  });
  const table = new Map<string, Command>([
    ['PING', ping],
    ['INFO', (session, [, ...sections]) => bulk(infoText(ports.context(), sections, counts(session)))],
    ['ROLE', (_session, words) => role(ports, words)],
    ['HELLO', (session, words) => login.hello(session, words)],
    ['AUTH', (session, words) => (words.length < 2 ? wrongNumber('auth') : login.auth(session, words))],
    ['CLIENT', (session, words) => clientCommand(session, words, ports.sessions())],
    ['COMMAND', (_session, words) => commandCommand(words)],
    ['ACL', (_session, words) => acl(words)],
    ['SENTINEL', (_session, words) => sentinel(ports, words)],
    ['PEER', (session, words) => peerCommand(ports, refusals, session, words, login.isPeer(session))],
    ['PUBLISH', (_session, words) => publishing(words)],
    ['SHUTDOWN', shutdown],
    ['SUBSCRIBE', subscription],
    ['PSUBSCRIBE', subscription],
    ['UNSUBSCRIBE', subscription],
    ['PUNSUBSCRIBE', subscription],
  ]);
  table.set('QUIT', (session) => {
    session.end();
    return OK;
  });
  return (session, words) => {
    const name = words[0]?.toUpperCase() ?? '';
    if (!login.isIn(session) && !BEFORE_AUTH.has(name)) return NO_AUTH;
    const command = table.get(name);
    if (command === undefined) return unknownCommand(words);
    const what = fullName(name, words);
    if (isRefusedWhileSubscribed(session, name)) {
      return failed(
        `ERR Can't execute '${what}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
      );
    }
    commandsSoFar += 1;
    session.lastCommand = what;
    return command(session, words);
  };
}

import { statusOf, type PeerAnswer, type PeerRequest } from '@sentinel-micro/core';
import {
  array,
  bulk,
  bulks,
  decodeRequest,
  encodeMessage,
  failed,
  integer,
  isPlausibleTerm,
  messageOf,
  OK,
  simple,
  Tally,
  type CommandHandler,
  type Reply,
  type Session,
} from '@sentinel-micro/runtime';
import { timingSafeEqual } from 'node:crypto';
import { subscription } from './pubsub.ts';
import { infoText, sentinelCommand, type SentinelContext } from './sentinel-commands.ts';

export interface CommandPorts {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly context: () => SentinelContext;
  readonly peerRequest: (request: PeerRequest) => Promise<PeerAnswer>;
  /** Somebody was refused; told at most once a minute for each reason. */
  readonly onBadMessage: (text: string) => void;
}

/** Why somebody was refused. */
type Refusal = 'a login failed' | 'a message was not valid' | 'a message was of a stranger';

/** Counts and tells who was refused, and knows the number of messages that did not even get to the core. */
class Refusals {
  readonly #tally: Tally<Refusal>;
  #badMessages = 0;

  constructor({ onBadMessage, context }: CommandPorts) {
    this.#tally = new Tally<Refusal>(onBadMessage, () => context().nowMs);
  }

  get badMessages(): number {
    return this.#badMessages;
  }

  login({ address }: Session): Reply {
    this.#tally.count('a login failed', `from ${address}`);
    return WRONG_PASSWORD;
  }

  message({ address }: Session, why: string): Reply {
    this.#badMessages += 1;
    this.#tally.count('a message was not valid', `from ${address}: ${why}`);
    return failed(`ERR ${why}`);
  }

  stranger({ address }: Session, { cluster, from }: PeerRequest, reason: string): void {
    this.#tally.count('a message was of a stranger', `from ${address}: ${from.pod} of ${cluster}, ${reason}`);
  }
}

type Command = (session: Session, words: readonly string[]) => Reply | Promise<Reply>;

const WRONG_PASSWORD = failed('WRONGPASS invalid username-password pair or user is disabled.');
const NO_AUTH = failed('NOAUTH Authentication required.');
/** Names are kept as long as the connection lasts. */
const MAX_NAME_LENGTH = 256;
/** What may be said before logging in. */
const BEFORE_AUTH = new Set(['AUTH', 'HELLO', 'QUIT']);

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

type LogIn = (session: Session, username: string, password: string) => Reply;

function logIn(ports: CommandPorts, refusals: Refusals, session: Session, username: string, password: string): Reply {
  if (ports.password === undefined) {
    return failed(
      'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
    );
  }
  const isUser = username === 'default' || username === ports.username;
  if (!isUser || !isEqual(password, ports.password)) return refusals.login(session);
  session.isAuthenticated = true;
  return OK;
}

function wrongNumber(command: string): Reply {
  return failed(`ERR wrong number of arguments for '${command}' command`);
}

function auth(enter: LogIn): Command {
  return (session, [, first, second, ...rest]) => {
    if (first === undefined) return wrongNumber('auth');
    if (rest.length > 0) return failed('ERR syntax error');
    return second === undefined ? enter(session, 'default', first) : enter(session, first, second);
  };
}

/** @returns null, or why the name can not be had. */
function setName(session: Session, name: string): Reply | null {
  if (!/^[!-~]*$/.test(name)) return failed('ERR Client names cannot contain spaces, newlines or special characters.');
  if (name.length > MAX_NAME_LENGTH)
    return failed(`ERR a client's name has at most ${String(MAX_NAME_LENGTH)} characters`);
  session.name = name;
  return null;
}

function helloReply(session: Session): Reply {
  const entries: readonly (readonly [string, Reply])[] = [
    ['server', bulk('redis')],
    ['version', bulk('7.0.0')],
    ['proto', integer(session.protocol)],
    ['id', integer(session.id)],
    ['mode', bulk('sentinel')],
    ['modules', array([])],
  ];
  return { type: 'map', entries };
}

/** HELLO [2|3 [AUTH user password] [SETNAME name]]. */
function hello(ports: CommandPorts, enter: LogIn): Command {
  return (session, words) => {
    const version = words[1];
    if (version !== undefined && !/^-?\d+$/.test(version))
      return failed('ERR Protocol version is not an integer or out of range');
    if (version !== undefined && version !== '2' && version !== '3')
      return failed('NOPROTO unsupported protocol version');
    for (let index = 2; index < words.length; index += 1) {
      const option = words[index]?.toUpperCase();
      if (option === 'AUTH' && words[index + 2] !== undefined) {
        const answer = enter(session, words[index + 1] ?? '', words[index + 2] ?? '');
        if (answer.type === 'error') return answer;
        index += 2;
      } else if (option === 'SETNAME' && words[index + 1] !== undefined) {
        const refusal = setName(session, words[index + 1] ?? '');
        if (refusal !== null) return refusal;
        index += 1;
      } else return failed(`ERR Syntax error in HELLO option '${String(words[index]).slice(0, 64)}'`);
    }
    if (ports.password !== undefined && !session.isAuthenticated) {
      return failed(
        'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
      );
    }
    if (version !== undefined) session.protocol = version === '3' ? 3 : 2;
    return helloReply(session);
  };
}

/** The subcommands of CLIENT, with the number of their arguments. */
const CLIENT_ARITY: ReadonlyMap<string, number> = new Map([
  ['SETNAME', 1],
  ['SETINFO', 2],
  ['GETNAME', 0],
  ['ID', 0],
]);

function client(session: Session, words: readonly string[]): Reply {
  const [, name, ...args] = words;
  if (name === undefined) return wrongNumber('client');
  const subcommand = name.toUpperCase();
  const arity = CLIENT_ARITY.get(subcommand);
  if (arity === undefined) return failed(`ERR unknown subcommand '${name.slice(0, 64)}'. Try CLIENT HELP.`);
  if (args.length !== arity) return wrongNumber(`client|${name.toLowerCase()}`);
  if (subcommand === 'GETNAME') return session.name === '' ? { type: 'null' } : bulk(session.name);
  if (subcommand === 'ID') return integer(session.id);
  return (subcommand === 'SETNAME' ? setName(session, args[0] ?? '') : null) ?? OK;
}

function ping(session: Session, words: readonly string[]): Reply {
  if (words.length > 2) return wrongNumber('ping');
  // In RESP2 a subscriber tells answers from messages by their form.
  const isSubscribed = session.channels.size + session.patterns.size > 0;
  if (isSubscribed && session.protocol === 2) return bulks(['pong', words[1] ?? '']);
  return words[1] === undefined ? simple('PONG') : bulk(words[1]);
}

function isStranger(answer: PeerAnswer): boolean {
  return answer.type === 'refused' && (answer.reason === 'other-cluster' || answer.reason === 'not-a-member');
}

/** PEER STATUS for anybody; the other PEER messages carry one JSON argument. */
function peer(ports: CommandPorts, refusals: Refusals): Command {
  function status(): Reply {
    const { state, nowMs } = ports.context();
    const told = statusOf(state, nowMs);
    return bulk(encodeMessage({ ...told, refusedMessages: told.refusedMessages + refusals.badMessages }));
  }
  async function put(session: Session, request: PeerRequest): Promise<Reply> {
    const answer = await ports.peerRequest(request);
    if (!isStranger(answer)) session.peer = request.from.pod;
    else if (answer.type === 'refused') refusals.stranger(session, request, answer.reason);
    return bulk(encodeMessage(answer));
  }
  return (session, words) => {
    const kind = words[1]?.toUpperCase();
    if (kind === 'STATUS' && words.length === 2) return status();
    if (kind === undefined || words.length !== 3) return wrongNumber('peer');
    let request: PeerRequest;
    try {
      request = decodeRequest(words[2] ?? '');
    } catch (error) {
      return refusals.message(session, messageOf(error));
    }
    if (request.type !== kind)
      return refusals.message(session, `the message is of type ${request.type}, not ${kind.slice(0, 16)}`);
    const { term } = ports.context().state;
    if (!isPlausibleTerm(request.term, term)) {
      return refusals.message(session, `term ${String(request.term)} is not plausible, here it is ${String(term)}`);
    }
    return put(session, request);
  };
}

function role(ports: CommandPorts, words: readonly string[]): Reply {
  if (words.length > 1) return wrongNumber('role');
  return array([bulk('sentinel'), bulks([ports.context().masterName])]);
}

/** All commands that the sidecar's port understands. */
export function createCommands(ports: CommandPorts): CommandHandler {
  const refusals = new Refusals(ports);
  const enter: LogIn = (session, username, password) => logIn(ports, refusals, session, username, password);
  const table = new Map<string, Command>([
    ['PING', ping],
    ['INFO', () => bulk(infoText(ports.context()))],
    ['ROLE', (_session, words) => role(ports, words)],
    ['HELLO', hello(ports, enter)],
    ['AUTH', auth(enter)],
    ['CLIENT', client],
    ['COMMAND', () => array([])],
    ['SENTINEL', (_session, words) => sentinelCommand(ports.context(), words)],
    ['PEER', peer(ports, refusals)],
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
    if (ports.password !== undefined && !session.isAuthenticated && !BEFORE_AUTH.has(name)) return NO_AUTH;
    const command = table.get(name);
    if (command === undefined) {
      const args = words.slice(1, 4).map((word) => `'${word.slice(0, 32)}'`);
      return failed(
        `ERR unknown command '${String(words[0]).slice(0, 64)}', with args beginning with: ${args.join(' ')}`,
      );
    }
    return command(session, words);
  };
}

import { array, bulk, failed, integer, map, OK, type Reply, type Session } from '@sentinel-micro/runtime';
import { timingSafeEqual } from 'node:crypto';
import { REDIS_VERSION } from './info.ts';
import { WRONG_PASSWORD, type Refusals } from './refusals.ts';
import { setName } from './client-command.ts';

/** What this port is opened with. */
export interface PortLogins {
  /** A user beside `default` that logs in with the same passwords. */
  readonly username: string | undefined;
  /** What peers log in with, and whoever else knows it; undefined when there is no password at all. */
  readonly peerPassword: string | undefined;
  /** What clients log in with; undefined when the port is open to them. */
  readonly clientPassword: string | undefined;
}

const NO_PASSWORD = failed(
  'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
);
const HELLO_WITHOUT_LOGIN = failed(
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
);

function isEqual(a: string, b: string | undefined): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b ?? '')];
  return b !== undefined && left.length === right.length && timingSafeEqual(left, right);
}

/** AUTH and HELLO of one port. */
export class Login {
  readonly #logins: PortLogins;
  readonly #refusals: Refusals;

  constructor(logins: PortLogins, refusals: Refusals) {
    this.#logins = logins;
    this.#refusals = refusals;
  }

  /** May it ask what clients ask? */
  isIn(session: Session): boolean {
    return this.#logins.clientPassword === undefined || session.isAuthenticated;
  }

  /** May it say what only peers say? */
  isPeer(session: Session): boolean {
    return this.#logins.peerPassword === undefined || session.isPeerAuthenticated;
  }

  /** AUTH [username] password. */
  auth(session: Session, [, first = '', second, ...rest]: readonly string[]): Reply {
    if (rest.length > 0) return failed('ERR syntax error');
    return second === undefined ? this.#enter(session, null, first) : this.#enter(session, first, second);
  }

  /** HELLO [2|3 [AUTH user password] [SETNAME name]]. */
  hello(session: Session, words: readonly string[]): Reply {
    const version = words[1];
    if (version !== undefined && !/^-?\d+$/.test(version))
      return failed('ERR Protocol version is not an integer or out of range');
    if (version !== undefined && version !== '2' && version !== '3')
      return failed('NOPROTO unsupported protocol version');
    for (let index = 2; index < words.length; index += 1) {
      const option = words[index]?.toUpperCase();
      if (option === 'AUTH' && words[index + 2] !== undefined) {
        const answer = this.#enter(session, words[index + 1] ?? '', words[index + 2] ?? '');
        if (answer.type === 'error') return answer;
        index += 2;
      } else if (option === 'SETNAME' && words[index + 1] !== undefined) {
        const refusal = setName(session, words[index + 1] ?? '');
        if (refusal !== null) return refusal;
        index += 1;
      } else return failed(`ERR Syntax error in HELLO option '${String(words[index]).slice(0, 64)}'`);
    }
    if (!this.isIn(session)) return HELLO_WITHOUT_LOGIN;
    if (version !== undefined) session.protocol = version === '3' ? 3 : 2;
    return helloReply(session);
  }

  /** @param username null when none was given, which Redis tells from `default` where there is no password */
  #enter(session: Session, username: string | null, password: string): Reply {
    const { username: known, peerPassword, clientPassword } = this.#logins;
    const isUser = username === null || username === 'default' || username === known;
    const isPeer = isUser && isEqual(password, peerPassword);
    if (isPeer || (isUser && isEqual(password, clientPassword))) {
      session.isAuthenticated = true;
      session.isPeerAuthenticated ||= isPeer;
      return OK;
    }
    if (clientPassword !== undefined || !isUser) return this.#refusals.login(session);
    // As Redis does without a password: its default user may be named with any.
    return username === null ? NO_PASSWORD : username === 'default' ? OK : WRONG_PASSWORD;
  }
}

function helloReply(session: Session): Reply {
  return map([
    ['server', bulk('redis')],
    ['version', bulk(REDIS_VERSION)],
    ['proto', integer(session.protocol)],
    ['id', integer(session.id)],
    ['mode', bulk('sentinel')],
    ['modules', array([])],
  ]);
}

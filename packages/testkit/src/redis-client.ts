import { Redis, type RedisOptions } from 'ioredis';
import { TestkitError, messageOf } from './errors.ts';

/** Where a Redis or a sidecar listens, and how to get in. */
export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

export type CommandArgs = readonly [string, ...(string | number)[]];

/** User name and password as ioredis options: present only when there are any. */
export function credentials(target: Pick<RedisTarget, 'username' | 'password'>): {
  username?: string;
  password?: string;
} {
  return {
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
  };
}

/** Whether the server answered with an error (as opposed to not answering). */
export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Whether the server answered with an error, also to the login: somebody is there. */
export function isAnswer(error: unknown): boolean {
  return isReplyError(error) || (error instanceof Error && isReplyError(error.cause));
}

/**
 * Options for a connection that does exactly what it is told, once: no queue, no retry, no reconnect, no resending.
 */
function strictOptions(target: RedisTarget, timeoutMs: number): RedisOptions & { replyMapping: 'legacy' } {
  return {
    host: target.host,
    port: target.port,
    ...credentials(target),
    lazyConnect: true,
    protocol: 2,
    replyMapping: 'legacy',
    retryStrategy: null,
    reconnectOnError: null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    // A Redis that is loading must be reachable too: it answers INFO and says so.
    enableReadyCheck: false,
    enableAutoPipelining: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    // How long a server may take to close its side; a frozen one never does.
    disconnectTimeout: 50,
    keepAlive: 0,
    noDelay: true,
  };
}

/**
 * Sends single commands over one connection, which is made on first use and made anew after a failure.
 */
export class RedisCommander {
  readonly target: RedisTarget;
  readonly #timeoutMs: number;
  #client: Redis | undefined;
  #connecting: Promise<Redis> | undefined;
  #closed = false;

  /** `timeoutMs` bounds connecting and each command. Default 1000. */
  constructor(target: RedisTarget, timeoutMs = 1000) {
    this.target = target;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Sends one command and returns the answer as RESP2 gives it.
   * @throws the server's ReplyError; TestkitError NOT_CONNECTED when there is no answer (refused, closed, timed out).
   */
  async command(...args: CommandArgs): Promise<unknown> {
    const [name, ...rest] = args;
    const client = await this.#connected();
    try {
      return await client.call(name, ...rest);
    } catch (error) {
      if (isReplyError(error)) throw error;
      // Answers would no longer match requests after a time-out: start over with a new connection.
      this.#drop(client);
      throw this.#notConnected(`did not answer ${name}`, error);
    }
  }

  /** `command`, for answers that are text. @throws TestkitError BAD_ANSWER when it is not. */
  async text(...args: CommandArgs): Promise<string> {
    const answer = await this.command(...args);
    if (typeof answer === 'string') return answer;
    throw new TestkitError('BAD_ANSWER', `${args[0]} was answered with ${JSON.stringify(answer)} instead of text`);
  }

  /** Closes the connection for good. */
  close(): void {
    this.#closed = true;
    if (this.#client !== undefined) disconnect(this.#client);
    this.#client = undefined;
  }

  async #connected(): Promise<Redis> {
    if (this.#closed) throw this.#notConnected('was closed here', undefined);
    if (this.#client?.status === 'ready') return this.#client;
    // Two callers may get here at once: the second one joins the first one's attempt.
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connect(): Promise<Redis> {
    const client = new Redis(strictOptions(this.target, this.#timeoutMs));
    let cause: unknown;
    // ioredis reports why a connection failed as an event, and rejects with a generic "Connection is closed".
    client.on('error', (error: unknown) => {
      cause = error;
    });
    try {
      await client.connect();
    } catch (error) {
      disconnect(client);
      throw this.#notConnected('cannot be connected to', cause ?? error);
    }
    if (this.#closed) {
      disconnect(client);
      throw this.#notConnected('was closed here', undefined);
    }
    this.#client = client;
    return client;
  }

  #drop(client: Redis): void {
    disconnect(client);
    if (this.#client === client) this.#client = undefined;
  }

  #notConnected(what: string, cause: unknown): TestkitError {
    const reason = cause === undefined ? '' : `: ${messageOf(cause)}`;
    const { host, port } = this.target;
    return new TestkitError('NOT_CONNECTED', `${host}:${String(port)} ${what}${reason}`, { cause });
  }
}

/** ioredis leaves a timer behind that keeps the process alive when an ended connection is disconnected again. */
function disconnect(client: Redis): void {
  if (client.status !== 'end') client.disconnect();
}

import { Redis } from 'ioredis';
import { AnswerGuard } from './answer-guard.ts';
import { isError, messageOf, OperationError } from './errors.ts';

/** Where a Redis is, and how to log in. The password goes nowhere but into AUTH. */
export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

export interface RedisTimeouts {
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
}

/** One connection to one Redis. It never reconnects, queues or repeats by itself: what was decided is sent now, or not at all. */
export interface RedisConnection {
  readonly isOpen: boolean;
  /** Sends one command. @throws OperationError with code `TIMEOUT`, `CLOSED`, or Redis's own error code such as `LOADING`. */
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
  /** Whatever `send` calls goes out in one write, so that Redis reads it in one go. (ioredis writes one command after the other.) */
  together<Sent>(send: () => Sent): Sent;
  onClose(listener: () => void): void;
  close(): void;
}

/** What the bundles have of ioredis: its methods for single commands are left out of them (scripts/lean-libraries.mjs). */
type Client = Pick<Redis, 'call' | 'connect' | 'disconnect' | 'on' | 'once' | 'status' | 'stream'>;

function isReplyError(error: unknown): boolean {
  return isError(error) && error.name === 'ReplyError';
}

function toOperationError(error: unknown, doing: string): OperationError {
  const message = messageOf(error);
  if (isReplyError(error)) {
    // Without the cause: ioredis keeps the arguments in it, and those of AUTH must not get into any log.
    return new OperationError(message.split(' ', 1)[0] ?? 'ERR', `${doing}: ${message}`);
  }
  if (/timed out|ETIMEDOUT/.test(message)) return new OperationError('TIMEOUT', `${doing}: no answer in time`, error);
  const code = isError(error) && 'code' in error && typeof error.code === 'string' ? error.code : 'CLOSED';
  return new OperationError(code, `${doing}: ${message}`, error);
}

/**
 * Every option of ioredis that matters, explicitly: its defaults (offline queue, resend after reconnect, twenty retries) would
 * carry out an order long after the decision behind it has become stale.
 */
function createClient(target: RedisTarget, timeouts: RedisTimeouts): Client {
  return new Redis({
    host: target.host,
    port: target.port,
    protocol: 2,
    lazyConnect: true,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    retryStrategy: null,
    reconnectOnError: null,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    noDelay: true,
    keepAlive: 10_000,
    // How long to wait for a peer that does not close its side: a frozen one never does.
    disconnectTimeout: 50,
    connectTimeout: timeouts.connectTimeoutMs,
    commandTimeout: timeouts.commandTimeoutMs,
  });
}

function hasEnded(client: Client): boolean {
  return client.status === 'end';
}

/**
 * Logs in by hand: ioredis takes it for a success, with a warning on the console, when a Redis has no password at all. But
 * whoever needs none is not of a set that has one.
 */
async function logIn(client: Client, { username, password }: RedisTarget): Promise<void> {
  if (password === undefined) return;
  // Named, the user `default` of a Redis without a password takes any.
  const user = username === undefined || username === 'default' ? [] : [username];
  try {
    await client.call('AUTH', ...user, password);
  } catch (error) {
    const hasNoPassword = /^ERR .*without any password configured/.test(messageOf(error));
    if (!hasNoPassword) throw error;
    throw new OperationError('NOPASSWORD', 'it has no password, but this set has one');
  }
}

/**
 * Opens one connection and logs in.
 * @throws OperationError with code `ECONNREFUSED`, `TIMEOUT`, `WRONGPASS`, `NOPASSWORD`, ... naming the address.
 */
export async function connectRedis(target: RedisTarget, timeouts: RedisTimeouts): Promise<RedisConnection> {
  const client = createClient(target, timeouts);
  const where = `${target.host}:${String(target.port)}`;
  const guard = new AnswerGuard();
  let lastError: unknown = null;
  client.on('error', (error: unknown) => {
    lastError = guard.refusal ?? error;
  });
  let isOpen = false;
  client.on('end', () => {
    isOpen = false;
  });
  try {
    await client.connect();
    guard.watch(client.stream);
    if (target.password !== undefined) guard.expect();
    await logIn(client, target);
    if (guard.refusal !== null) throw guard.refusal;
    isOpen = true;
  } catch (error) {
    if (!hasEnded(client)) client.disconnect();
    if (error instanceof OperationError) throw new OperationError(error.code, `${where}: ${error.message}`, error);
    throw toOperationError(
      isReplyError(error) ? error : (guard.refusal ?? lastError ?? error),
      `connecting to ${where}`,
    );
  }
  return {
    get isOpen() {
      return isOpen && !hasEnded(client);
    },
    async call(command, ...args) {
      try {
        guard.expect();
        const answer = await client.call(command, ...args);
        // What was refused was made unreadable, and may have ended up in this answer.
        if (guard.refusal !== null) throw guard.refusal;
        return answer;
      } catch (error) {
        throw toOperationError(guard.refusal ?? (isOpen ? error : (lastError ?? error)), `${command} at ${where}`);
      }
    },
    together(send) {
      const { stream } = client;
      stream.cork();
      try {
        return send();
      } finally {
        stream.uncork();
      }
    },
    onClose(listener) {
      client.once('close', listener);
    },
    close() {
      // Disconnecting a client that has ended would leave a timer behind that keeps the process alive.
      if (!hasEnded(client)) client.disconnect();
    },
  };
}

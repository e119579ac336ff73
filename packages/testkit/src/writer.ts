import { randomBytes } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
import { TestkitError, messageOf } from './errors.ts';
import { History, type WriteOutcome, type WriteRecord } from './history.ts';
import { credentials, isReplyError } from './redis-client.ts';
import { nowMs, sleep, withTimeout } from './time.ts';

export interface WriterOptions {
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  readonly masterName: string;
  /** Write to this instance and no other, whatever the sentinels say. Default: to whom they name. */
  readonly onlyTo?: { readonly host: string; readonly port: number };
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Keys are `PREFIX:0`, `PREFIX:1`, ... Default `w`. */
  readonly keyPrefix?: string;
  /** Follow every SET by `WAIT replicas timeoutMs`. Default: no WAIT, so that nothing is ever confirmed. */
  readonly wait?: { readonly replicas: number; readonly timeoutMs: number };
  /** Pause after each write. Default 1 ms; 0 is as fast as answers come. */
  readonly intervalMs?: number;
  /** A write without an answer after this long is unknown, and the connection is replaced. Default 1000. */
  readonly commandTimeoutMs?: number;
  /** For connecting, and for a sentinel's answer. Default 300. */
  readonly connectTimeoutMs?: number;
  /** Between two attempts to find and reach the master. Default 10. */
  readonly retryDelayMs?: number;
  /** Stop after so many. Default one million. */
  readonly maxWrites?: number;
  /** ioredis's own: subscribe to +switch-master at the sentinels and reconnect on it. Default false. */
  readonly failoverDetector?: boolean;
  /** Called with each record as it is added to the history. */
  readonly onRecord?: (record: WriteRecord) => void;
}

/** Error replies after which the connection is given up: somebody else may be the master by now. */
const ASK_AGAIN = /^(READONLY|NOREPLICAS|MASTERDOWN|LOADING)/;

/** Writes unique values one after the other, through ioredis's Sentinel support, and keeps a record of each. */
export class Writer {
  readonly history = new History();
  readonly #options: WriterOptions;
  readonly #redis: Redis;
  readonly #runId = randomBytes(6).toString('hex');
  #stopped = false;
  #finished: Promise<void> = Promise.resolve();
  #lastError: string | undefined;

  /** Starts writing at once; while there is no master, writes are refused. */
  static start(options: WriterOptions): Writer {
    const writer = new Writer(options);
    writer.#finished = writer.#run();
    return writer;
  }

  private constructor(options: WriterOptions) {
    this.#options = options;
    this.#redis = new Redis(redisOptions(options));
    // Being without a master for a while is what this is for; the last reason is kept for messages.
    this.#redis.on('error', (error: unknown) => {
      this.#lastError = messageOf(error);
    });
  }

  /** Why the connection failed last. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /**
   * Waits for a write that starts now or later to be acknowledged.
   * @returns its time, on the clock of `nowMs`.
   * @throws TestkitError TIMEOUT.
   */
  async waitForSuccess(timeoutMs: number): Promise<number> {
    const fromMs = nowMs();
    while (nowMs() - fromMs < timeoutMs) {
      const atMs = this.history.firstSuccessAfter(fromMs);
      if (atMs !== undefined) return atMs;
      await sleep(5);
    }
    const reason = this.history.records.at(-1)?.reason ?? this.#lastError ?? 'no attempt was made';
    throw new TestkitError('TIMEOUT', `no write was acknowledged within ${timeoutMs} ms: ${reason}`);
  }

  /** Stops after the write under way and closes the connection. May be called more than once. */
  async stop(): Promise<History> {
    this.#stopped = true;
    const { commandTimeoutMs = 1000, wait } = this.#options;
    try {
      await withTimeout(this.#finished, commandTimeoutMs + (wait?.timeoutMs ?? 0) + 2000, 'the last write to end');
    } finally {
      this.#redis.disconnect();
    }
    return this.history;
  }

  async #run(): Promise<void> {
    const { maxWrites = 1_000_000, intervalMs = 1 } = this.#options;
    for (let n = 0; n < maxWrites && !this.#stopped; n++) {
      const record = await this.#write(n);
      this.history.add(record);
      this.#options.onRecord?.(record);
      // After a failure a pause, or the loop would fill the history while there is no master.
      if (record.acknowledgedAtMs === undefined) await sleep(Math.max(intervalMs, 2));
      else if (intervalMs > 0) await sleep(intervalMs);
    }
  }

  async #write(n: number): Promise<WriteRecord> {
    const key = `${this.#options.keyPrefix ?? 'w'}:${n}`;
    const value = `${this.#runId}-${n}`;
    const startedAtMs = nowMs();
    let acknowledgedAtMs: number | undefined;
    const record = (outcome: WriteOutcome, reason?: string): WriteRecord => {
      return { key, value, startedAtMs, acknowledgedAtMs, endedAtMs: nowMs(), outcome, reason };
    };
    // ioredis would refuse it as well (no offline queue), but with the same error as for a command lost on the way.
    if (this.#redis.status !== 'ready') return record('refused', 'not connected');
    const { wait } = this.#options;
    // Both commands leave before either is answered, so they are on the same connection: WAIT counts for this SET.
    const set = this.#redis.set(key, value);
    const waited = wait === undefined ? undefined : this.#redis.wait(wait.replicas, wait.timeoutMs);
    // Awaited below, but only when the SET was acknowledged.
    waited?.catch(() => undefined);
    try {
      await set;
      acknowledgedAtMs = nowMs();
    } catch (error) {
      return this.#failed(error, record);
    }
    if (wait === undefined || waited === undefined) return record('acknowledged');
    try {
      const replicas = await waited;
      if (replicas >= wait.replicas) return record('confirmed');
      return record('acknowledged', `WAIT reported ${replicas} replicas`);
    } catch (error) {
      return record('acknowledged', `WAIT failed: ${messageOf(error)}`);
    }
  }

  #failed(error: unknown, record: (outcome: WriteOutcome, reason: string) => WriteRecord): WriteRecord {
    const message = messageOf(error);
    if (isReplyError(error)) return record('refused', message);
    // Said by ioredis when it has not even tried.
    if (message.includes("Stream isn't writeable")) return record('refused', message);
    // The answer may still come, and be taken for that of the next command's client: start over. Does nothing when
    // the connection is being replaced already.
    if (this.#redis.status === 'ready') this.#redis.disconnect(true);
    return record('unknown', message);
  }
}

function redisOptions(options: WriterOptions): RedisOptions & { replyMapping: 'legacy' } {
  const { commandTimeoutMs = 1000, connectTimeoutMs = 300, retryDelayMs = 10, wait } = options;
  const { sentinels, onlyTo } = options;
  const found = { sentinels: sentinels.map(({ host, port }) => ({ host, port })), name: options.masterName } as const;
  return {
    ...(onlyTo === undefined ? { ...found, role: 'master' as const } : { host: onlyTo.host, port: onlyTo.port }),
    ...credentials(options),
    ...(options.username === undefined ? {} : { sentinelUsername: options.username }),
    ...(options.password === undefined ? {} : { sentinelPassword: options.password }),
    sentinelRetryStrategy: () => retryDelayMs,
    sentinelReconnectStrategy: () => retryDelayMs,
    sentinelCommandTimeout: connectTimeoutMs,
    // Pods come back with other addresses: learn them.
    updateSentinels: true,
    failoverDetector: options.failoverDetector ?? false,
    protocol: 2,
    replyMapping: 'legacy',
    retryStrategy: () => retryDelayMs,
    // 1: reconnect (asking the sentinels again), but do not send the refused command a second time.
    reconnectOnError: (error) => (ASK_AGAIN.test(error.message) ? 1 : false),
    // Every write is sent once or not at all: nothing is queued, and nothing is repeated behind the record's back.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: false,
    autoResubscribe: false,
    // In Sentinel mode this is also the check that the instance found is a master.
    enableReadyCheck: true,
    maxLoadingRetryTime: 100,
    disableClientInfo: true,
    connectTimeout: connectTimeoutMs,
    // WAIT may take its own time-out on top.
    commandTimeout: commandTimeoutMs + (wait?.timeoutMs ?? 0),
    // ioredis reconnects only when the old connection is closed, and a frozen server never closes its side: with the
    // default of 2 s every failover away from such a server would be measured 2 s too long.
    disconnectTimeout: 50,
    keepAlive: 0,
    noDelay: true,
  };
}

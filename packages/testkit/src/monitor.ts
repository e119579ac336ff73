import { connect, type Socket } from 'node:net';
import { TestkitError } from './errors.ts';
import type { RedisTarget } from './redis-client.ts';
import { withTimeout } from './time.ts';

/** One command that a Redis has executed, as MONITOR reports it. */
export interface MonitorEntry {
  /** The server's clock, seconds since 1970. */
  readonly atSeconds: number;
  /** `IP:PORT` of the client, or `lua`, or `unix:PATH`. */
  readonly source: string;
  readonly args: readonly string[];
}

/** More than any test needs; what comes after is counted only. */
const MAX_ENTRIES = 200_000;

/**
 * Records what MONITOR shows of one instance.
 *
 * MONITOR leaves out every administrative command, and REPLICAOF, CONFIG and CLIENT KILL are such: to see whether
 * anything was changed, count with `readCommandCounts` instead.
 */
export class MonitorRecorder {
  readonly entries: MonitorEntry[] = [];
  /** Entries that were not kept because there were too many. */
  dropped = 0;
  readonly #socket: Socket;
  #rest = '';
  #onReply: ((line: string) => void) | undefined;

  /**
   * Connects and starts recording.
   * @throws TestkitError NOT_CONNECTED or TIMEOUT when the instance cannot be reached or refuses.
   */
  static async start(target: RedisTarget, timeoutMs = 2000): Promise<MonitorRecorder> {
    const socket = connect({ host: target.host, port: target.port, noDelay: true });
    const recorder = new MonitorRecorder(socket);
    try {
      await withTimeout(recorder.#open(target), timeoutMs, `MONITOR of ${target.host}:${String(target.port)}`);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return recorder;
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      this.#receive(chunk);
    });
  }

  /** Commands of clients other than `exceptSources`, names in capitals. */
  commands(exceptSources: readonly string[] = []): string[] {
    return this.entries
      .filter((entry) => !exceptSources.includes(entry.source))
      .map((entry) => [entry.args[0]?.toUpperCase() ?? '', ...entry.args.slice(1)].join(' '));
  }

  /** Stops recording and closes the connection. */
  stop(): void {
    this.#socket.destroy();
  }

  async #open(target: RedisTarget): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.once('connect', resolve);
      this.#socket.once('error', (error) => {
        reject(
          new TestkitError('NOT_CONNECTED', `${target.host}:${String(target.port)}: ${error.message}`, {
            cause: error,
          }),
        );
      });
    });
    // From here on the end of the connection is simply the end of the recording.
    this.#socket.on('error', () => undefined);
    if (target.password !== undefined) {
      await this.#request(['AUTH', ...(target.username === undefined ? [] : [target.username]), target.password]);
    }
    await this.#request(['MONITOR']);
  }

  async #request(args: readonly string[]): Promise<void> {
    const reply = await new Promise<string>((resolve, reject) => {
      this.#onReply = resolve;
      this.#socket.once('close', () => {
        reject(new TestkitError('NOT_CONNECTED', `closed while waiting for the answer to ${args[0] ?? ''}`));
      });
      const parts = args.map((arg) => `$${String(Buffer.byteLength(arg))}\r\n${arg}\r\n`);
      this.#socket.write(`*${String(args.length)}\r\n${parts.join('')}`);
    });
    if (!reply.startsWith('+')) throw new TestkitError('NOT_CONNECTED', `${args[0] ?? ''} was answered with ${reply}`);
  }

  #receive(chunk: string): void {
    const lines = (this.#rest + chunk).split('\r\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (this.#onReply !== undefined) {
        const onReply = this.#onReply;
        this.#onReply = undefined;
        onReply(line);
      } else {
        this.#record(line);
      }
    }
  }

  #record(line: string): void {
    const entry = parseMonitorLine(line);
    if (entry === undefined) return;
    if (this.entries.length < MAX_ENTRIES) this.entries.push(entry);
    else this.dropped++;
  }
}

/** Reads a line such as `+1700000000.123456 [0 127.0.0.1:1234] "SET" "k" "v"`; undefined when it is none. */
export function parseMonitorLine(line: string): MonitorEntry | undefined {
  const match = /^\+(\d+\.\d+) \[\d+ (\S+)\] (.*)$/.exec(line);
  if (match === null) return undefined;
  const [, at = '', source = '', rest = ''] = match;
  const args = [...rest.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, quoted = '']) => unescapeArg(quoted));
  return { atSeconds: Number(at), source, args };
}

function unescapeArg(quoted: string): string {
  return quoted.replace(/\\(["\\])/g, '$1');
}

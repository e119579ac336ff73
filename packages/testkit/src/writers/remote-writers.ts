import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestkitError } from '../errors.ts';
import { History } from '../history.ts';
import { ManagedProcess, tailOfFile, type ProcessHost } from '../managed-process.ts';
import { nowMs, sleep } from '../time.ts';
import { findRepositoryRoot } from '../tools.ts';
import { parseLine, sharedClockOffsetMs } from './protocol.ts';

export interface RemoteWritersOptions {
  /** How messages call them. */
  readonly name: string;
  /** The host in which they run. Default: this machine itself. */
  readonly inside?: ProcessHost;
  /** Folder for their orders and what they print. */
  readonly dir: string;
  /** What each writer is to do, by name: `WriterOrders`, or what another program understands. */
  readonly orders: Readonly<Record<string, unknown>>;
  /** Default: the writer of the testkit. Gets the file with the orders as its last argument, and prints what that one prints. */
  readonly program?: WriterProgram;
}

export interface WriterProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const CHUNK_BYTES = 256 * 1024;
const STOP_TIMEOUT_MS = 10_000;
const POLL_INTERVAL_MS = 5;

/** Writers that run in a host, as one process of their own: what is cut for that host is cut for them. */
export class RemoteWriters {
  readonly name: string;
  readonly #histories = new Map<string, History>();
  readonly #process: ManagedProcess;
  readonly #file: string;
  readonly #offsetMs = sharedClockOffsetMs();
  #readBytes = 0;
  #rest = '';
  #isComplete = false;

  /** Starts them at once. @throws TestkitError PROCESS_FAILED */
  static start(options: RemoteWritersOptions): RemoteWriters {
    return new RemoteWriters(options);
  }

  private constructor({ name, inside, dir, orders, program = testkitWriter() }: RemoteWritersOptions) {
    this.name = name;
    for (const writer of Object.keys(orders)) this.#histories.set(writer, new History());
    const ordersFile = join(dir, `${name}.json`);
    writeFileSync(ordersFile, JSON.stringify(orders));
    this.#file = join(dir, `${name}.log`);
    this.#process = ManagedProcess.start({
      name: `writers ${name}`,
      ...program,
      args: [...program.args, ordersFile],
      cwd: dir,
      logFile: this.#file,
      inside,
    });
  }

  /** The process; undefined when it has ended. */
  get pid(): number | undefined {
    return this.#process.isAlive() ? this.#process.pid : undefined;
  }

  /** What it printed beside the writes: notes of another program, error messages. */
  notes(): string[] {
    return tailOfFile(this.#file, Infinity).filter((line) => parseLine(line, this.#offsetMs) === undefined);
  }

  /** What each writer has done so far, by name. */
  histories(): ReadonlyMap<string, History> {
    this.#readMore();
    return this.#histories;
  }

  /** The history of one writer so far. @throws TestkitError BAD_USAGE when there is no such writer. */
  history(writer: string): History {
    const history = this.histories().get(writer);
    if (history === undefined) throw new TestkitError('BAD_USAGE', `there is no writer ${writer} in ${this.name}`);
    return history;
  }

  /**
   * Waits until a write of this writer, started now or later, is acknowledged.
   * @returns its time, on the clock of `nowMs`.
   * @throws TestkitError TIMEOUT.
   */
  async waitForSuccess(writer: string, timeoutMs: number): Promise<number> {
    const fromMs = nowMs();
    while (nowMs() - fromMs < timeoutMs) {
      const atMs = this.history(writer).firstSuccessAfter(fromMs);
      if (atMs !== undefined) return atMs;
      await sleep(POLL_INTERVAL_MS);
    }
    const reason = this.history(writer).records.at(-1)?.reason ?? 'no attempt was made';
    throw new TestkitError('TIMEOUT', `${this.name} wrote nothing as ${writer} within ${timeoutMs} ms: ${reason}`);
  }

  /**
   * Lets the writes under way end, and then the process.
   * @throws TestkitError PROCESS_FAILED when it did not print everything: then nothing is known of what it wrote.
   */
  async stop(): Promise<ReadonlyMap<string, History>> {
    await this.#process.stop(STOP_TIMEOUT_MS);
    this.#readMore();
    if (this.#isComplete) return this.#histories;
    const printed = this.#process.logTail(5).join('\n');
    throw new TestkitError('PROCESS_FAILED', `writers ${this.name} ${this.#process.describeExit()}:\n${printed}`);
  }

  #readMore(): void {
    const file = openSync(this.#file, 'r');
    try {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      for (;;) {
        const length = readSync(file, chunk, 0, CHUNK_BYTES, this.#readBytes);
        if (length === 0) return;
        this.#readBytes += length;
        // Keys, values and reasons are ASCII, so no character is cut in two.
        this.#take(chunk.toString('latin1', 0, length));
      }
    } finally {
      closeSync(file);
    }
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const parsed = parseLine(line, this.#offsetMs);
      if (parsed === 'end') this.#isComplete = true;
      else if (parsed !== undefined) this.#histories.get(parsed.writer)?.add(parsed.record);
    }
  }
}

function testkitWriter(): WriterProgram {
  const file = join(findRepositoryRoot(), 'packages', 'testkit', 'dist', 'writer.mjs');
  return { command: process.execPath, args: [file] };
}

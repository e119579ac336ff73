import { connect, type Socket } from 'node:net';
import { withTimeout } from '@sentinel-micro/testkit';
import type { Reply } from '../src/index.ts';

const WAIT_MS = 10_000;

interface Decoded {
  readonly reply: Reply;
  readonly next: number;
}

function decodeMany(text: string, from: number, count: number): { items: Reply[]; next: number } | null {
  const items: Reply[] = [];
  let at = from;
  for (let index = 0; index < count; index++) {
    const item = decodeReply(text, at);
    if (item === null) return null;
    items.push(item.reply);
    at = item.next;
  }
  return { items, next: at };
}

function decodeAggregate(type: string, count: number, text: string, from: number): Decoded | null {
  const many = decodeMany(text, from, type === '%' ? count * 2 : count);
  if (many === null) return null;
  const { items, next } = many;
  if (type === '*') return { reply: { type: 'array', items }, next };
  if (type === '~') return { reply: { type: 'set', items }, next };
  if (type === '>') return { reply: { type: 'push', items }, next };
  const entries = Array.from({ length: count }, (_, index): [string, Reply] => {
    const key = items[index * 2]!;
    if (key.type !== 'bulk') throw new Error(`a key is of type ${key.type}`);
    return [key.text, items[index * 2 + 1]!];
  });
  return { reply: { type: 'map', entries }, next };
}

/** One reply from the beginning of `text` (one character per byte); null when it is not complete. RESP2 and RESP3. */
export function decodeReply(text: string, from = 0): Decoded | null {
  const end = text.indexOf('\r\n', from);
  if (end === -1) return null;
  const [type, line, next] = [text.charAt(from), text.slice(from + 1, end), end + 2];
  switch (type) {
    case '+':
      return { reply: { type: 'simple', text: utf8(line) }, next };
    case '-':
      return { reply: { type: 'error', text: utf8(line) }, next };
    case ':':
      return { reply: { type: 'integer', value: Number(line) }, next };
    case '_':
      return { reply: { type: 'null' }, next };
    case '=':
    case '$': {
      const length = Number(line);
      if (length === -1) return { reply: { type: 'null' }, next };
      if (text.length < next + length + 2) return null;
      const content = utf8(text.slice(next, next + length));
      if (type === '=') return { reply: { type: 'verbatim', text: content.slice(4) }, next: next + length + 2 };
      return { reply: { type: 'bulk', text: content }, next: next + length + 2 };
    }
    case '*':
    case '~':
    case '>':
    case '%':
      if (line === '-1') return { reply: { type: 'null-array' }, next };
      return decodeAggregate(type, Number(line), text, next);
    default:
      throw new Error(`no RESP: ${JSON.stringify(text.slice(from, from + 40))}`);
  }
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** The request as the array of bulk strings that every client sends. */
export function encodeRequest(words: readonly string[]): string {
  const bulks = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${bulks.join('')}`;
}

/** A client that sends what it is told, byte by byte if need be, and shows what came back as it came. */
export class RawClient {
  readonly #socket: Socket;
  #received = '';
  #isClosed = false;
  #wake: () => void = () => undefined;

  /** @param from the address that it comes from; the system's choice when left out */
  static async connect(host: string, port: number, from?: string): Promise<RawClient> {
    const socket = connect(from === undefined ? { host, port } : { host, port, localAddress: from });
    await withTimeout(
      new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject)),
      WAIT_MS,
      'a connection',
    );
    return new RawClient(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#end());
  }

  /** What came and was not taken by `reply` so far. */
  get received(): string {
    return this.#received;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  write(bytes: string | Buffer): this {
    this.#socket.write(bytes);
    return this;
  }

  send(...requests: (readonly string[])[]): this {
    return this.write(requests.map(encodeRequest).join(''));
  }

  /** Writes, and waits until the system has taken it, or the connection is gone. */
  async writeAndWait(bytes: Buffer): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.once('close', resolve).write(bytes, () => resolve());
    });
    this.#socket.removeAllListeners('close').on('close', () => this.#end());
  }

  /** Reads, and throws away, whatever comes from now on. */
  discard(): void {
    this.#socket.removeAllListeners('data').resume();
  }

  /** Stops reading: what is sent from now on stays in the server's hands. */
  stopReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  /** The next reply. @throws when the connection closes, or nothing comes within 10 s. */
  async reply(): Promise<Reply> {
    for (;;) {
      const decoded = decodeReply(this.#received);
      if (decoded !== null) {
        this.#received = this.#received.slice(decoded.next);
        return decoded.reply;
      }
      if (this.#isClosed) throw new Error(`closed after ${JSON.stringify(this.#received)}`);
      await this.#next('a reply');
    }
  }

  async replies(count: number): Promise<Reply[]> {
    const all: Reply[] = [];
    while (all.length < count) all.push(await this.reply());
    return all;
  }

  /** Sends one request and takes one reply. */
  async ask(...words: string[]): Promise<Reply> {
    return await this.send(words).reply();
  }

  async closed(): Promise<void> {
    while (!this.#isClosed) await this.#next('the connection to close');
  }

  close(): void {
    this.#socket.destroy();
  }

  #end(): void {
    this.#isClosed = true;
    this.#wake();
  }

  async #next(what: string): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await withTimeout(woken, WAIT_MS, what);
  }
}

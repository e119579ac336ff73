import { connect, type Socket } from 'node:net';

export type Reply = string | number | null | readonly Reply[] | RedisError | typeof CLOSED;

/** Instead of an answer: the server ended the connection. */
export const CLOSED = Symbol('closed');

/** An error as Redis answers it. */
export class RedisError {
  readonly code: string;

  constructor(line: string) {
    this.code = line.split(' ', 1)[0] ?? '';
  }
}

const CONNECT_MS = 2000;

function decodeOne(text: string, from: number): { reply: Reply; next: number } | null {
  const end = text.indexOf('\r\n', from);
  if (end === -1) return null;
  const line = text.slice(from + 1, end);
  const next = end + 2;
  switch (text.charAt(from)) {
    case '+':
      return { reply: line, next };
    case '-':
      return { reply: new RedisError(line), next };
    case ':':
      return { reply: Number(line), next };
    case '$': {
      const length = Number(line);
      if (length === -1) return { reply: null, next };
      if (text.length < next + length + 2) return null;
      return { reply: text.slice(next, next + length), next: next + length + 2 };
    }
    case '*': {
      const items: Reply[] = [];
      let at = next;
      for (let index = 0; index < Number(line); index += 1) {
        const item = decodeOne(text, at);
        if (item === null) return null;
        items.push(item.reply);
        at = item.next;
      }
      return { reply: items, next: at };
    }
    default:
      throw new Error(`not an answer of Redis: ${text.slice(from, from + 40)}`);
  }
}

/** One connection that shows when it is ended by the server, and never comes back by itself. */
export class RawClient {
  isOpen = true;
  readonly #socket: Socket;
  #text = '';
  readonly #waiting: ((reply: Reply) => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1').setNoDelay(true);
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isOpen = false;
      for (const done of this.#waiting.splice(0)) done(CLOSED);
    });
  }

  /** @returns null when nobody accepts. */
  static connect(host: string, port: number): Promise<RawClient | null> {
    return new Promise((resolve) => {
      const socket = connect({ host, port });
      const timer = setTimeout(() => socket.destroy(), CONNECT_MS);
      const fail = (): void => {
        clearTimeout(timer);
        resolve(null);
      };
      socket.once('close', fail);
      socket.once('error', fail);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeAllListeners();
        resolve(new RawClient(socket));
      });
    });
  }

  /** Sends a command. Resolves with its answer, or with CLOSED; not at all as long as there is neither. */
  call(...args: readonly (string | number)[]): Promise<Reply> {
    if (!this.isOpen) return Promise.resolve(CLOSED);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      const words = args.map(String).map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      this.#socket.write(`*${words.length}\r\n${words.join('')}`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#text += text;
    for (let one = decodeOne(this.#text, 0); one !== null; one = decodeOne(this.#text, 0)) {
      this.#text = this.#text.slice(one.next);
      this.#waiting.shift()?.(one.reply);
    }
  }
}

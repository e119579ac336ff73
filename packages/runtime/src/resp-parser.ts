/** Bounds of one request. */
export const MAX_ARGUMENTS = 64;
export const MAX_ARGUMENT_BYTES = 64 * 1024;
export const MAX_INLINE_BYTES = 4 * 1024;
const MAX_REQUEST_BYTES = 256 * 1024;

/** The peer does not speak RESP, or exceeds a bound; the connection is to be closed after saying so. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

const CR = 0x0d;
const LF = 0x0a;
const ASTERISK = 0x2a;

interface Line {
  readonly text: string;
  readonly next: number;
}

function lineAt(buffer: Buffer, from: number, maxBytes: number, what: string): Line | null {
  const end = buffer.indexOf(LF, from);
  if (end === -1) {
    if (buffer.length - from > maxBytes) throw new ProtocolError(`too big ${what}`);
    return null;
  }
  if (end - from > maxBytes) throw new ProtocolError(`too big ${what}`);
  const stop = end > from && buffer[end - 1] === CR ? end - 1 : end;
  return { text: buffer.toString('utf8', from, stop), next: end + 1 };
}

function countIn(text: string, max: number, what: string): number {
  const value = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value) || value > max) throw new ProtocolError(`invalid ${what} length`);
  return value;
}

interface Parsed {
  readonly words: string[];
  readonly next: number;
}

function parseArray(buffer: Buffer, from: number): Parsed | null {
  const head = lineAt(buffer, from + 1, 32, 'mbulk count string');
  if (head === null) return null;
  const count = head.text.startsWith('-') ? 0 : countIn(head.text, MAX_ARGUMENTS, 'multibulk');
  const words: string[] = [];
  let at = head.next;
  for (let index = 0; index < count; index += 1) {
    const size = lineAt(buffer, at, 32, 'bulk count string');
    if (size === null) return null;
    if (!size.text.startsWith('$')) throw new ProtocolError(`expected '$', got '${size.text.slice(0, 1)}'`);
    const length = countIn(size.text.slice(1), MAX_ARGUMENT_BYTES, 'bulk');
    at = size.next + length + 2;
    if (at - from > MAX_REQUEST_BYTES) throw new ProtocolError('too big request');
    if (buffer.length < at) return null;
    words.push(buffer.toString('utf8', size.next, size.next + length));
  }
  return { words, next: at };
}

function parseInline(buffer: Buffer, from: number): Parsed | null {
  const line = lineAt(buffer, from, MAX_INLINE_BYTES, 'inline request');
  return line === null ? null : { words: line.text.split(/\s+/).filter((word) => word !== ''), next: line.next };
}

/** Reads requests (arrays of bulk strings, or inline words) from a stream of bytes, within bounds. */
export class RequestParser {
  #buffer: Buffer = Buffer.alloc(0);

  /**
   * Takes in more bytes, and gives the requests that are complete now, each as its words; empty requests are left out.
   * Lazily, so that what came before a mistake is answered, however the bytes were cut.
   * @throws ProtocolError when the bytes are not RESP or exceed a bound; nothing more is to be read then.
   */
  *push(chunk: Buffer): Generator<string[], void> {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    while (this.#buffer.length > 0) {
      const parsed = this.#buffer[0] === ASTERISK ? parseArray(this.#buffer, 0) : parseInline(this.#buffer, 0);
      if (parsed === null) return;
      this.#buffer = this.#buffer.subarray(parsed.next);
      if (parsed.words.length > 0) yield parsed.words;
    }
  }
}

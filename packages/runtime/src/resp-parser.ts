/** Bounds of one request. The longest that is needed is a renewal with 63 members, about 50 KiB in one argument. */
export const MAX_ARGUMENTS = 64;
export const MAX_ARGUMENT_BYTES = 64 * 1024;
export const MAX_INLINE_BYTES = 4 * 1024;
export const MAX_REQUEST_BYTES = 128 * 1024;
/** Bounds of one request as long as its sender has not logged in: those of Redis (networking.c). */
export const MAX_STRANGER_ARGUMENTS = 10;
export const MAX_STRANGER_ARGUMENT_BYTES = 16 * 1024;
/** `*64` and `$65536` are shorter; Redis allows 64 KiB of digits. */
const MAX_COUNT_BYTES = 32;

/** The peer does not speak RESP, or exceeds a bound; the connection is to be closed after saying so. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

const CR = 0x0d;
const LF = 0x0a;
const ASTERISK = 0x2a;

/** A whole number as Redis reads it (string2ll in util.c): no plus sign, no leading zeros, no blanks. */
function numberIn(text: string): number {
  return /^(?:0|-?[1-9]\d{0,14})$/.test(text) ? Number(text) : Number.NaN;
}

/** An array of words that is being read. */
interface Unfinished {
  readonly words: string[];
  readonly count: number;
  /** Length of the next word, when it has been told. */
  length: number | null;
  /** Of the whole request, as far as it has been told. */
  bytes: number;
}

/**
 * Reads requests (arrays of bulk strings, or inline words) from a stream of bytes, within bounds. What has been read is not
 * read again when more bytes come, so a request costs the same in however many pieces it arrives.
 */
export class RequestParser {
  /** False until the other side has logged in: then the bounds are narrow. */
  isTrusted = true;
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  /** The buffer is our own and may be written to; otherwise it is a chunk that somebody else gave. */
  #isOwn = true;
  #unfinished: Unfinished | null = null;

  /** Bytes that are kept here. */
  get bufferedBytes(): number {
    const words = this.#unfinished === null ? 0 : this.#unfinished.bytes - (this.#unfinished.length ?? 0);
    return (this.#isOwn ? this.#buffer.length : this.#end - this.#start) + words;
  }

  /** A request has begun, or there are bytes that were not read yet. */
  get hasBegun(): boolean {
    return this.#end > this.#start || this.#unfinished !== null;
  }

  /** Takes in more bytes; `next` gives what is in them. */
  feed(chunk: Buffer): void {
    if (this.#end === this.#start) {
      [this.#buffer, this.#start, this.#end, this.#isOwn] = [chunk, 0, chunk.length, false];
      return;
    }
    this.#makeRoom(chunk.length);
    chunk.copy(this.#buffer, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The next request as its words, none for an empty one; null when there is no complete one.
   * @throws ProtocolError when the bytes are not RESP or exceed a bound; nothing more is to be read then.
   */
  next(): string[] | null {
    const words = this.#unfinished === null ? this.#begin() : this.#continue(this.#unfinished);
    if (words === null) this.#keepRest();
    return words;
  }

  #begin(): string[] | null {
    if (this.#end === this.#start) return null;
    if (this.#buffer[this.#start] !== ASTERISK) {
      const line = this.#line(MAX_INLINE_BYTES, 'inline request');
      return line === null ? null : line.split(/\s+/).filter((word) => word !== '');
    }
    const line = this.#line(MAX_COUNT_BYTES, 'mbulk count string');
    if (line === null) return null;
    const count = numberIn(line.slice(1));
    if (Number.isNaN(count) || count > MAX_ARGUMENTS) throw new ProtocolError('invalid multibulk length');
    if (!this.isTrusted && count > MAX_STRANGER_ARGUMENTS) throw new ProtocolError('unauthenticated multibulk length');
    if (count <= 0) return [];
    this.#unfinished = { words: [], count, length: null, bytes: line.length + 2 };
    return this.#continue(this.#unfinished);
  }

  #continue(request: Unfinished): string[] | null {
    while (request.words.length < request.count) {
      request.length ??= this.#lengthOfWord(request);
      if (request.length === null || this.#end - this.#start < request.length + 2) return null;
      request.words.push(this.#buffer.toString('utf8', this.#start, this.#start + request.length));
      // As in Redis, what ends a word is not looked at.
      this.#start += request.length + 2;
      request.length = null;
    }
    this.#unfinished = null;
    return request.words;
  }

  #lengthOfWord(request: Unfinished): number | null {
    const line = this.#line(MAX_COUNT_BYTES, 'bulk count string');
    if (line === null) return null;
    if (!line.startsWith('$')) throw new ProtocolError(`expected '$', got '${line.slice(0, 1)}'`);
    const length = numberIn(line.slice(1));
    if (!(length >= 0 && length <= MAX_ARGUMENT_BYTES)) throw new ProtocolError('invalid bulk length');
    if (!this.isTrusted && length > MAX_STRANGER_ARGUMENT_BYTES) throw new ProtocolError('unauthenticated bulk length');
    request.bytes += line.length + length + 4;
    if (request.bytes > MAX_REQUEST_BYTES) throw new ProtocolError('too big request');
    return length;
  }

  /** Takes one line out, without its end; null when it is not complete. */
  #line(maxBytes: number, what: string): string | null {
    const found = this.#buffer.subarray(this.#start, this.#end).indexOf(LF);
    if ((found === -1 ? this.#end - this.#start : found) > maxBytes) throw new ProtocolError(`too big ${what}`);
    if (found === -1) return null;
    const end = this.#start + found;
    const stop = found > 0 && this.#buffer[end - 1] === CR ? end - 1 : end;
    const line = this.#buffer.toString('utf8', this.#start, stop);
    this.#start = end + 1;
    return line;
  }

  /** What is left of a chunk must not keep the whole of it in memory. */
  #keepRest(): void {
    if (this.#end === this.#start) [this.#buffer, this.#start, this.#end, this.#isOwn] = [Buffer.alloc(0), 0, 0, true];
    else if (!this.#isOwn) this.#makeRoom(0);
  }

  /** Doubles, so that a request in pieces of one byte is not copied for each of them. */
  #makeRoom(bytes: number): void {
    const length = this.#end - this.#start;
    const isRoomy = this.#isOwn && this.#end + bytes <= this.#buffer.length;
    if (isRoomy) return;
    const mustGrow = !this.#isOwn || length + bytes > this.#buffer.length / 2;
    const target = mustGrow ? Buffer.allocUnsafeSlow(bytes === 0 ? length : 2 * (length + bytes)) : this.#buffer;
    this.#buffer.copy(target, 0, this.#start, this.#end);
    [this.#buffer, this.#start, this.#end, this.#isOwn] = [target, 0, length, true];
  }
}

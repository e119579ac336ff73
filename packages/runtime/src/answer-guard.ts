import type { Socket } from 'node:net';
import { OperationError } from './errors.ts';

/**
 * What one answer may take. The longest that is asked for is PEER STATUS of 63 pods, some 60 KiB; INFO with its Keyspace of
 * 16 databases has some 6 KiB. Of ten thousand databases it would have half of this.
 */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** CONFIG GET of one parameter is an array of two; nothing else that is asked for is an array at all. */
const MAX_ITEMS = 128;
const MAX_ARRAYS = 16;
const MAX_LENGTH_DIGITS = 10;

const CR = 0x0d;
const LF = 0x0a;

/**
 * Reads along what the other side sends, ahead of the client library, which has no bounds of its own: an endless answer would
 * grow in memory until it is whole, and the twelve bytes that announce a long array make it reserve room for all of it.
 */
export class AnswerGuard {
  #bytes = 0;
  #arrays = 0;
  /** Type of the line that is being read; null at the start of one. */
  #type: string | null = null;
  /** The line so far, where it is a length. */
  #length = '';
  /** Bytes of a bulk string, and its end, that are still to come. */
  #skip = 0;

  /** An answer has been taken: from here on it counts anew. */
  settle(): void {
    this.#bytes = 0;
    this.#arrays = 0;
  }

  /** @param onRefused called once, before the client library has seen what is refused */
  watch(socket: Socket, onRefused: (why: OperationError) => void): void {
    let isRefused = false;
    // In front of the library's own listener; what it must not see is made unreadable, for listeners can not be skipped.
    socket.prependListener('data', (chunk: Buffer) => {
      const why = isRefused ? null : this.#look(chunk);
      if (why !== null) {
        isRefused = true;
        onRefused(why);
      }
      if (isRefused) chunk.fill(0);
    });
  }

  #look(chunk: Buffer): OperationError | null {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_ANSWER_BYTES) {
      return new OperationError('EMSGSIZE', `its answer is longer than ${String(MAX_ANSWER_BYTES)} bytes`);
    }
    let at = 0;
    while (at < chunk.length) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at);
        this.#skip -= skipped;
        at += skipped;
        continue;
      }
      const why = this.#take(chunk[at] ?? 0);
      if (why !== null) return why;
      at += 1;
    }
    return null;
  }

  #take(byte: number): OperationError | null {
    if (this.#type === null) {
      this.#type = String.fromCharCode(byte);
      this.#length = '';
      if (!'+-:$*'.includes(this.#type)) return new OperationError('EPROTO', 'it does not speak RESP');
      return null;
    }
    if (byte === LF) return this.#endLine();
    if ((this.#type === '$' || this.#type === '*') && byte !== CR) {
      this.#length += String.fromCharCode(byte);
      if (this.#length.length > MAX_LENGTH_DIGITS) return new OperationError('EPROTO', 'it announces no length');
    }
    return null;
  }

  #endLine(): OperationError | null {
    const type = this.#type;
    this.#type = null;
    if (type !== '$' && type !== '*') return null;
    const length = Number(this.#length);
    if (this.#length === '' || !Number.isInteger(length)) return new OperationError('EPROTO', 'it announces no length');
    if (length < 0) return null;
    if (type === '$') {
      this.#skip = length + 2;
      return length <= MAX_ANSWER_BYTES
        ? null
        : new OperationError('EMSGSIZE', `its answer is to have ${String(length)} bytes`);
    }
    this.#arrays += 1;
    const isTooMuch = length > MAX_ITEMS || this.#arrays > MAX_ARRAYS;
    return isTooMuch ? new OperationError('EMSGSIZE', `its answer is to have ${String(length)} items`) : null;
  }
}

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
  /** Of the answer that is being read. */
  #bytes = 0;
  #arrays = 0;
  /** Items of it that are still to come; 0 between two answers. */
  #items = 0;
  /** Questions whose answers are to come, also those that nobody waits for any more. */
  #questions = 0;
  /** Type of the line that is being read; null at the start of one. */
  #type: string | null = null;
  /** The line so far, where it is a length. */
  #length = '';
  /** Bytes of a bulk string, and its end, that are still to come. */
  #skip = 0;

  #refusal: OperationError | null = null;

  /** Why what came was refused; null as long as all is well. */
  get refusal(): OperationError | null {
    return this.#refusal;
  }

  /** A question is about to be sent. */
  expect(): void {
    this.#questions += 1;
  }

  /** Reads along from now on, and closes the connection when something is refused. */
  watch(socket: Socket): void {
    // In front of the library's own listener; what it must not see is made unreadable, for listeners can not be skipped.
    socket.prependListener('data', (chunk: Buffer) => {
      this.#refusal ??= this.#look(chunk);
      if (this.#refusal === null) return;
      chunk.fill(0);
      socket.destroy();
    });
  }

  #look(chunk: Buffer): OperationError | null {
    let at = 0;
    while (at < chunk.length) {
      const before = at;
      let why: OperationError | null = null;
      if (this.#skip > 0) {
        at += Math.min(this.#skip, chunk.length - at);
        this.#skip -= at - before;
        if (this.#skip === 0) this.#endItem();
      } else {
        why = this.#take(chunk[at] ?? 0);
        at += 1;
      }
      this.#bytes += at - before;
      if (why !== null) return why;
      if (this.#bytes > MAX_ANSWER_BYTES) return tooLong(`its answer is longer than ${String(MAX_ANSWER_BYTES)} bytes`);
    }
    return null;
  }

  #take(byte: number): OperationError | null {
    if (this.#type === null) return this.#begin(String.fromCharCode(byte));
    if (byte === LF) return this.#endLine(this.#type);
    if ((this.#type === '$' || this.#type === '*') && byte !== CR) {
      this.#length += String.fromCharCode(byte);
      if (this.#length.length > MAX_LENGTH_DIGITS) return noResp('it announces no length');
    }
    return null;
  }

  #begin(type: string): OperationError | null {
    if (!'+-:$*'.includes(type)) return noResp('it does not speak RESP');
    if (this.#items === 0) {
      // To make an error of each costs the library so much that a flood of them would stop this process.
      if (this.#questions === 0) return noResp('it answers what nobody has asked');
      this.#questions -= 1;
      [this.#items, this.#bytes, this.#arrays] = [1, 0, 0];
    }
    this.#type = type;
    this.#length = '';
    return null;
  }

  #endLine(type: string): OperationError | null {
    this.#type = null;
    if (type !== '$' && type !== '*') {
      this.#endItem();
      return null;
    }
    const length = Number(this.#length);
    if (this.#length === '' || !Number.isInteger(length)) return noResp('it announces no length');
    if (length < 0) this.#endItem();
    else if (type === '$') {
      this.#skip = length + 2;
      if (length > MAX_ANSWER_BYTES) return tooLong(`its answer is to have ${String(length)} bytes`);
    } else {
      this.#arrays += 1;
      this.#items += length - 1;
      if (length > MAX_ITEMS || this.#arrays > MAX_ARRAYS) {
        return tooLong(`its answer is to have ${String(length)} items`);
      }
    }
    return null;
  }

  #endItem(): void {
    this.#items -= 1;
  }
}

function noResp(text: string): OperationError {
  return new OperationError('EPROTO', text);
}

function tooLong(text: string): OperationError {
  return new OperationError('EMSGSIZE', text);
}

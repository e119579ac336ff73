import type { Socket } from 'node:net';
import { messageOf } from './errors.ts';
import { canonicalIp } from './ip.ts';
import type { PortLimits } from './resp-limits.ts';
import { ProtocolError, RequestParser } from './resp-parser.ts';
import { encodeReply, failed, type ProtocolVersion, type Reply } from './resp-reply.ts';
import type { Turns, Worker } from './resp-turns.ts';

/** One client's connection, as commands see it. */
export interface Session {
  readonly id: number;
  /** Where it comes from. */
  readonly address: string;
  /** `ip:port` of both ends, as in CLIENT LIST. */
  readonly ends: { readonly remote: string; readonly local: string };
  readonly ageMs: number;
  /** Milliseconds since it has asked something, or come. */
  readonly idleMs: number;
  /** What it asked last, such as `client|list`. */
  lastCommand: string;
  protocol: ProtocolVersion;
  isAuthenticated: boolean;
  /** It has logged in as only a peer can, where there is something to log in with. */
  isPeerAuthenticated: boolean;
  /** Which answers it wants: all, none, all but the next one (as asked for just now), all but this one. */
  answers: 'on' | 'off' | 'skip-next' | 'skip';
  /** Name of the pod that it has shown to be by a message that only peers send; null for everybody else. */
  peer: string | null;
  name: string;
  readonly channels: Set<string>;
  readonly patterns: Set<string>;
  /** Sends something that is no answer to a request; it keeps its place among the answers. */
  push(reply: Reply): void;
  /** Handles nothing more, and closes the connection after the answers to what was asked so far. */
  end(): void;
}

export type CommandHandler = (session: Session, words: readonly string[]) => Reply | Promise<Reply>;

/** Why a connection was closed by this side, for the log. */
export type Closing =
  'protocol-error' | 'too-many' | 'too-much' | 'unread' | 'no-request' | 'half-request' | 'no-reader';

export interface ConnectionPorts {
  readonly handle: CommandHandler;
  readonly limits: PortLimits;
  readonly turns: Turns;
  /** What is said before logging in is bounded more narrowly. */
  readonly needsLogin: boolean;
  readonly isPeerAddress: (address: string) => boolean;
  /** What this connection keeps in memory has changed by so many bytes. */
  readonly onBuffered: (bytes: number) => void;
  readonly onClosing: (connection: Connection, why: Closing, detail: string) => void;
  readonly onGone: (connection: Connection) => void;
}

/** Written in one go; more is encoded only when this is on its way. */
const MAX_BATCH = 64 * 1024;
/** Where a connection came from that had ended before it was accepted. */
const GONE = 'nowhere';
/** Answers that can not be sent are not waited for any longer once the connection is to end. */
const ENDING_MS = 5000;

/** As Redis writes it: an IPv6 address in brackets. */
function endOf(address: string, port: number | undefined): string {
  return `${address.includes(':') ? `[${address}]` : address}:${String(port ?? 0)}`;
}

/** The place of something that is sent; its text is null until it is known. */
interface Slot {
  text: string | null;
}

/**
 * One connection: takes requests in, has them handled in order, and sends the answers in order. Reads no more than it can
 * handle: whoever sends faster, or does not read, is made to wait by TCP itself.
 */
export class Connection implements Session, Worker {
  readonly id: number;
  readonly address: string;
  readonly channels = new Set<string>();
  readonly patterns = new Set<string>();
  protocol: ProtocolVersion = 2;
  isAuthenticated = false;
  isPeerAuthenticated = false;
  answers: Session['answers'] = 'on';
  lastCommand = '';
  readonly ends: Session['ends'];
  peer: string | null = null;
  name = '';
  readonly #socket: Socket;
  readonly #ports: ConnectionPorts;
  readonly #parser = new RequestParser();
  readonly #slots: Slot[] = [];
  #batch = '';
  #isWorking = false;
  #isEnding = false;
  #hasSpoken = false;
  #accountedBytes = 0;
  #unflushed = 0;
  readonly #bornAtMs = performance.now();
  #lastActiveMs = performance.now();
  /** How long something has been awaited, in milliseconds of sweeps: a process that was paused has not waited. */
  readonly #waited = { handshake: 0, request: 0, reader: 0, end: 0 };

  constructor(id: number, socket: Socket, ports: ConnectionPorts) {
    this.id = id;
    this.#socket = socket;
    this.#ports = ports;
    this.address = canonicalIp(socket.remoteAddress ?? GONE);
    this.ends = {
      remote: endOf(this.address, socket.remotePort),
      local: endOf(canonicalIp(socket.localAddress ?? GONE), socket.localPort),
    };
    this.#parser.isTrusted = !ports.needsLogin;
    socket.setNoDelay(true);
    // Not 'data': what is not asked for by `read` stays with the kernel, and so with the sender, but for one chunk.
    socket.on('readable', () => this.#wake());
    socket.on('drain', () => this.#wake());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.destroy());
  }

  get isUrgent(): boolean {
    return this.peer !== null || this.#ports.isPeerAddress(this.address);
  }

  get isSubscribed(): boolean {
    return this.channels.size + this.patterns.size > 0;
  }

  get idleMs(): number {
    return performance.now() - this.#lastActiveMs;
  }

  get ageMs(): number {
    return performance.now() - this.#bornAtMs;
  }

  get bufferedBytes(): number {
    return this.#accountedBytes;
  }

  push(reply: Reply): void {
    if (this.#isEnding) return;
    this.#send(reply);
    // Of pub/sub there is no end, and nothing that could be made to wait.
    if (this.#unreadBytes() > this.#ports.limits.unreadBytes)
      this.close('unread', `${String(this.#unreadBytes())} bytes`);
  }

  end(): void {
    this.#isEnding = true;
    if (!this.#isWorking) this.#flush();
  }

  /** Closes it for a reason that is worth a line in the log. */
  close(why: Closing, detail: string): void {
    if (this.#socket.destroyed) return;
    this.#ports.onClosing(this, why, detail);
    this.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#isEnding = true;
    this.#batch = '';
    this.#slots.length = 0;
    this.#account();
    this.#ports.turns.remove(this);
    this.#ports.onGone(this);
  }

  work(endMs: number): boolean {
    if (this.#isEnding) return false;
    this.#isWorking = true;
    this.#lastActiveMs = performance.now();
    try {
      return this.#handleSome(endMs);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#ports.onClosing(this, 'protocol-error', error.message);
      this.#send(failed(`ERR Protocol error: ${error.message}`));
      this.#isEnding = true;
      return false;
    } finally {
      this.#isWorking = false;
      this.#flush();
      this.#account();
    }
  }

  /** Looks at what is awaited; called every `everyMs`. */
  sweep(everyMs: number): void {
    const { limits, needsLogin } = this.#ports;
    const waited = this.#waited;
    const isStranger = !this.#hasSpoken || (needsLogin && !this.isAuthenticated);
    waited.handshake = isStranger ? waited.handshake + everyMs : 0;
    if (!this.#parser.hasBegun) waited.request = 0;
    else if (this.#socket.readableLength === 0 && this.#mayHandle()) waited.request += everyMs;
    waited.reader = this.#unflushed > 0 ? waited.reader + everyMs : 0;
    waited.end = this.#isEnding ? waited.end + everyMs : 0;
    if (waited.handshake >= limits.handshakeMs) this.close('no-request', `within ${String(limits.handshakeMs)} ms`);
    else if (waited.request >= limits.requestMs) this.close('half-request', `for ${String(limits.requestMs)} ms`);
    else if (waited.reader >= limits.stallMs) this.close('no-reader', `for ${String(limits.stallMs)} ms`);
    else if (waited.end >= ENDING_MS) this.destroy();
  }

  /** Something may be done now: bytes have come, the socket has drained, or an answer is there. */
  #wake(): void {
    this.#account();
    // What still comes is of no interest; but were it left unread, the system would throw away our last answer too.
    if (this.#isEnding) this.#socket.read();
    else if (this.#mayHandle()) this.#ports.turns.add(this);
  }

  #mayHandle(): boolean {
    const { writableNeedDrain } = this.#socket;
    return !writableNeedDrain && this.#batch.length < MAX_BATCH && this.#slots.length < this.#ports.limits.waiting;
  }

  #handleSome(endMs: number): boolean {
    for (let count = 0; count < this.#ports.limits.requestsInTurn; count += 1) {
      // Otherwise it comes back when the socket has drained, or an answer is there.
      if (!this.#mayHandle()) return this.#batch.length >= MAX_BATCH;
      const words = this.#nextRequest();
      if (words === null) return false;
      this.#waited.request = 0;
      if (words.length > 0) this.#handle(words);
      if (this.#isEnding) return false;
      if (performance.now() >= endMs) break;
    }
    return true;
  }

  #nextRequest(): string[] | null {
    for (;;) {
      const words = this.#parser.next();
      if (words !== null) return words;
      const chunk = this.#socket.read() as Buffer | null;
      if (chunk === null) return null;
      this.#parser.feed(chunk);
    }
  }

  /** The command is handled at once; only its answer waits for those before it, as RESP wants. */
  #handle(words: readonly string[]): void {
    this.#hasSpoken = true;
    let reply: Reply | Promise<Reply>;
    try {
      reply = this.#ports.handle(this, words);
    } catch (error) {
      reply = failed(`ERR ${messageOf(error)}`);
    }
    if (this.#wantsAnswer()) this.#send(reply);
    else if ('then' in reply) reply.catch(() => undefined);
    this.#parser.isTrusted = !this.#ports.needsLogin || this.isAuthenticated;
  }

  #wantsAnswer(): boolean {
    const { answers } = this;
    if (answers === 'skip-next') this.answers = 'skip';
    else if (answers === 'skip') this.answers = 'on';
    return answers === 'on';
  }

  /** Everything that is sent keeps its place: behind the answers to what was asked before. */
  #send(reply: Reply | Promise<Reply>): void {
    if (this.#socket.destroyed) return;
    const { protocol } = this;
    if (!('then' in reply)) {
      const text = encodeReply(reply, protocol);
      if (this.#slots.length > 0) this.#slots.push({ text });
      else this.#batch += text;
      if (!this.#isWorking) this.#flush();
      return;
    }
    const slot: Slot = { text: null };
    this.#slots.push(slot);
    const fill = (settled: Reply): void => {
      slot.text = encodeReply(settled, protocol);
      this.#flush();
      this.#wake();
    };
    reply.then(fill, (error: unknown) => fill(failed(`ERR ${messageOf(error)}`)));
  }

  /** Sends what is ready; when the connection is to end, and nothing is awaited any more, ends it. */
  #flush(): void {
    let ready = 0;
    for (const { text } of this.#slots) {
      if (text === null) break;
      this.#batch += text;
      ready += 1;
    }
    this.#slots.splice(0, ready);
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    if (this.#batch !== '') {
      this.#unflushed += 1;
      this.#socket.write(this.#batch, () => {
        this.#unflushed -= 1;
        this.#waited.reader = 0;
      });
      this.#batch = '';
    }
    if (this.#isEnding && this.#slots.length === 0) this.#socket.destroySoon();
  }

  #unreadBytes(): number {
    const waiting = this.#slots.reduce((sum, { text }) => sum + (text?.length ?? 0), 0);
    return this.#socket.writableLength + this.#batch.length + waiting;
  }

  #account(): void {
    const isGone = this.#socket.destroyed;
    const bytes = isGone ? 0 : this.#parser.bufferedBytes + this.#socket.readableLength + this.#unreadBytes();
    const change = bytes - this.#accountedBytes;
    this.#accountedBytes = bytes;
    if (change !== 0) this.#ports.onBuffered(change);
  }
}

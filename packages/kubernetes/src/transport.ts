// Types only: on Node 24 the import of node:http takes 11 MB, because its names include those of WebSockets.
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { types } from 'node:util';
import type { Access } from './access.ts';
import type { KubeError } from './api.ts';
import { closed, noAnswer, refused, type Asked } from './failure.ts';

/** In characters. No object is larger: etcd takes 1.5 MiB. */
export const MOST_ANSWER_LENGTH = 2 * 1024 * 1024;
/** Shorter than a server's own patience, so that no request is sent into a connection that is just being closed. */
const IDLE_MS = 30_000;
/** Connections at the same time, watches included; further calls wait, within their time-out. */
const MOST_CONNECTIONS = 8;
/** A connection without traffic is asked after so long whether it is still there, and given up some 10 s later. */
const PROBE_MS = 15_000;

export interface Call extends Asked {
  /** Begins with `?`, or is empty. */
  readonly query?: string;
  readonly contentType?: string;
  readonly body?: string;
}

/** What takes an answer as it comes. `onEnd` is called once, last, and never before `send` has returned. */
export interface AnswerReader {
  onStart(): void;
  onText(text: string): void;
  /** With null when the server has ended the answer as it should. */
  onEnd(error: KubeError | null): void;
}

export interface SendOptions {
  /** How long the answer may take once it has begun, in milliseconds. Default: what is left of the call's time-out. */
  readonly streamMs?: number;
}

export interface TransportOptions {
  readonly access: Access;
  readonly timeoutMs: number;
  /** Milliseconds since 1970, for a date in Retry-After. */
  readonly wallMs: () => number;
}

/** Sends requests over connections that are kept. Whatever fails, fails as a KubeError that holds no secret. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #underWay = new Set<Exchange>();
  #agent: Agent | null = null;
  #isClosed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** The whole answer of one call. @throws KubeError */
  call(call: Call): Promise<string> {
    return new Promise((resolve, reject) => {
      let body = '';
      this.send(call, {
        onStart: () => undefined,
        onText: (text) => (body += text),
        onEnd: (error) => (error ? reject(error) : resolve(body)),
      });
    });
  }

  /** One call, whose answer is taken as it comes. Returns what ends it. */
  send(call: Call, reader: AnswerReader, { streamMs }: SendOptions = {}): () => void {
    const { timeoutMs, wallMs } = this.#options;
    const exchange: Exchange = new Exchange(call, {
      timeoutMs,
      streamMs: streamMs ?? null,
      wallMs,
      reader,
      onOver: ({ isConnectionBad }) => {
        this.#underWay.delete(exchange);
        if (isConnectionBad) this.#forgetConnections();
      },
    });
    this.#underWay.add(exchange);
    if (this.#isClosed) exchange.close();
    else this.#start(call, exchange);
    return () => exchange.close();
  }

  close(): void {
    this.#isClosed = true;
    for (const exchange of [...this.#underWay]) exchange.close();
    this.#agent?.destroy();
  }

  #start(call: Call, exchange: Exchange): void {
    const { access } = this.#options;
    try {
      const token = access.token();
      const agent = (this.#agent ??= newAgent(access));
      const options: RequestOptions = {
        agent,
        host: access.host,
        port: access.port,
        method: call.method,
        path: `${access.basePath}${call.path}${call.query ?? ''}`,
        headers: {
          accept: 'application/json',
          'user-agent': 'sentinel-micro',
          ...(token !== null && { authorization: `Bearer ${token}` }),
          ...(call.body !== undefined && {
            'content-type': call.contentType ?? 'application/json',
            'content-length': Buffer.byteLength(call.body),
          }),
        },
      };
      exchange.start(request(options), token, call.body);
    } catch (error) {
      exchange.failToStart(types.isNativeError(error) ? error.message : String(error));
    }
  }

  /** The next call makes its own connection, with certificates that are read anew. Calls that are under way are left alone. */
  #forgetConnections(): void {
    const agent = this.#agent;
    this.#agent = null;
    for (const socket of Object.values(agent?.freeSockets ?? {}).flat()) socket?.destroy();
  }
}

function newAgent(access: Access): Agent {
  return new Agent({
    ...access.tls(),
    keepAlive: true,
    maxSockets: MOST_CONNECTIONS,
    maxFreeSockets: 2,
    timeout: IDLE_MS,
  });
}

interface ExchangeOptions {
  readonly timeoutMs: number;
  readonly streamMs: number | null;
  readonly wallMs: () => number;
  readonly reader: AnswerReader;
  readonly onOver: (how: { isConnectionBad: boolean }) => void;
}

/** One request and its answer. */
class Exchange {
  readonly #asked: Call;
  readonly #options: ExchangeOptions;
  #request: ClientRequest | null = null;
  #token: string | null = null;
  #timer: NodeJS.Timeout;
  #isSent = false;
  #isOver = false;
  #length = 0;

  constructor(asked: Call, options: ExchangeOptions) {
    this.#asked = asked;
    this.#options = options;
    this.#timer = this.#timeOutAfter(options.timeoutMs);
  }

  start(request: ClientRequest, token: string | null, body: string | undefined): void {
    this.#request = request;
    this.#token = token;
    request.on('socket', (socket: Socket) => this.#onSocket(request, socket));
    request.on('error', (error) => this.#fail(codeOf(error), error.message));
    request.on('response', (response) => this.#onResponse(response));
    request.end(body);
  }

  /** The reader is told later: whoever has called is not ready to hear it now. */
  failToStart(message: string): void {
    queueMicrotask(() => this.#fail('NotSent', message));
  }

  close(): void {
    queueMicrotask(() => this.#over(closed(this.#asked, this.#isSent), true));
  }

  #onSocket(request: ClientRequest, socket: Socket): void {
    socket.setKeepAlive(true, PROBE_MS);
    const isNew = !request.reusedSocket && (socket.connecting || isShakingHands(socket));
    if (isNew) socket.once('secureConnect', () => (this.#isSent = true));
    else this.#isSent = true;
  }

  #onResponse(response: IncomingMessage): void {
    const { streamMs, reader } = this.#options;
    const status = response.statusCode ?? 0;
    const isRefused = status < 200 || status > 299;
    let refusal = '';
    if (!isRefused) {
      if (streamMs !== null) {
        clearTimeout(this.#timer);
        this.#timer = this.#timeOutAfter(streamMs);
      }
      reader.onStart();
    }
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      if (this.#isOver) return;
      this.#length += text.length;
      // A stream has no end; its reader bounds each line.
      const isTooLong = this.#length > MOST_ANSWER_LENGTH && (streamMs === null || isRefused);
      if (isTooLong) this.#fail('BadAnswer', `the answer is longer than ${MOST_ANSWER_LENGTH} characters`);
      else if (isRefused) refusal += text;
      else reader.onText(text);
    });
    response.on('error', (error) => this.#fail(codeOf(error), `the answer was cut: ${error.message}`));
    response.on('close', () => this.#fail('ECONNRESET', 'the answer was cut'));
    response.on('end', () => {
      if (!response.complete) this.#fail('ECONNRESET', 'the answer was cut');
      else if (isRefused) this.#refuse(status, refusal, response.headers['retry-after']);
      else this.#over(null, false);
    });
  }

  #refuse(status: number, body: string, retryAfter: string | undefined): void {
    const refusal = { status, body: this.#withoutToken(body), retryAfter };
    this.#over(refused(this.#asked, refusal, this.#options.wallMs()), false);
  }

  #fail(reason: string, message: string): void {
    this.#over(noAnswer(this.#asked, { reason, message: this.#withoutToken(message), isSent: this.#isSent }), true);
  }

  #over(error: KubeError | null, isConnectionBad: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    // What has not been sent by now never will be.
    if (isConnectionBad) this.#request?.destroy();
    this.#options.onOver({ isConnectionBad });
    this.#options.reader.onEnd(error);
  }

  #timeOutAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#fail('Timeout', `no (whole) answer within ${ms} ms`), ms);
  }

  /** A server, or a proxy before it, may send back what it was sent. */
  #withoutToken(text: string): string {
    return this.#token === null ? text : text.replaceAll(this.#token, '***');
  }
}

function isShakingHands(socket: Socket): boolean {
  return 'secureConnecting' in socket && socket.secureConnecting === true;
}

/** Node's own code, such as ECONNREFUSED. */
function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'NoAnswer';
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { messageOf, OperationError } from '@sentinel-micro/runtime';
import { HTTP_LIMITS, type HttpLimits } from './limits.ts';

/** What is sent back. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Answers GET on one path; the parameters are those behind the question mark. */
export type Page = (parameters: URLSearchParams) => Answer | Promise<Answer>;

const TEXT = 'text/plain; charset=utf-8';

export function textAnswer(status: number, text: string): Answer {
  return { status, type: TEXT, body: `${text}\n` };
}

export interface HttpServer {
  /** The port that is listened on. */
  readonly port: number;
  /** Closes it and all its connections. */
  close(): Promise<void>;
}

export interface HttpServerOptions {
  /** By path. */
  readonly pages: Readonly<Record<string, Page>>;
  readonly limits?: Partial<HttpLimits>;
  /** A page has failed; the client is told no more than that. */
  readonly onTrouble: (text: string) => void;
}

const ALLOWED = ['GET', 'HEAD'];

/** A body would only have to be read and thrown away. */
function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** Where a request leads to; null when its target is no path. */
function targetOf(request: IncomingMessage): URL | null {
  const { url = '' } = request;
  return url.startsWith('/') && URL.canParse(url, 'http://sidecar') ? new URL(url, 'http://sidecar') : null;
}

class Port {
  readonly #options: HttpServerOptions;
  readonly #limits: HttpLimits;
  /** The oldest first. */
  readonly #sockets = new Set<Socket>();
  readonly server: Server;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#limits = { ...HTTP_LIMITS, ...options.limits };
    const { headerBytes, requestMs, idleMs, sweepMs, headers, requestsPerConnection, answerMs } = this.#limits;
    this.server = createServer({
      maxHeaderSize: headerBytes,
      headersTimeout: requestMs,
      requestTimeout: requestMs,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: sweepMs,
    });
    this.server.maxHeadersCount = headers;
    this.server.maxRequestsPerSocket = requestsPerConnection;
    // Counts while nothing moves on a connection, an answer that nobody reads included.
    this.server.timeout = Math.max(idleMs, answerMs);
    this.server.on('connection', (socket: Socket) => this.#welcome(socket));
    this.server.on('request', (request, response) => this.#serve(request, response));
    // One who waits for "100 Continue" has a body to send.
    this.server.on('checkContinue', (request, response) => this.#serve(request, response));
    this.server.on('upgrade', (_request, socket) => socket.destroy());
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  #welcome(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#sockets.size <= this.#limits.connections) return;
    const [oldest] = this.#sockets;
    oldest?.destroy();
  }

  /** Whatever goes wrong costs this connection, and never the process. */
  #serve(request: IncomingMessage, response: ServerResponse): void {
    this.#answer(request, response).catch((error: unknown) => {
      request.socket.destroy();
      this.#options.onTrouble(messageOf(error));
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#answerTo(request);
    const isWhole = Buffer.byteLength(answer.body) <= this.#limits.answerBytes;
    const { status, type, body } = isWhole ? answer : textAnswer(500, 'the answer is too long');
    const closes = hasBody(request) ? { connection: 'close' } : {};
    const allows = status === 405 ? { allow: ALLOWED.join(', ') } : {};
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...closes,
      ...allows,
    });
    // Node itself leaves the body of an answer to HEAD out.
    response.end(body);
    if (hasBody(request)) response.once('finish', () => request.socket.destroySoon());
  }

  async #answerTo(request: IncomingMessage): Promise<Answer> {
    const url = targetOf(request);
    const { pages } = this.#options;
    const page = url !== null && Object.hasOwn(pages, url.pathname) ? pages[url.pathname] : undefined;
    if (url === null || page === undefined) {
      return textAnswer(404, `not found; there are ${Object.keys(pages).join(', ')}`);
    }
    if (!ALLOWED.includes(request.method ?? '')) return textAnswer(405, 'only GET and HEAD');
    if (hasBody(request)) return textAnswer(413, 'no body is taken');
    try {
      return await page(url.searchParams);
    } catch (error) {
      this.#options.onTrouble(`${url.pathname}: ${messageOf(error)}`);
      return textAnswer(500, 'it went wrong; the log of the sidecar says why');
    }
  }
}

/**
 * Serves some pages over HTTP, for probes and scrapers: GET and HEAD only, everything bounded.
 * @param host the one address to listen on; null for all
 * @throws OperationError with the system's code when the port can not be had.
 */
export async function serveHttp(host: string | null, port: number, options: HttpServerOptions): Promise<HttpServer> {
  const place = new Port(options);
  const { server } = place;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = `${host ?? '*'}:${String(port)}`;
      reject(new OperationError(error.code ?? 'LISTEN', `HTTP can not listen on ${where}: ${error.message}`, error));
    });
    server.listen(host === null ? { port } : { host, port }, () => resolve());
  });
  server.on('error', (error) => options.onTrouble(messageOf(error)));
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : port, close: () => place.close() };
}

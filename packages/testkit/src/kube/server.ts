import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Certificate } from './certificate.ts';
import { ApiFailure, unauthorized } from './failure.ts';
import type { Faults, KubeFault } from './faults.ts';
import { authorize, handle } from './handler.ts';
import { ANONYMOUS, type Permissions, type User } from './permissions.ts';
import { routeOf, type Route } from './route.ts';
import type { KubeStore } from './store.ts';
import type { Watches } from './watches.ts';

const MOST_BODY_BYTES = 3 * 1024 * 1024;

/** A request that the server has read. */
export interface KubeRequest {
  readonly method: string;
  readonly path: string;
  readonly verb: string;
  readonly resource: string;
  readonly name: string;
  readonly user: string;
  readonly contentType: string;
  readonly body: string;
  /** Null as long as nothing was answered; it may have been done all the same. */
  status: number | null;
}

export interface ServerParts {
  readonly store: KubeStore;
  readonly permissions: Permissions;
  readonly faults: Faults;
  readonly watches: Watches;
  readonly wallMs: () => number;
  readonly certificate: Certificate;
  readonly clientAuthority: string;
}

/** The HTTPS side of the stand-in. */
export class KubeServer {
  readonly requests: KubeRequest[] = [];
  readonly #parts: ServerParts;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  /** How many connections have been made. */
  connections = 0;

  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  /** @param port 0: any. Returns the one it has. */
  async listen(host: string, port: number): Promise<number> {
    const { certificate, clientAuthority } = this.#parts;
    const server = createServer(
      { ...certificate, ca: clientAuthority, requestCert: true, rejectUnauthorized: false },
      (request, response) => void this.#serve(request, response),
    );
    server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
    this.#server = server;
    return (server.address() as AddressInfo).port;
  }

  /** Cuts all connections and takes no new ones: they are refused. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (!server) return;
    const isClosed = new Promise((resolve) => server.close(resolve));
    this.cutConnections();
    await isClosed;
  }

  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('date', new Date(this.#parts.wallMs()).toUTCString());
    response.on('error', () => undefined);
    const entry: KubeRequest = {
      method: request.method ?? '',
      path: request.url ?? '',
      verb: '',
      resource: '',
      name: '',
      user: '',
      contentType: request.headers['content-type'] ?? '',
      body: await textOf(request),
      status: null,
    };
    try {
      await this.#answer(request, response, entry);
    } catch (error) {
      if (!this.requests.includes(entry)) this.requests.push(entry);
      const failure = error instanceof ApiFailure ? error : new ApiFailure(500, 'InternalError', String(error));
      send(response, entry, { status: failure.status, object: failure.toStatus() }, null);
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, unread: KubeRequest): Promise<void> {
    const { faults, permissions, store, watches } = this.#parts;
    const user = this.#userOf(request);
    const route = routeOf(unread.method, unread.path);
    const entry = Object.assign(unread, about(route, user));
    this.requests.push(entry);
    const { method, resource, name } = entry;
    const isWatch = route.verb === 'watch';
    const fault = await faults.meet({ method, resource, name, user: user.name, isWatch });
    if (fault?.kind === 'silent') return;
    if (fault?.kind === 'cut') return void response.destroy();
    if (fault?.kind === 'status') {
      sendFault(response, entry, fault);
      return;
    }
    try {
      authorize(permissions, { route, user });
      if (!isWatch) {
        const done = handle(store, permissions, { route, user, contentType: entry.contentType, body: entry.body });
        send(response, entry, done, fault);
        return;
      }
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      send(response, entry, { status: error.status, object: error.toStatus() }, fault);
      return;
    }
    entry.status = 200;
    watches.open(route, response);
  }

  #userOf(request: IncomingMessage): User {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const user = this.#parts.permissions.userOf(authorization.replace(/^Bearer /, ''));
      if (!user) throw unauthorized();
      return user;
    }
    const socket = request.socket as TLSSocket;
    const { subject } = socket.getPeerCertificate();
    // Without a certificate the object is empty, whatever its type says.
    if (!socket.authorized || !(subject as unknown)) return ANONYMOUS;
    return { name: String(subject.CN), groups: [subject.O].flat().map(String) };
  }
}

function about({ verb, kind, name, nameForRules }: Route, user: User): Partial<KubeRequest> {
  return { verb, resource: kind.plural, name: name === '' ? nameForRules : name, user: user.name };
}

function sendFault(
  response: ServerResponse,
  entry: KubeRequest,
  { status, retryAfter, body }: KubeFault & { kind: 'status' },
): void {
  entry.status = status;
  const isPlain = status === 429 || status === 503;
  const text = isPlain
    ? 'Too many requests, please try again later.\n'
    : JSON.stringify(new ApiFailure(status, reasonOf(status), 'ordered by the test').toStatus());
  response.writeHead(status, {
    'content-type': isPlain ? 'text/plain; charset=utf-8' : 'application/json',
    ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
  });
  response.end(body ?? text);
}

function reasonOf(status: number): string {
  const reasons: Readonly<Record<number, string>> = {
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'NotFound',
    409: 'Conflict',
    410: 'Expired',
    500: 'InternalError',
    504: 'Timeout',
  };
  return reasons[status] ?? 'Unknown';
}

function send(
  response: ServerResponse,
  entry: KubeRequest,
  { status, object }: { status: number; object: object },
  fault: KubeFault | null,
): void {
  if (fault?.kind === 'lost-answer') return void response.destroy();
  const body = Buffer.from(JSON.stringify(object));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
  if (fault?.kind === 'cut-answer') {
    response.write(body.subarray(0, body.length / 2), () => response.destroy());
    return;
  }
  entry.status = status;
  response.end(body);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length <= MOST_BODY_BYTES) chunks.push(chunk);
    }
  } catch {
    // Cut while it was sent: there is nobody to answer.
  }
  return Buffer.concat(chunks).toString('utf8');
}

// The engine of our own is in a network that leads nowhere. What has to reach a registry (a pull, npm in a build) goes through a
// proxy: its near end is in that network, its far end outside, and a socket in the file system joins them.
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 256;

/** HOST:PORT of a CONNECT request; undefined when it is none. */
export function connectTarget(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/]+)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

function join(near: Duplex, far: Duplex): void {
  near.on('error', () => far.destroy());
  far.on('error', () => near.destroy());
  near.pipe(far);
  far.pipe(near);
}

/** The far end: a proxy for TLS connections, behind a socket file. */
export function openFarEnd(socketFile: string): Promise<Server> {
  const server = createHttpServer((_request, response) => {
    response.writeHead(501).end('Only CONNECT is known here: the registry has to be one with https.\n');
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('connect', (request: IncomingMessage, near: Duplex, head: Buffer) => {
    near.on('error', () => undefined);
    const target = connectTarget(request.url ?? '');
    if (target === undefined) {
      near.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      return;
    }
    const far = connect({ ...target, timeout: CONNECT_TIMEOUT_MS });
    const refuse = (): void => void near.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    far.once('error', refuse).once('timeout', () => far.destroy(new Error('time-out')));
    far.once('connect', () => {
      far.off('error', refuse).setTimeout(0);
      near.write('HTTP/1.1 200 OK\r\n\r\n');
      far.write(head);
      join(near, far);
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(socketFile, () => resolve(server));
  });
}

/** The near end. @returns where it listens, as an URL */
export function openNearEnd(socketFile: string): Promise<{ readonly url: string; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(socketFile);
    for (const socket of [near, far]) sockets.add(socket.once('close', () => sockets.delete(socket)));
    join(near, far);
  });
  server.maxConnections = MAX_CONNECTIONS;
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', () => {
      resolve({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close });
    });
  });
}

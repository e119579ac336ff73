import { createServer, type Server, type Socket } from 'node:net';
import { OperationError } from './errors.ts';
import { whoHasToGo } from './resp-admission.ts';
import {
  Connection,
  type Closing,
  type CommandHandler,
  type ConnectionPorts,
  type Session,
} from './resp-connection.ts';
import { PORT_LIMITS, type PortLimits } from './resp-limits.ts';
import { encodeReply, failed } from './resp-reply.ts';
import { Tally } from './resp-tally.ts';
import { Turns } from './resp-turns.ts';

/** How often it is looked at how long things take. */
const SWEEP_MS = 1000;
/** A vanished machine's connections are noticed after this, and ten seconds of asking. */
const KEEP_ALIVE_MS = 60_000;

export interface RespServerOptions {
  readonly limits?: Partial<PortLimits>;
  /** There is a password: who has not logged in is a stranger. */
  readonly needsLogin?: boolean;
  /** Is this the address of one of the own set? */
  readonly isPeerAddress?: (address: string) => boolean;
  /** Connections had to be closed; told at most once a minute for each reason. */
  readonly onTrouble?: (text: string) => void;
}

export interface RespServer {
  readonly sessions: ReadonlySet<Session>;
  close(): Promise<void>;
}

const WHY: Readonly<Record<Closing, string>> = {
  'protocol-error': 'a connection was closed after a protocol error',
  'too-many': 'a connection was closed because there were too many',
  'too-much': 'a connection was closed because all together kept too much in memory',
  unread: 'a subscriber was closed because it did not read what was published',
  'no-request': 'a connection was closed because it did not ask or log in',
  'half-request': 'a connection was closed because its request did not arrive whole',
  'no-reader': 'a connection was closed because it did not read its answers',
};

/** Peers come last, whatever they keep. */
function keepsMore(one: Connection, other: Connection): boolean {
  if (one.isUrgent !== other.isUrgent) return other.isUrgent;
  return one.bufferedBytes > other.bufferedBytes;
}

/** The connections that are there, and together stay within bounds. */
class Connections {
  readonly all = new Set<Connection>();
  readonly #ports: ConnectionPorts;
  readonly #tally: Tally;
  #nextId = 1;
  #bufferedBytes = 0;
  #isRelieving = false;

  constructor(handle: CommandHandler, options: RespServerOptions) {
    const limits = { ...PORT_LIMITS, ...options.limits };
    this.#tally = new Tally(options.onTrouble ?? (() => undefined), () => performance.now());
    this.#ports = {
      handle,
      limits,
      turns: new Turns(limits.turnMs),
      needsLogin: options.needsLogin ?? false,
      isPeerAddress: options.isPeerAddress ?? (() => false),
      onBuffered: (bytes) => {
        this.#bufferedBytes += bytes;
        this.#relieve();
      },
      onClosing: ({ address }, why, detail) => this.#tally.count(WHY[why], `${address}, ${detail}`),
      onGone: (connection) => this.all.delete(connection),
    };
  }

  welcome(socket: Socket): void {
    const connection = new Connection(this.#nextId++, socket, this.#ports);
    this.all.add(connection);
    const { limits, isPeerAddress } = this.#ports;
    if (this.all.size <= limits.connections) return;
    const leaving = whoHasToGo([...this.all], limits, isPeerAddress);
    if (leaving === connection) socket.write(encodeReply(failed('ERR max number of clients reached'), 2));
    leaving?.close('too-many', `more than ${String(limits.connections)}`);
  }

  sweep(): void {
    for (const connection of this.all) connection.sweep(SWEEP_MS);
  }

  destroy(): void {
    for (const connection of this.all) connection.destroy();
  }

  /** Closes those that keep the most, until all together are within the bound. */
  #relieve(): void {
    const { bufferedBytes: max } = this.#ports.limits;
    if (this.#isRelieving) return;
    this.#isRelieving = true;
    while (this.#bufferedBytes > max && this.all.size > 0) {
      const greediest = [...this.all].reduce((most, one) => (keepsMore(one, most) ? one : most));
      greediest.close('too-much', `${String(greediest.bufferedBytes)} bytes`);
    }
    this.#isRelieving = false;
  }
}

/**
 * Serves RESP on `host:port`; null stands for all addresses of this host. Requests of one connection are handled in order.
 * Sizes, connections, buffers and waiting are bounded (resp-limits.ts), and strangers together can not keep the loop busy.
 * @throws OperationError with code `EADDRINUSE`, `EADDRNOTAVAIL`, ... when the address can not be had.
 */
export async function serveResp(
  host: string | null,
  port: number,
  handle: CommandHandler,
  options: RespServerOptions = {},
): Promise<RespServer> {
  const connections = new Connections(handle, options);
  const settings = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  const server: Server = createServer(settings, (socket) => connections.welcome(socket));
  await new Promise<void>((resolve, reject) => {
    server.on('error', (error: NodeJS.ErrnoException) => {
      reject(
        new OperationError(
          error.code ?? 'LISTEN',
          `can not listen on ${host ?? '*'}:${String(port)}: ${error.message}`,
          error,
        ),
      );
    });
    server.listen(host === null ? { port } : { host, port }, resolve);
  });
  const sweeper = setInterval(() => connections.sweep(), SWEEP_MS);
  sweeper.unref();
  return {
    sessions: connections.all,
    async close() {
      clearInterval(sweeper);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      connections.destroy();
      await closed;
    },
  };
}

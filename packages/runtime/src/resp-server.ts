import { createServer, type Server, type Socket } from 'node:net';
import { messageOf, OperationError } from './errors.ts';
import { ProtocolError, RequestParser } from './resp-parser.ts';
import { encodeReply, failed, type ProtocolVersion, type Reply } from './resp-reply.ts';

const MAX_CONNECTIONS = 512;
/** Requests of one connection that wait for their answers. */
const MAX_WAITING = 256;
const MAX_OUTPUT_BYTES = 1024 * 1024;
/** A connection that says nothing for so long is closed, unless it is subscribed. */
const IDLE_MS = 5 * 60_000;

/** One client's connection, as commands see it. */
export interface Session {
  readonly id: number;
  protocol: ProtocolVersion;
  isAuthenticated: boolean;
  name: string;
  readonly channels: Set<string>;
  readonly patterns: Set<string>;
  /** Sends something that is no answer to a request; it keeps its place among the answers. */
  push(reply: Reply): void;
  /** Handles nothing more, and closes the connection after the answers to what was asked so far. */
  end(): void;
}

export type CommandHandler = (session: Session, words: readonly string[]) => Reply | Promise<Reply>;

export interface RespServer {
  readonly sessions: ReadonlySet<Session>;
  close(): Promise<void>;
}

function serve(socket: Socket, id: number, handle: CommandHandler, sessions: Set<Session>): void {
  const parser = new RequestParser();
  let waiting = 0;
  let isEnding = false;
  let lastWritten: Promise<void> = Promise.resolve();
  const isOver = (): boolean => isEnding || socket.destroyed;
  /** Everything that is sent keeps its place: behind the answers to what was asked before. */
  const send = (reply: Reply | Promise<Reply>): void => {
    waiting += 1;
    if (waiting > MAX_WAITING) socket.destroy();
    if (socket.destroyed) return;
    const { protocol } = session;
    lastWritten = lastWritten.then(async () => {
      const text = encodeReply(await reply, protocol);
      waiting -= 1;
      if (text === '' || socket.destroyed) return;
      socket.write(text);
      // A reader that does not read must not cost memory without bound.
      if (socket.writableLength > MAX_OUTPUT_BYTES) socket.destroy();
    });
  };
  const session: Session = {
    id,
    protocol: 2,
    isAuthenticated: false,
    name: '',
    channels: new Set(),
    patterns: new Set(),
    push: send,
    end() {
      isEnding = true;
      // In a turn of its own: the command that ends the connection has an answer too.
      queueMicrotask(() => void lastWritten.then(() => socket.destroySoon()));
    },
  };
  sessions.add(session);
  /** The command is handled at once; only its answer waits for those before it, as RESP wants. */
  const answer = (words: readonly string[]): void => {
    if (waiting >= MAX_WAITING) {
      socket.destroy();
      return;
    }
    const reply = new Promise<Reply>((resolve) => resolve(handle(session, words)));
    send(reply.catch((error: unknown) => failed(`ERR ${messageOf(error)}`)));
  };
  socket.setNoDelay(true);
  socket.setTimeout(IDLE_MS, () => {
    if (session.channels.size + session.patterns.size === 0) socket.destroy();
  });
  socket.on('data', (chunk) => {
    if (isOver()) return;
    try {
      for (const words of parser.push(chunk)) {
        answer(words);
        if (isOver()) return;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      send(failed(`ERR Protocol error: ${error.message}`));
      session.end();
    }
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => sessions.delete(session));
}

/**
 * Serves RESP on `host:port`; null stands for all addresses of this host. Requests of one connection are handled in order; sizes, connections and buffers are bounded.
 * @throws OperationError with code `EADDRINUSE`, `EADDRNOTAVAIL`, ... when the address can not be had.
 */
export async function serveResp(host: string | null, port: number, handle: CommandHandler): Promise<RespServer> {
  const sessions = new Set<Session>();
  const sockets = new Set<Socket>();
  let nextId = 1;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, nextId++, handle, sessions);
  });
  server.maxConnections = MAX_CONNECTIONS;
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
  return {
    sessions,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Bounds of the RESP port beside those of one request (resp-parser.ts). */
export interface PortLimits {
  /** Connections of strangers and clients; those of the own set are let in beyond it. */
  readonly connections: number;
  /** Connections of one peer that are let in and kept although there are too many in all. */
  readonly perPeer: number;
  /** What all connections together may have in our hands, read and not yet handled or written and not yet taken. */
  readonly bufferedBytes: number;
  /** What one connection may leave unread before it is closed. Its own requests alone never lead to that: they wait. */
  readonly unreadBytes: number;
  /** Requests of one connection whose answers are to come; more are not read. */
  readonly waiting: number;
  /** Handled of one connection before the next one has its turn. */
  readonly requestsInTurn: number;
  /** How long requests are handled before timers and the sidecar's own connections have their turn. */
  readonly turnMs: number;
  /** How long a new connection may take to say something, and to log in where there is a password. */
  readonly handshakeMs: number;
  /** How long a request may take to arrive whole. */
  readonly requestMs: number;
  /** How long a connection may take nothing of what is there for it. */
  readonly stallMs: number;
}

/** Each with its reason. All of them are listed in docs/OPERATIONS.md. */
export const PORT_LIMITS: PortLimits = {
  // A subscriber of each of some hundred clients. An idle connection costs about 10 KiB.
  connections: 512,
  // The transport needs one, and one more while it connects anew; make-slave and `status` one each.
  perPeer: 8,
  // With the 60 MiB of a sidecar at rest far below the 192 MiB that the example allows it.
  bufferedBytes: 16 * 1024 * 1024,
  // More than a thousand messages of pub/sub.
  unreadBytes: 256 * 1024,
  // A peer asks one thing at a time, seldom two.
  waiting: 64,
  requestsInTurn: 32,
  // Node accepts one connection each time that its loop goes around (libuv 1.46 and later). With turns of 5 ms the newcomers of a
  // busy port, peers among them, waited for 4 s in the system's queue; with these it is some milliseconds.
  turnMs: 0.25,
  // A client does it at once, a person at a terminal in some seconds.
  handshakeMs: 30_000,
  requestMs: 30_000,
  stallMs: 60_000,
};

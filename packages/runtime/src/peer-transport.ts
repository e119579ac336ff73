import type { PeerAnswer, PeerRequest, PeerStatus, PodIdentity, PodName } from '@sentinel-micro/core';
import { messageOf, OperationError } from './errors.ts';
import { askStatus } from './peer-client.ts';
import { decodeAnswer, encodeMessage } from './peer-codec.ts';
import { connectRedis, type RedisConnection } from './redis-connection.ts';

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1000;
/** Sidecars of another cluster are looked at again only so often. */
const STRANGER_RETRY_MS = 10_000;
/** So many requests without an answer, one after the other, and the connection counts as dead. */
const MAX_SILENT = 2;
/** More addresses than any set has pods: what a wrong DNS answer can cost is bounded. */
const MAX_LINKS = 256;

export interface PeerAddress {
  readonly ip: string;
  readonly port: number;
}

export interface PeerTransportOptions {
  readonly self: PodIdentity;
  readonly cluster: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly timeoutMs: number;
  /** A sidecar of this cluster was reached. */
  readonly onMet: (status: PeerStatus) => void;
  /** The connection to a sidecar has ended. */
  readonly onLost: (pod: PodName) => void;
  /** Something that is worth a line in the log, once. */
  readonly onTrouble: (address: PeerAddress, text: string) => void;
}

interface Link {
  readonly address: PeerAddress;
  connection: RedisConnection | null;
  pod: PodName | null;
  silent: number;
  retryMs: number;
  timer: NodeJS.Timeout | null;
  isWanted: boolean;
  trouble: string | null;
}

function keyOf(address: PeerAddress): string {
  return `${address.ip} ${String(address.port)}`;
}

/** What is worth a line about a connection that could not be had; null when the peer is only not there. */
function troubleOf({ code, message }: OperationError): string | null {
  switch (code) {
    case 'WRONGPASS':
    case 'NOAUTH':
    case 'NOPERM':
      return `it refuses the password: ${message}`;
    case 'NOPASSWORD':
    case 'BADMESSAGE':
      return message;
    default:
      return null;
  }
}

/** Keeps one connection to each peer's sidecar. Who is behind an address is known from its own PEER STATUS, not from DNS. */
export class PeerTransport {
  readonly #options: PeerTransportOptions;
  readonly #links = new Map<string, Link>();
  #isClosed = false;

  constructor(options: PeerTransportOptions) {
    this.#options = options;
  }

  /** What DNS says now. Addresses that vanish are dropped once they do not answer any more. */
  setAddresses(addresses: readonly PeerAddress[]): void {
    const wanted = new Set(addresses.map(keyOf));
    for (const link of this.#links.values()) link.isWanted = wanted.has(keyOf(link.address));
    for (const address of addresses) this.learn(address);
  }

  /** An address that is to be connected, such as one learned from a peer's own request. */
  learn(address: PeerAddress): void {
    const { self } = this.#options;
    if (address.ip === self.ip && address.port === self.port) return;
    const known = this.#links.get(keyOf(address));
    if (known !== undefined) {
      known.isWanted = true;
      return;
    }
    if (this.#links.size >= MAX_LINKS) return;
    const { ip, port } = address;
    const fresh = { connection: null, pod: null, silent: 0, retryMs: FIRST_RETRY_MS, timer: null };
    const link: Link = { address: { ip, port }, ...fresh, isWanted: true, trouble: null };
    this.#links.set(keyOf(address), link);
    void this.#connect(link);
  }

  /** @returns the answer, or null when the peer is not connected, does not answer in time, or answers nonsense. */
  async ask(pod: PodName, request: PeerRequest): Promise<PeerAnswer | null> {
    const link = [...this.#links.values()].find((candidate) => candidate.pod === pod && candidate.connection !== null);
    const connection = link?.connection ?? null;
    if (link === undefined || connection === null) return null;
    try {
      const answer = await connection.call('PEER', request.type, encodeMessage(request));
      link.silent = 0;
      return typeof answer === 'string' ? decodeAnswer(answer) : null;
    } catch (error) {
      const code = error instanceof OperationError ? error.code : '';
      if (code === 'TIMEOUT') link.silent += 1;
      // Behind a silent cut the socket would stay open for many minutes; a new one shows when the way is free again.
      if (link.silent >= MAX_SILENT) this.#drop(link, connection);
      if (code !== 'TIMEOUT' && code !== 'CLOSED') this.#complain(link, messageOf(error));
      return null;
    }
  }

  /** Pods that are connected now. */
  connected(): readonly PodName[] {
    return [...this.#links.values()].flatMap((link) =>
      link.pod !== null && link.connection !== null ? [link.pod] : [],
    );
  }

  close(): void {
    this.#isClosed = true;
    for (const link of this.#links.values()) {
      if (link.timer !== null) clearTimeout(link.timer);
      link.connection?.close();
    }
  }

  #complain(link: Link, text: string): void {
    if (link.trouble === text) return;
    link.trouble = text;
    this.#options.onTrouble(link.address, text);
  }

  #retryLater(link: Link, delayMs: number): void {
    if (this.#isClosed || link.timer !== null) return;
    if (!link.isWanted) {
      this.#links.delete(keyOf(link.address));
      return;
    }
    link.timer = setTimeout(() => {
      link.timer = null;
      void this.#connect(link);
    }, delayMs);
  }

  #drop(link: Link, connection: RedisConnection): void {
    connection.close();
    if (link.connection !== connection) return;
    link.connection = null;
    this.#retryLater(link, FIRST_RETRY_MS);
    if (link.pod !== null && !this.#isClosed) this.#options.onLost(link.pod);
  }

  async #connect(link: Link): Promise<void> {
    if (this.#isClosed) return;
    const { username, password, timeoutMs } = this.#options;
    let connection: RedisConnection | null = null;
    try {
      connection = await connectRedis(
        { host: link.address.ip, port: link.address.port, username, password },
        { connectTimeoutMs: timeoutMs, commandTimeoutMs: timeoutMs },
      );
      await this.#greet(link, connection);
    } catch (error) {
      connection?.close();
      const trouble = error instanceof OperationError ? troubleOf(error) : null;
      if (trouble !== null) this.#complain(link, trouble);
      this.#retryLater(link, link.retryMs);
      link.retryMs = Math.min(LAST_RETRY_MS, link.retryMs * 2);
    }
  }

  async #greet(link: Link, connection: RedisConnection): Promise<void> {
    const status = await askStatus(connection);
    if (this.#isClosed) {
      connection.close();
      return;
    }
    const { cluster, onMet } = this.#options;
    if (status.cluster !== cluster) {
      connection.close();
      this.#complain(link, `it belongs to another cluster (${status.cluster}, this one is ${cluster}): ignored`);
      this.#retryLater(link, STRANGER_RETRY_MS);
      return;
    }
    link.connection = connection;
    link.pod = status.from.pod;
    link.silent = 0;
    link.retryMs = FIRST_RETRY_MS;
    link.trouble = null;
    connection.onClose(() => this.#drop(link, connection));
    onMet(status);
  }
}

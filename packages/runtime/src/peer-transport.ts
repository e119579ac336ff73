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
  /** Something that is worth a line in the log, once. */
  readonly onTrouble: (address: PeerAddress, text: string) => void;
}

export interface PeerTransport {
  /** What DNS says now. Addresses that vanish are dropped once they do not answer any more. */
  setAddresses(addresses: readonly PeerAddress[]): void;
  /** An address learned from a peer's own request. */
  learn(address: PeerAddress): void;
  /** @returns the answer, or null when the peer is not connected, does not answer in time, or answers nonsense. */
  ask(pod: PodName, request: PeerRequest): Promise<PeerAnswer | null>;
  /** Pods that are connected now. */
  connected(): readonly PodName[];
  close(): void;
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

/** Keeps one connection to each peer's sidecar. Who is behind an address is known from its own PEER STATUS, not from DNS. */
export function createPeerTransport(options: PeerTransportOptions): PeerTransport {
  const links = new Map<string, Link>();
  let closed = false;

  const keyOf = (address: PeerAddress): string => `${address.ip} ${String(address.port)}`;

  function complain(link: Link, text: string): void {
    if (link.trouble === text) return;
    link.trouble = text;
    options.onTrouble(link.address, text);
  }

  function retryLater(link: Link, delayMs: number): void {
    if (closed || link.timer !== null) return;
    if (!link.isWanted) {
      links.delete(keyOf(link.address));
      return;
    }
    link.timer = setTimeout(() => {
      link.timer = null;
      void connect(link);
    }, delayMs);
  }

  function dropped(link: Link, connection: RedisConnection): void {
    connection.close();
    if (link.connection !== connection) return;
    link.connection = null;
    retryLater(link, FIRST_RETRY_MS);
  }

  async function greet(link: Link, connection: RedisConnection): Promise<void> {
    const status = await askStatus(connection);
    if (status.cluster !== options.cluster) {
      connection.close();
      complain(link, `it belongs to another cluster (${status.cluster}, this one is ${options.cluster}): ignored`);
      retryLater(link, STRANGER_RETRY_MS);
      return;
    }
    link.connection = connection;
    link.pod = status.from.pod;
    link.silent = 0;
    link.retryMs = FIRST_RETRY_MS;
    link.trouble = null;
    connection.onClose(() => dropped(link, connection));
    options.onMet(status);
  }

  async function connect(link: Link): Promise<void> {
    if (closed) return;
    let connection: RedisConnection | null = null;
    try {
      connection = await connectRedis(
        { host: link.address.ip, port: link.address.port, username: options.username, password: options.password },
        { connectTimeoutMs: options.timeoutMs, commandTimeoutMs: options.timeoutMs },
      );
      await greet(link, connection);
    } catch (error) {
      connection?.close();
      const isAuth = error instanceof OperationError && /^(WRONGPASS|NOAUTH|NOPERM)$/.test(error.code);
      if (isAuth) complain(link, `it refuses the password: ${messageOf(error)}`);
      retryLater(link, link.retryMs);
      link.retryMs = Math.min(LAST_RETRY_MS, link.retryMs * 2);
    }
  }

  function want(address: PeerAddress): Link {
    const key = keyOf(address);
    const known = links.get(key);
    if (known !== undefined) return known;
    const link: Link = {
      address,
      connection: null,
      pod: null,
      silent: 0,
      retryMs: FIRST_RETRY_MS,
      timer: null,
      isWanted: true,
      trouble: null,
    };
    links.set(key, link);
    void connect(link);
    return link;
  }

  const isSelf = (address: PeerAddress): boolean =>
    address.ip === options.self.ip && address.port === options.self.port;

  return {
    setAddresses(addresses) {
      const wanted = new Set(addresses.map(keyOf));
      for (const link of links.values()) link.isWanted = wanted.has(keyOf(link.address));
      for (const address of addresses) if (!isSelf(address)) want(address).isWanted = true;
    },
    learn(address) {
      if (!isSelf(address)) want(address).isWanted = true;
    },
    async ask(pod, request) {
      const link = [...links.values()].find((candidate) => candidate.pod === pod && candidate.connection !== null);
      const connection = link?.connection ?? null;
      if (link === undefined || connection === null) return null;
      try {
        const answer = await connection.call('PEER', request.type, encodeMessage(request));
        link.silent = 0;
        return typeof answer === 'string' ? decodeAnswer(answer) : null;
      } catch (error) {
        const code = error instanceof OperationError ? error.code : '';
        // Behind a silent cut the socket would stay open for many minutes; a new one shows when the way is free again.
        if (code === 'TIMEOUT' && (link.silent += 1) >= MAX_SILENT) dropped(link, connection);
        if (code !== 'TIMEOUT' && code !== 'CLOSED') complain(link, messageOf(error));
        return null;
      }
    },
    connected() {
      return [...links.values()].flatMap((link) => (link.pod !== null && link.connection !== null ? [link.pod] : []));
    },
    close() {
      closed = true;
      for (const link of links.values()) {
        if (link.timer !== null) clearTimeout(link.timer);
        link.connection?.close();
      }
    },
  };
}

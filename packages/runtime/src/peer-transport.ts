import type { PeerAnswer, PeerRequest, PeerStatus, PodIdentity, PodName, Term } from '@sentinel-micro/core';
import { messageOf, OperationError } from './errors.ts';
import { askStatus } from './peer-client.ts';
import { decodeAnswer, encodeMessage } from './peer-codec.ts';
import { isPlausibleTerm, mismatchOf } from './peer-plausible.ts';
import { connectRedis, type RedisConnection } from './redis-connection.ts';

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1000;
/** Sidecars of another cluster are looked at again only so often. */
const STRANGER_RETRY_MS = 10_000;
/** So many requests without an answer in time, one after the other, and a second connection is tried beside the first. */
const MAX_SILENT = 2;
/** More addresses than any set has pods: what a wrong DNS answer can cost is bounded. */
const MAX_LINKS = 256;
/** Addresses that DNS does not name, but somebody who says that it is a peer: these must not crowd out the others. */
const MAX_LEARNED = 64;
/** Different complaints about one address, until it has been well for a while. */
const MAX_COMPLAINTS = 5;
const COMPLAINT_MEMORY_MS = 60_000;
const MAX_COMPLAINT_LENGTH = 300;

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
  /** How long an answer to a renewal is of use: it counts from when it was sent, so until the lease that it renews is over. */
  readonly leaseMs: number;
  /** The newest term that is known here: who names one far beyond it is not believed. */
  readonly newestTerm: () => Term;
  /** A sidecar of this cluster was reached. */
  readonly onMet: (status: PeerStatus) => void;
  /** The last connection to a sidecar has ended. */
  readonly onLost: (peer: PodIdentity) => void;
  /** Something that is worth a line in the log, once. */
  readonly onTrouble: (address: PeerAddress, text: string) => void;
}

interface Link {
  readonly address: PeerAddress;
  /** Not named by DNS so far. */
  isLearned: boolean;
  connection: RedisConnection | null;
  /** A second connection is being tried. */
  isConnecting: boolean;
  /** Who answers there. */
  peer: PodIdentity | null;
  silent: number;
  retryMs: number;
  timer: NodeJS.Timeout | null;
  isWanted: boolean;
  readonly complaints: Set<string>;
  complainedAtMs: number;
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
    for (const address of addresses) this.#add(address, false);
  }

  /** An address that is to be connected, such as one learned from a peer's own request. */
  learn(address: PeerAddress): void {
    this.#add(address, true);
  }

  /** Is this one of the addresses that are connected, or to be connected? */
  knows(ip: string): boolean {
    for (const link of this.#links.values()) if (!link.isLearned && link.address.ip === ip) return true;
    return false;
  }

  /** @returns the answer, or null when the peer is not connected, does not answer in time, or answers nonsense. */
  async ask(pod: PodName, request: PeerRequest): Promise<PeerAnswer | null> {
    const link = [...this.#links.values()].find(({ peer, connection }) => peer?.pod === pod && connection !== null);
    const { connection = null, peer = null } = link ?? {};
    if (link === undefined || connection === null || peer === null) return null;
    let timer: NodeJS.Timeout | undefined;
    const isLate = new Promise<null>((resolve) => {
      timer = setTimeout(() => {
        this.#countSilence(link, connection);
        resolve(null);
      }, this.#options.timeoutMs);
    });
    const answer = this.#call(link, connection, peer, request).finally(() => clearTimeout(timer));
    return request.type === 'RENEW' ? await answer : await Promise.race([answer, isLate]);
  }

  async #call(
    link: Link,
    connection: RedisConnection,
    peer: PodIdentity,
    request: PeerRequest,
  ): Promise<PeerAnswer | null> {
    try {
      const answer = await connection.call('PEER', request.type, encodeMessage(request));
      if (link.connection === connection) link.silent = 0;
      return typeof answer === 'string' ? this.#check(decodeAnswer(answer), request, peer) : null;
    } catch (error) {
      const code = error instanceof OperationError ? error.code : '';
      if (code === 'TIMEOUT' && link.connection === connection && link.silent >= MAX_SILENT)
        this.#drop(link, connection);
      if (code !== 'TIMEOUT' && code !== 'CLOSED') this.#complain(link, messageOf(error));
      return null;
    }
  }

  #countSilence(link: Link, connection: RedisConnection): void {
    if (link.connection !== connection) return;
    link.silent += 1;
    // Behind a silent cut the socket would stay open for many minutes, and after a lossy stretch its kernel waits for long
    // before it sends again; but it may still come through first, so it is kept until a new one does.
    if (link.silent >= MAX_SILENT) this.#retryLater(link, FIRST_RETRY_MS);
  }

  /** Pods that are connected now. */
  connected(): readonly PodName[] {
    return [...this.#links.values()].flatMap(({ peer, connection }) =>
      peer !== null && connection !== null ? [peer.pod] : [],
    );
  }

  close(): void {
    this.#isClosed = true;
    for (const link of this.#links.values()) {
      if (link.timer !== null) clearTimeout(link.timer);
      link.connection?.close();
    }
  }

  #add(address: PeerAddress, isLearned: boolean): void {
    const { self } = this.#options;
    if (address.ip === self.ip && address.port === self.port) return;
    const known = this.#links.get(keyOf(address));
    if (known !== undefined) {
      known.isWanted = true;
      known.isLearned &&= isLearned;
      return;
    }
    const alike = [...this.#links.values()].filter((link) => link.isLearned === isLearned).length;
    if (alike >= (isLearned ? MAX_LEARNED : MAX_LINKS)) return;
    const { ip, port } = address;
    const fresh = {
      connection: null,
      isConnecting: false,
      peer: null,
      silent: 0,
      retryMs: FIRST_RETRY_MS,
      timer: null,
      isWanted: true,
    };
    const link: Link = { address: { ip, port }, isLearned, ...fresh, complaints: new Set(), complainedAtMs: 0 };
    this.#links.set(keyOf(address), link);
    void this.#connect(link);
  }

  /** @throws OperationError when the answer can not be one to this request. */
  #check(answer: PeerAnswer, request: PeerRequest, peer: PodIdentity): PeerAnswer {
    const mismatch = mismatchOf(answer, request, peer) ?? this.#implausible(answer.term);
    if (mismatch !== null) throw new OperationError('BADMESSAGE', `its answer does not count: ${mismatch}`);
    return answer;
  }

  #implausible(term: Term): string | null {
    const newest = this.#options.newestTerm();
    return isPlausibleTerm(term, newest) ? null : `term ${String(term)} is not plausible, here it is ${String(newest)}`;
  }

  /** Each complaint is told once, and of one address only so many. */
  #complain(link: Link, text: string): void {
    if (link.complaints.has(text) || link.complaints.size >= MAX_COMPLAINTS) return;
    link.complaints.add(text);
    link.complainedAtMs = performance.now();
    this.#options.onTrouble(link.address, text.slice(0, MAX_COMPLAINT_LENGTH));
  }

  #retryLater(link: Link, delayMs: number): void {
    if (this.#isClosed || link.timer !== null || link.isConnecting) return;
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
    if (link.peer !== null && !this.#isClosed && !this.#reaches(link.peer)) this.#options.onLost(link.peer);
  }

  /** It may have more than one address. */
  #reaches({ uid }: PodIdentity): boolean {
    return [...this.#links.values()].some(({ peer, connection }) => connection !== null && peer?.uid === uid);
  }

  async #connect(link: Link): Promise<void> {
    // The old connection may have come through in the meantime.
    const isNeeded = link.connection === null || link.silent >= MAX_SILENT;
    if (this.#isClosed || link.isConnecting || !isNeeded) return;
    const { username, password, timeoutMs, leaseMs } = this.#options;
    let connection: RedisConnection | null = null;
    link.isConnecting = true;
    try {
      connection = await connectRedis(
        { host: link.address.ip, port: link.address.port, username, password },
        { connectTimeoutMs: timeoutMs, commandTimeoutMs: leaseMs },
      );
      await this.#greet(link, connection);
      link.isConnecting = false;
    } catch (error) {
      link.isConnecting = false;
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
    const stranger = this.#whyStranger(status);
    if (stranger !== null) {
      connection.close();
      link.isConnecting = false;
      this.#complain(link, `${stranger}: ignored`);
      this.#retryLater(link, STRANGER_RETRY_MS);
      return;
    }
    const before = link.connection;
    link.connection = connection;
    before?.close();
    link.peer = status.from;
    link.silent = 0;
    link.retryMs = FIRST_RETRY_MS;
    if (performance.now() - link.complainedAtMs >= COMPLAINT_MEMORY_MS) link.complaints.clear();
    connection.onClose(() => this.#drop(link, connection));
    this.#options.onMet(status);
  }

  #whyStranger({ cluster, from, term }: PeerStatus): string | null {
    const { self, cluster: ours } = this.#options;
    if (cluster !== ours) return `it belongs to another cluster (${cluster}, this one is ${ours})`;
    if (from.pod === self.pod) return `it says that it is ${from.pod}, and so is this one`;
    return this.#implausible(term);
  }
}

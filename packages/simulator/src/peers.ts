import type { PeerAnswer, PeerRequest, PeerStatus, PodIdentity, PodName } from '@sentinel-micro/core';
import type { Machine, Network, Socket } from './network.ts';
import type { Process } from './process.ts';
import type { Timer } from './scheduler.ts';

export type PeerMessage =
  | { readonly kind: 'status'; readonly id: number }
  | { readonly kind: 'status-is'; readonly id: number; readonly status: PeerStatus }
  | { readonly kind: 'request'; readonly id: number; readonly request: PeerRequest }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: PeerAnswer };

export interface PeersOptions {
  readonly network: Network;
  readonly process: Process;
  readonly machine: Machine;
  readonly cluster: string;
  readonly timeoutMs: number;
  /** How long an answer to a renewal is of use. */
  readonly leaseMs: number;
  readonly onMet: (status: PeerStatus) => void;
  /** The last connection to a sidecar has ended. */
  readonly onLost: (peer: PodIdentity) => void;
}

interface Call {
  readonly socket: Socket;
  readonly timer: Timer;
  readonly done: (message: PeerMessage | null, code: 'TIMEOUT' | 'CLOSED' | null) => void;
}

interface Link {
  readonly ip: string;
  socket: Socket | null;
  peer: PodIdentity | null;
  silent: number;
  retryMs: number;
  isWaiting: boolean;
  /** A second connection is being tried. */
  isConnecting: boolean;
  isWanted: boolean;
  readonly calls: Map<number, Call>;
}

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1000;
const STRANGER_RETRY_MS = 10_000;
const MAX_SILENT = 2;

/** Keeps one connection to each peer's sidecar, as packages/runtime/src/peer-transport.ts does. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #links = new Map<string, Link>();
  #nextId = 1;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  setAddresses(ips: readonly string[]): void {
    for (const link of this.#links.values()) link.isWanted = ips.includes(link.ip);
    for (const ip of ips) this.learn(ip);
  }

  learn(ip: string): void {
    if (ip === this.#options.machine.ip) return;
    const known = this.#links.get(ip);
    if (known !== undefined) {
      known.isWanted = true;
      return;
    }
    const fresh = {
      socket: null,
      peer: null,
      silent: 0,
      retryMs: FIRST_RETRY_MS,
      isWaiting: false,
      isConnecting: false,
      isWanted: true,
    };
    const link: Link = { ip, ...fresh, calls: new Map() };
    this.#links.set(ip, link);
    this.#connect(link);
  }

  connectedCount(): number {
    let count = 0;
    for (const link of this.#links.values()) if (link.peer !== null && link.socket !== null) count += 1;
    return count;
  }

  ask(pod: PodName, request: PeerRequest, done: (answer: PeerAnswer | null) => void): void {
    for (const link of this.#links.values()) {
      const { socket } = link;
      if (link.peer?.pod !== pod || socket === null) continue;
      this.#askOver(link, socket, request, done);
      return;
    }
    done(null);
  }

  #askOver(link: Link, socket: Socket, request: PeerRequest, done: (answer: PeerAnswer | null) => void): void {
    const { process, timeoutMs, leaseMs } = this.#options;
    const isRenewal = request.type === 'RENEW';
    let isAnswered = false;
    const lateness = process.after(timeoutMs, () => {
      this.#countSilence(link, socket);
      if (isRenewal) return;
      isAnswered = true;
      done(null);
    });
    const id = this.#nextId++;
    this.#call(link, socket, { kind: 'request', id, request }, leaseMs, (message, code) => {
      lateness.isCancelled = true;
      if (message?.kind === 'answer' && link.socket === socket) link.silent = 0;
      if (code === 'TIMEOUT' && link.socket === socket && link.silent >= MAX_SILENT) this.#drop(link, socket);
      if (!isAnswered) done(message?.kind === 'answer' ? message.answer : null);
    });
  }

  /** The old connection is kept until a new one comes through: it may come through first. */
  #countSilence(link: Link, socket: Socket): void {
    if (link.socket !== socket) return;
    link.silent += 1;
    if (link.silent >= MAX_SILENT) this.#retryLater(link, FIRST_RETRY_MS);
  }

  #call(link: Link, socket: Socket, message: PeerMessage, timeoutMs: number, done: Call['done']): void {
    const timer = this.#options.process.after(timeoutMs, () => {
      link.calls.delete(message.id);
      done(null, 'TIMEOUT');
    });
    link.calls.set(message.id, { socket, timer, done });
    socket.send(message);
  }

  #retryLater(link: Link, delayMs: number): void {
    if (link.isWaiting || link.isConnecting) return;
    if (!link.isWanted) {
      this.#links.delete(link.ip);
      return;
    }
    link.isWaiting = true;
    this.#options.process.after(delayMs, () => {
      link.isWaiting = false;
      this.#connect(link);
    });
  }

  #failCalls(link: Link, socket: Socket): void {
    for (const [id, call] of link.calls) {
      if (call.socket !== socket) continue;
      link.calls.delete(id);
      call.timer.isCancelled = true;
      call.done(null, 'CLOSED');
    }
  }

  #drop(link: Link, socket: Socket): void {
    socket.close();
    if (link.socket !== socket) return;
    link.socket = null;
    this.#failCalls(link, socket);
    this.#retryLater(link, FIRST_RETRY_MS);
    if (link.peer !== null && !this.#reaches(link.peer)) this.#options.onLost(link.peer);
  }

  /** It may have more than one address. */
  #reaches({ uid }: PodIdentity): boolean {
    return [...this.#links.values()].some(({ peer, socket }) => socket !== null && peer?.uid === uid);
  }

  #failed(link: Link): void {
    this.#retryLater(link, link.retryMs);
    link.retryMs = Math.min(LAST_RETRY_MS, link.retryMs * 2);
  }

  #connect(link: Link): void {
    const { network, process, machine, timeoutMs } = this.#options;
    // The old connection may have come through in the meantime.
    if (link.isConnecting || (link.socket !== null && link.silent < MAX_SILENT)) return;
    link.isConnecting = true;
    network.connect(process, machine, link.ip, 'sidecar', timeoutMs, (socket) => {
      if (socket === null) {
        link.isConnecting = false;
        this.#failed(link);
        return;
      }
      socket.onMessage = (message) => this.#take(link, message as PeerMessage);
      socket.onClose = () => this.#failCalls(link, socket);
      const id = this.#nextId++;
      this.#call(link, socket, { kind: 'status', id }, this.#options.leaseMs, (message) => {
        link.isConnecting = false;
        if (message?.kind === 'status-is') this.#greet(link, socket, message.status);
        else {
          socket.close();
          this.#failed(link);
        }
      });
    });
  }

  #greet(link: Link, socket: Socket, status: PeerStatus): void {
    if (status.cluster !== this.#options.cluster) {
      socket.close();
      this.#retryLater(link, STRANGER_RETRY_MS);
      return;
    }
    const before = link.socket;
    link.socket = socket;
    if (before !== null) {
      before.close();
      this.#failCalls(link, before);
    }
    link.peer = status.from;
    link.silent = 0;
    link.retryMs = FIRST_RETRY_MS;
    socket.onClose = () => this.#drop(link, socket);
    this.#options.onMet(status);
  }

  #take(link: Link, message: PeerMessage): void {
    const call = link.calls.get(message.id);
    if (call === undefined) return;
    link.calls.delete(message.id);
    call.timer.isCancelled = true;
    call.done(message, null);
  }
}

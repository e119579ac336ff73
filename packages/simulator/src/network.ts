import type { Process } from './process.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

export type Service = 'redis' | 'sidecar';

/** A host in the network. The slot stays when a pod is made anew, the address does not: cuts go by slot. */
export interface Machine {
  /** Changes only when a pod is abandoned: its successor has the place then. */
  slot: number;
  readonly ip: string;
  /** Which Redis password is known here: that of the set under test, or of somebody else's. */
  readonly realm: 'own' | 'foreign';
  isUp: boolean;
  /** How far the wall clock is off: Redis reads it, sidecars do not. */
  wallOffsetMs: number;
  readonly services: Map<Service, Process>;
}

export interface NetworkConditions {
  leastDelayMs: number;
  mostDelayMs: number;
  lossRate: number;
  /** How often a request reaches a sidecar a second time. */
  duplicateRate: number;
  /** What goes to this machine takes so much longer. */
  slowSlot: number | null;
  slowMs: number;
}

/** TCP sends again after 200 ms, then twice that, and so on; the real limit is 120 s, which would only make runs longer. */
const FIRST_RETRANSMIT_MS = 200;
const LAST_RETRANSMIT_MS = 2000;
const FIRST_SYN_RETRY_MS = 1000;
const LOOPBACK_MS = 0.2;

/** One direction of a connection: in order, and what is lost holds up what comes after it. */
class Lane {
  readonly #network: Network;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #queue: (() => void)[] = [];
  #isStalled = false;
  #retransmitMs = FIRST_RETRANSMIT_MS;
  #lastArrivalMs = 0;

  constructor(network: Network, from: Socket, to: Socket) {
    this.#network = network;
    this.#from = from;
    this.#to = to;
  }

  push(arrive: () => void): void {
    this.#queue.push(arrive);
    if (!this.#isStalled) this.#transmit();
  }

  #transmit(): void {
    const { scheduler, random } = this.#network;
    const from = this.#from.machine;
    const to = this.#to.machine;
    while (this.#queue.length > 0) {
      // Nobody will ever answer for an address that is gone.
      if (!to.isUp || !from.isUp) {
        this.#queue.length = 0;
        return;
      }
      if (!this.#network.passes(from, to)) {
        this.#isStalled = true;
        scheduler.after(this.#retransmitMs * random.between(0.9, 1.1), () => {
          this.#isStalled = false;
          this.#transmit();
        });
        this.#retransmitMs = Math.min(LAST_RETRANSMIT_MS, this.#retransmitMs * 2);
        return;
      }
      this.#retransmitMs = FIRST_RETRANSMIT_MS;
      const arrive = this.#queue.shift();
      const atMs = Math.max(this.#lastArrivalMs, scheduler.nowMs + this.#network.delayMs(from, to));
      this.#lastArrivalMs = atMs;
      scheduler.after(atMs - scheduler.nowMs, () => {
        if (to.isUp) arrive?.();
      });
    }
  }
}

/** One end of a TCP connection. */
export class Socket {
  readonly process: Process;
  readonly machine: Machine;
  isOpen = true;
  onMessage: (message: unknown) => void = () => undefined;
  onClose: () => void = () => undefined;
  #lane: Lane | null = null;
  #peer: Socket | null = null;

  constructor(process: Process, machine: Machine) {
    this.process = process;
    this.machine = machine;
    process.sockets.add(this);
  }

  join(network: Network, peer: Socket): void {
    this.#peer = peer;
    this.#lane = new Lane(network, this, peer);
  }

  get remoteMachine(): Machine | null {
    return this.#peer?.machine ?? null;
  }

  get remoteProcess(): Process | null {
    return this.#peer?.process ?? null;
  }

  send(message: unknown): void {
    const peer = this.#peer;
    if (!this.isOpen || peer === null) return;
    this.#lane?.push(() => {
      // The answer of a kernel whose process is gone: reset.
      if (!peer.process.isAlive || !peer.isOpen) peer.#sayClosed();
      else
        peer.process.deliver('io', () => {
          if (peer.isOpen) peer.onMessage(message);
        });
    });
  }

  /** Ends the connection; the other end learns of it when the network lets it. The own `onClose` is not called. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.process.sockets.delete(this);
    this.#sayClosed();
  }

  #sayClosed(): void {
    const peer = this.#peer;
    this.#lane?.push(() => peer?.process.deliver('io', () => peer.#closedByPeer()));
  }

  #closedByPeer(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.process.sockets.delete(this);
    this.onClose();
  }
}

/** The network between machines: delays, losses, cuts in either direction, and TCP on top. */
export class Network {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly conditions: NetworkConditions = {
    leastDelayMs: 0.1,
    mostDelayMs: 1,
    lossRate: 0,
    duplicateRate: 0,
    slowSlot: null,
    slowMs: 0,
  };
  readonly #machines = new Map<string, Machine>();
  readonly #slots: number;
  /** For each direction of each pair: how many faults cut it now. */
  readonly #cuts: Int32Array;

  constructor(scheduler: Scheduler, random: Random, slots: number) {
    this.scheduler = scheduler;
    this.random = random;
    this.#slots = slots;
    this.#cuts = new Int32Array(slots * slots);
  }

  add(machine: Machine): void {
    this.#machines.set(machine.ip, machine);
  }

  remove(machine: Machine): void {
    machine.isUp = false;
    this.#machines.delete(machine.ip);
  }

  machineAt(ip: string): Machine | null {
    return this.#machines.get(ip) ?? null;
  }

  cut(from: number, to: number, by: 1 | -1): void {
    const index = from * this.#slots + to;
    this.#cuts[index] = (this.#cuts[index] ?? 0) + by;
  }

  isCut(from: Machine, to: Machine): boolean {
    return from !== to && (this.#cuts[from.slot * this.#slots + to.slot] ?? 0) > 0;
  }

  passes(from: Machine, to: Machine): boolean {
    if (from === to) return true;
    return !this.isCut(from, to) && !(this.conditions.lossRate > 0 && this.random.chance(this.conditions.lossRate));
  }

  delayMs(from: Machine, to: Machine): number {
    if (from === to) return this.random.between(0.02, LOOPBACK_MS);
    const { leastDelayMs, mostDelayMs, slowSlot, slowMs } = this.conditions;
    const detourMs = to.slot === slowSlot ? slowMs * this.random.between(0.9, 1.1) : 0;
    // Squared, so that most are fast and a few are slow.
    return detourMs + leastDelayMs + this.random.next() ** 2 * (mostDelayMs - leastDelayMs);
  }

  /** Opens a connection. `done` is called once: with the own end, or with the reason why there is none. */
  connect(
    process: Process,
    from: Machine,
    ip: string,
    service: Service,
    timeoutMs: number,
    done: (socket: Socket | null, error: 'refused' | 'timeout') => void,
  ): void {
    let isDone = false;
    const timer = process.after(timeoutMs, () => finish(null, 'timeout'));
    const finish = (socket: Socket | null, error: 'refused' | 'timeout'): void => {
      if (isDone) {
        socket?.close();
        return;
      }
      isDone = true;
      timer.isCancelled = true;
      done(socket, error);
    };
    const attempt = (retryMs: number, spentMs: number): void => {
      if (isDone || !process.isAlive || !from.isUp) return;
      const to = this.#machines.get(ip) ?? null;
      if (to === null || !this.passes(from, to) || !this.passes(to, from)) {
        if (spentMs + retryMs < timeoutMs) this.scheduler.after(retryMs, () => attempt(retryMs * 2, spentMs + retryMs));
        return;
      }
      this.scheduler.after(this.delayMs(from, to), () => this.#arrive(process, from, to, service, finish));
    };
    attempt(FIRST_SYN_RETRY_MS, 0);
  }

  #arrive(
    process: Process,
    from: Machine,
    to: Machine,
    service: Service,
    finish: (socket: Socket | null, error: 'refused' | 'timeout') => void,
  ): void {
    if (!to.isUp || !process.isAlive) return;
    const server = to.services.get(service);
    const backMs = this.delayMs(to, from);
    if (server?.isAlive !== true) {
      this.scheduler.after(backMs, () => process.deliver('io', () => finish(null, 'refused')));
      return;
    }
    // A kernel accepts for a stopped process as well.
    const near = new Socket(process, from);
    const far = new Socket(server, to);
    near.join(this, far);
    far.join(this, near);
    server.deliver('io', () => server.accept(far));
    this.scheduler.after(backMs, () => {
      if (process.isAlive) process.deliver('io', () => finish(near.isOpen ? near : null, 'refused'));
    });
  }
}

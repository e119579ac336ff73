import type { StoredLease, StoreOutcome, StoreRecord, StoreRequest } from '@sentinel-micro/core';
import type { Machine, Network } from './network.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';

/** How the API is doing. */
export interface ApiConditions {
  /** So many faults keep it from answering anybody. */
  away: number;
  /** While it is away: it says so at once, instead of saying nothing. */
  isAwayLoudly: boolean;
  mostDelayMs: number;
  /** How often an answer is lost after what was asked for has been done. */
  answerLossRate: number;
  /** How often it refuses, for it has too much to do. */
  refusalRate: number;
}

const MOST_DELAY_MS = 8;
const FIRST_RETRANSMIT_MS = 200;
/** Whoever waits longer has given up: but the request may yet arrive. */
const LAST_RETRANSMIT_MS = 3200;

/**
 * The API server with one Lease in it: compare and swap by version, as etcd does. Requests are delayed, lost and refused, and what was
 * sent may arrive when the one who sent it has long given up, or is dead.
 */
export class LeaseApi {
  readonly machine: Machine;
  readonly conditions: ApiConditions = {
    away: 0,
    isAwayLoudly: false,
    mostDelayMs: MOST_DELAY_MS,
    answerLossRate: 0,
    refusalRate: 0,
  };
  readonly #network: Network;
  readonly #random: Random;
  readonly #log: (text: string) => void;
  #record: { version: number; lease: StoredLease | null } | null = null;
  #nextVersion = 1;

  constructor(network: Network, random: Random, slot: number, log: (text: string) => void) {
    this.#network = network;
    this.#random = random;
    this.#log = log;
    this.machine = { slot, ip: '10.96.0.1', realm: 'foreign', isUp: true, wallOffsetMs: 0, services: new Map() };
  }

  /** Asks, as a sidecar does. `done` is called once, within `timeoutMs`. */
  ask(
    from: { readonly process: Process; readonly machine: Machine },
    request: StoreRequest,
    timeoutMs: number,
    done: (outcome: StoreOutcome) => void,
  ): void {
    const { process, machine } = from;
    let isDone = false;
    const finish = (outcome: StoreOutcome): void => {
      if (isDone) return;
      isDone = true;
      timer.isCancelled = true;
      done(outcome);
    };
    const timer = process.after(timeoutMs, () => finish({ kind: 'away', error: 'Timeout' }));
    const answer = (outcome: StoreOutcome): void => {
      this.#carry(this.machine, machine, FIRST_RETRANSMIT_MS, () => process.deliver('io', () => finish(outcome)));
    };
    this.#carry(machine, this.machine, FIRST_RETRANSMIT_MS, () => this.#serve(machine, request, answer));
  }

  /** Somebody changes what the protocol does not look at. */
  touch(): void {
    if (this.#record !== null) this.#record = { ...this.#record, version: this.#nextVersion++ };
  }

  /** Somebody deletes it by hand. */
  delete(): void {
    this.#record = null;
  }

  #carry(from: Machine, to: Machine, retryMs: number, arrive: () => void): void {
    const { scheduler } = this.#network;
    if (!from.isUp || !to.isUp) return;
    if (!this.#network.passes(from, to)) {
      if (retryMs <= LAST_RETRANSMIT_MS) scheduler.after(retryMs, () => this.#carry(from, to, retryMs * 2, arrive));
      return;
    }
    const delayMs = this.#network.delayMs(from, to) + this.#random.next() ** 2 * this.conditions.mostDelayMs;
    scheduler.after(delayMs, arrive);
  }

  #serve(machine: Machine, request: StoreRequest, answer: (outcome: StoreOutcome) => void): void {
    const { away, isAwayLoudly, refusalRate, answerLossRate } = this.conditions;
    if (away > 0) {
      if (isAwayLoudly) answer({ kind: 'away', error: 'ECONNREFUSED' });
      return;
    }
    if (refusalRate > 0 && this.#random.chance(refusalRate)) {
      const retryAfterMs = this.#random.chance(0.5) ? 1000 : null;
      answer({ kind: 'refused', error: 'TooManyRequests', retryAfterMs });
      return;
    }
    const outcome = this.#carryOut(machine, request);
    const isLost = answerLossRate > 0 && this.#random.chance(answerLossRate);
    if (!isLost) answer(outcome);
  }

  #carryOut(machine: Machine, request: StoreRequest): StoreOutcome {
    if (request.do === 'read') return { kind: 'record', record: this.#read() };
    const standing = this.#record === null ? null : String(this.#record.version);
    if (standing !== request.version) return { kind: 'conflict' };
    const before = this.#record?.lease ?? null;
    const { lease } = request;
    this.#record = { version: this.#nextVersion++, lease };
    if (
      before?.holder.uid !== lease.holder.uid ||
      before.isReleased !== lease.isReleased ||
      before.term !== lease.term
    ) {
      const what = lease.isReleased
        ? `given back by ${lease.holder.pod} to ${lease.to ?? 'whoever'}`
        : lease.holder.pod;
      this.#log(`store: term ${String(lease.term)}: ${what} (from ${machine.ip}, version ${this.#nextVersion - 1})`);
    }
    return { kind: 'record', record: this.#read() };
  }

  #read(): StoreRecord {
    if (this.#record === null) return { kind: 'none', version: null };
    const { lease } = this.#record;
    const version = String(this.#record.version);
    return lease === null ? { kind: 'none', version } : { kind: 'lease', version, lease };
  }
}

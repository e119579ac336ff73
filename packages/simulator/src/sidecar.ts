import type {
  Action,
  Input,
  Memory,
  Moment,
  NodeConfig,
  NodeState,
  Note,
  PeerAnswer,
  PeerRequest,
  RequestRef,
  Timings,
} from '@sentinel-micro/core';
import type { Core } from './core.ts';
import type { Machine, Network, Socket } from './network.ts';
import { OwnRedisWatch } from './own-redis.ts';
import { Peers, type PeerMessage } from './peers.ts';
import { Process } from './process.ts';
import type { Random } from './random.ts';
import { actOnRemote } from './remote-redis.ts';
import type { Timer } from './scheduler.ts';
import type { LeaseApi } from './store-model.ts';

/** A machine's steady clock: local time = offset + rate * true time. The offset changes only when a suspension is not counted. */
export interface LocalClock {
  offsetMs: number;
  readonly rate: number;
}

/** What the rest of the world is to know of a sidecar, and what it gives it. */
export interface SidecarEnvironment {
  readonly core: Core;
  readonly api: LeaseApi | null;
  readonly network: Network;
  readonly random: Random;
  readonly machine: Machine;
  readonly clock: LocalClock;
  readonly hasPassword: boolean;
  /** What DNS says, or null when it does not answer. */
  readonly resolve: () => readonly string[] | null;
  readonly onInput: (sidecar: Sidecar, input: Input) => void;
  readonly onAction: (sidecar: Sidecar, action: Action) => void;
  readonly onNote: (sidecar: Sidecar, note: Note) => void;
  readonly onDecided: (sidecar: Sidecar) => void;
  readonly onReason: (sidecar: Sidecar) => void;
  readonly onStopped: (sidecar: Sidecar) => void;
}

const DNS_EVERY_MS = 5000;
const DNS_WHILE_MISSING_MS = 500;
/** How late a timer may be: other work in the process, other processes on the machine. */
const MOST_LATENESS_MS = 4;
const MOST_DUPLICATE_DELAY_MS = 1500;
/** As in the loop of the sidecar: how often the clock is looked at. Of use only after a suspension, so only then it is done here. */
const CLOCK_WATCH_MS = 100;

/** As packages/sentinel/src/kube/lease-store.ts has it, with the default of --kube-timeout-ms. */
const storeTimeoutMs = ({ leaseMs }: Timings): number => Math.min(1000, Math.floor(leaseMs / 3));

/** One sidecar process: the real core in the loop of packages/sentinel/src/loop.ts, on simulated ports. */
export class Sidecar extends Process {
  readonly config: NodeConfig;
  state: NodeState;
  readonly startedAtMs: number;
  readonly #environment: SidecarEnvironment;
  readonly #own: OwnRedisWatch;
  readonly #peers: Peers;
  readonly #waiting = new Map<RequestRef, (answer: PeerAnswer) => void>();
  readonly #inputs: Input[] = [];
  #nextRef = 1;
  #isDeciding = false;
  #timer: Timer | null = null;
  #wakeAtMs = -Infinity;

  constructor(environment: SidecarEnvironment, config: NodeConfig, memory: Memory | null) {
    super(environment.network.scheduler);
    this.#environment = environment;
    this.config = config;
    this.startedAtMs = this.scheduler.nowMs;
    const { network, machine } = environment;
    const { timings, cluster } = config;
    this.state = environment.core.startNode(config, this.#moment(), memory);
    machine.services.set('sidecar', this);
    this.#peers = new Peers({
      network,
      process: this,
      machine,
      cluster,
      timeoutMs: timings.requestTimeoutMs,
      leaseMs: timings.leaseMs,
      onMet: ({ from, master, term, pauses = 0 }) =>
        this.feed({ type: 'peer-met', identity: from, announcement: master, term, pauses }),
      onLost: (identity) => this.feed({ type: 'peer-lost', identity }),
    });
    this.#own = new OwnRedisWatch({
      network,
      process: this,
      machine,
      timeoutMs: Math.max(50, Math.floor(timings.downAfterMs / 2)),
      sampleEveryMs: timings.heartbeatMs,
      downAfterMs: timings.downAfterMs,
      now: () => this.localNow(),
      onSample: (sample, minReplicas) => this.feed({ type: 'redis', sample, minReplicas }),
    });
    this.#schedule(this.localNow());
    this.#lookUp();
  }

  get machine(): Machine {
    return this.#environment.machine;
  }

  localNow(): number {
    const { offsetMs, rate } = this.#environment.clock;
    return offsetMs + rate * this.scheduler.nowMs;
  }

  /** True time of a moment on the own clock. */
  trueTimeOf(localMs: number): number {
    const { offsetMs, rate } = this.#environment.clock;
    return (localMs - offsetMs) / rate;
  }

  /** Until when this sidecar believes in its lease, in true time; -Infinity when it holds none. */
  heldUntilTrueMs(): number {
    if (!this.isAlive) return -Infinity;
    const untilMs = this.#environment.core.heldUntilMs(this.state);
    return Number.isFinite(untilMs) ? this.trueTimeOf(untilMs) : -Infinity;
  }

  override wake(first: 'io' | 'timer'): void {
    super.wake(first);
    this.after(this.#environment.random.between(0, CLOCK_WATCH_MS), () => {
      if (this.localNow() >= this.#wakeAtMs) this.feed({ type: 'tick' });
    });
  }

  override accept(socket: Socket): void {
    const { hasPassword, machine } = this.#environment;
    if (hasPassword && socket.remoteMachine?.realm !== machine.realm) {
      socket.close();
      return;
    }
    socket.onMessage = (message) => this.#serve(socket, message as PeerMessage);
  }

  feed(input: Input): void {
    this.#inputs.push(input);
    if (this.#isDeciding) return;
    this.#isDeciding = true;
    for (let next = this.#inputs.shift(); next !== undefined && this.isAlive; next = this.#inputs.shift()) {
      this.#decideOnce(next);
    }
    this.#isDeciding = false;
  }

  #moment(): Moment {
    return { nowMs: this.localNow(), random: this.#environment.random.next() };
  }

  #decideOnce(input: Input): void {
    const { core, onInput, onNote, onReason } = this.#environment;
    onInput(this, input);
    const before = this.state;
    const decision = core.decide(before, input, this.#moment());
    this.state = decision.state;
    if (this.state.members !== before.members) for (const ip of core.introductions(this.state)) this.#peers.learn(ip);
    this.#environment.onDecided(this);
    for (const note of decision.notes) onNote(this, note);
    if (this.state.reason !== before.reason) onReason(this);
    for (const action of decision.actions) {
      if (!this.isAlive) return;
      this.#run(action);
    }
    this.#schedule(decision.wakeAtMs);
  }

  #schedule(wakeAtMs: number): void {
    if (this.#timer !== null) this.#timer.isCancelled = true;
    this.#wakeAtMs = wakeAtMs;
    const delayMs = Math.max(1, Math.ceil(wakeAtMs - this.localNow()));
    const lateMs = this.#environment.random.next() ** 4 * MOST_LATENESS_MS;
    this.#timer = this.after(delayMs / this.#environment.clock.rate + lateMs, () => this.feed({ type: 'tick' }));
  }

  #run(action: Action): void {
    const { api, core, network, machine, onAction, onStopped } = this.#environment;
    switch (action.type) {
      case 'ask':
        this.#peers.ask(action.to, action.request, (answer) => {
          const { to: from, request, sentAtMs } = action;
          this.feed({ type: 'answer', from, request, sentAtMs, answer });
        });
        break;
      case 'answer': {
        const { term, pauses, config } = this.state;
        const { cluster, self } = config;
        this.#waiting.get(action.ref)?.({ v: 1, cluster, from: self, term, pauses, ...action.body });
        this.#waiting.delete(action.ref);
        break;
      }
      case 'own':
        if (action.action.kind === 'sample') this.#own.sample();
        else {
          this.#own.execute(action.action, (outcome) => {
            this.feed({ type: 'own-done', id: action.id, action: action.action, outcome });
          });
        }
        break;
      case 'remote': {
        const { probeTimeoutMs: timeoutMs } = this.config.timings;
        const options = { core, network, process: this, machine, timeoutMs, now: () => this.localNow() };
        actOnRemote(options, action, (outcome) => {
          this.feed({ type: 'remote-done', id: action.id, pod: action.pod, outcome });
        });
        break;
      }
      case 'store': {
        const timeoutMs = storeTimeoutMs(this.config.timings);
        api?.ask({ process: this, machine }, action.request, timeoutMs, (outcome) => {
          this.feed({ type: 'store-done', id: action.id, sentAtMs: action.sentAtMs, outcome });
        });
        break;
      }
      case 'command-done':
      case 'master-changed':
        break;
      case 'stopped':
        onStopped(this);
        break;
    }
    onAction(this, action);
  }

  #serve(socket: Socket, message: PeerMessage): void {
    const { id } = message;
    if (message.kind === 'status') {
      const status = this.#environment.core.statusOf(this.state, this.localNow());
      socket.send({ kind: 'status-is', id, status } satisfies PeerMessage);
    } else if (message.kind === 'request') this.#serveRequest(socket, id, message.request);
  }

  #serveRequest(socket: Socket, id: number, request: PeerRequest): void {
    const { core } = this.#environment;
    if (request.cluster === this.config.cluster && core.isPodOfSet(this.state, request.from)) {
      this.#peers.learn(request.from.ip);
    }
    const ref = this.#nextRef++;
    this.#waiting.set(ref, (answer) => socket.send({ kind: 'answer', id, answer } satisfies PeerMessage));
    this.feed({ type: 'request', ref, request });
    const { random, network } = this.#environment;
    if (network.conditions.duplicateRate === 0 || !random.chance(network.conditions.duplicateRate)) return;
    this.after(random.between(0, MOST_DUPLICATE_DELAY_MS), () => {
      this.feed({ type: 'request', ref: this.#nextRef++, request });
    });
  }

  #lookUp(): void {
    const { random, resolve } = this.#environment;
    const answerAfterMs = random.between(1, 20);
    this.after(answerAfterMs, () => {
      const found = resolve();
      if (found !== null) {
        this.#peers.setAddresses(found);
        this.feed({ type: 'addresses', ips: found });
      }
      const isComplete = this.#peers.connectedCount() >= this.state.config.members.length - 1;
      this.after(isComplete ? DNS_EVERY_MS : DNS_WHILE_MISSING_MS, () => this.#lookUp());
    });
  }
}

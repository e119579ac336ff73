import {
  decide,
  describeOwnAction,
  introductions,
  memoryOf,
  startNode,
  type Action,
  type Command,
  type CommandResult,
  type Decision,
  type Input,
  type Memory,
  type Moment,
  type NodeConfig,
  type NodeState,
  type Outcome,
  type OwnAction,
  type PeerAnswer,
  type PeerRequest,
  type PodName,
  type StoreOutcome,
  type StoreRequest,
} from '@sentinel-micro/core';
import type { Clock, Logger } from '@sentinel-micro/runtime';

type RemoteOrder = Extract<Action, { type: 'remote' }>;

/** What the loop needs of the world. */
export interface LoopPorts {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly ask: (pod: PodName, request: PeerRequest) => Promise<PeerAnswer | null>;
  readonly executeOwn: (action: OwnAction) => Promise<Outcome>;
  readonly sampleOwn: () => void;
  /** Asks the store of the lease; never fails, and ends in time. */
  readonly askStore: (request: StoreRequest) => Promise<StoreOutcome>;
  readonly executeRemote: (order: RemoteOrder) => Promise<Outcome>;
  /** The sidecars at these addresses are to be met. */
  readonly meet: (ips: readonly string[]) => void;
  /**
   * A decision has been carried out; `before` is what it began with. Told a moment later, in the order of the decisions: more of them
   * may have been taken meanwhile.
   */
  readonly onDecided: (decision: Decision, before: NodeState) => void;
  readonly onStopped: () => void;
  /** What the former life of this sidecar has kept; null when there is none. */
  readonly memory: Memory | null;
  /** Keeps it for the next life, before anything that follows from it is done. */
  readonly remember: (memory: Memory) => void;
}

/**
 * How often the clock is looked at, in milliseconds. A timer stands still while the machine is suspended, the clock does not: a lease that
 * ends soon after would be noticed late.
 */
const CLOCK_WATCH_MS = 100;

/** So many decisions are told of later; more are told of at once. */
const MAX_UNTOLD = 64;

interface Untold {
  readonly decision: Decision;
  readonly before: NodeState;
}

type AnswerListener = (answer: PeerAnswer) => void;

/** The sidecar's loop: something happened, decide, act. Inputs are handled one after the other, in the order in which they come. */
export class Loop {
  readonly #ports: LoopPorts;
  readonly #waiting = new Map<number, AnswerListener>();
  readonly #ordered = new Map<number, (result: CommandResult) => void>();
  readonly #inputs: Input[] = [];
  /** Decisions that were carried out, and neither logged nor told yet. */
  readonly #untold: Untold[] = [];
  #state: NodeState;
  #nextRef = 1;
  #isDeciding = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | null = null;
  #telling: NodeJS.Immediate | null = null;

  constructor(config: NodeConfig, ports: LoopPorts) {
    this.#ports = ports;
    this.#state = startNode(config, this.#moment(), ports.memory);
    this.#schedule(ports.clock.now());
  }

  get state(): NodeState {
    return this.#state;
  }

  feed(input: Input): void {
    if (this.#isClosed) return;
    this.#inputs.push(input);
    // An action may lead to the next input at once; it waits until this decision is carried out whole.
    if (this.#isDeciding) return;
    this.#isDeciding = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#decideOnce(next);
    } finally {
      this.#isDeciding = false;
    }
  }

  /** Puts a peer's question to the core. @returns its answer, which may have to wait for the own Redis. */
  request(request: PeerRequest): Promise<PeerAnswer> {
    const ref = this.#nextRef;
    this.#nextRef += 1;
    return new Promise((resolve) => {
      this.#waiting.set(ref, resolve);
      this.feed({ type: 'request', ref, request });
    });
  }

  /** Orders something of the core. @returns how it ended, which takes as long as it takes; the core bounds it. */
  command(command: Command): Promise<CommandResult> {
    const ref = this.#nextRef;
    this.#nextRef += 1;
    return new Promise((resolve) => {
      this.#ordered.set(ref, resolve);
      this.feed({ type: 'command', ref, command });
    });
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#tell();
  }

  #moment(): Moment {
    return { nowMs: this.#ports.clock.now(), random: this.#ports.random() };
  }

  #schedule(wakeAtMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const { clock } = this.#ports;
    const delayMs = Math.max(1, Math.ceil(wakeAtMs - clock.now()));
    this.#timer = setTimeout(
      () => {
        if (clock.now() >= wakeAtMs) this.feed({ type: 'tick' });
        else this.#schedule(wakeAtMs);
      },
      Math.min(delayMs, CLOCK_WATCH_MS),
    );
  }

  #decideOnce(input: Input): void {
    const before = this.#state;
    const decision = decide(before, input, this.#moment());
    const { state } = decision;
    this.#state = state;
    this.#remember(memoryOf(state), memoryOf(before));
    if (state.members !== before.members) this.#ports.meet(introductions(state));
    for (const action of decision.actions) this.#run(action);
    this.#schedule(decision.wakeAtMs);
    this.#untold.push({ decision, before });
    // First what other pods wait for: questions and answers leave when this has returned.
    if (this.#untold.length < MAX_UNTOLD) this.#telling ??= setImmediate(() => this.#tell());
    else this.#tell();
  }

  #tell(): void {
    if (this.#telling !== null) clearImmediate(this.#telling);
    this.#telling = null;
    const { logger } = this.#ports;
    for (const { decision, before } of this.#untold.splice(0)) {
      const { state, notes } = decision;
      for (const { level, event, text, fields } of notes) logger.log(level, event, text, fields);
      if (state.reason !== before.reason) {
        logger.log('info', 'state', state.reason, { term: state.term, role: state.role.kind });
      }
      this.#ports.onDecided(decision, before);
    }
  }

  #remember(now: Memory, before: Memory): void {
    const { announcement } = now;
    const isSame =
      now.term === before.term &&
      now.pauses === before.pauses &&
      now.replicas === before.replicas &&
      announcement?.term === before.announcement?.term &&
      announcement?.history.replid === before.announcement?.history.replid;
    if (!isSame) this.#ports.remember(now);
  }

  #run(action: Action): void {
    const ports = this.#ports;
    switch (action.type) {
      case 'ask':
        void ports.ask(action.to, action.request).then((answer) => {
          this.feed({ type: 'answer', from: action.to, request: action.request, sentAtMs: action.sentAtMs, answer });
        });
        return;
      case 'answer': {
        const { term, pauses, config } = this.#state;
        const { cluster, self } = config;
        this.#waiting.get(action.ref)?.({ v: 1, cluster, from: self, term, pauses, ...action.body });
        this.#waiting.delete(action.ref);
        return;
      }
      case 'own':
        this.#runOwn(action.id, action.action);
        return;
      case 'remote':
        void ports.executeRemote(action).then((outcome) => {
          this.feed({ type: 'remote-done', id: action.id, pod: action.pod, outcome });
        });
        return;
      case 'store':
        void ports.askStore(action.request).then((outcome) => {
          this.feed({ type: 'store-done', id: action.id, sentAtMs: action.sentAtMs, outcome });
        });
        return;
      case 'command-done':
        this.#ordered.get(action.ref)?.(action.result);
        this.#ordered.delete(action.ref);
        return;
      case 'master-changed':
        // Told by what the views before and after have in common, like every other event.
        return;
      case 'stopped':
        ports.onStopped();
        return;
    }
  }

  #runOwn(id: number, action: OwnAction): void {
    if (action.kind === 'sample') {
      this.#ports.sampleOwn();
      return;
    }
    this.#ports.logger.log('debug', 'order', describeOwnAction(action));
    void this.#ports.executeOwn(action).then((outcome) => {
      this.feed({ type: 'own-done', id, action, outcome });
    });
  }
}

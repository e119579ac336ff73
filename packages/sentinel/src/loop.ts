import {
  decide,
  describeOwnAction,
  startNode,
  type Action,
  type Address,
  type Input,
  type Moment,
  type NodeConfig,
  type NodeState,
  type Outcome,
  type OwnAction,
  type PeerAnswer,
  type PeerRequest,
  type PodName,
  type RemoteAction,
  type RunId,
} from '@sentinel-micro/core';
import type { Clock, Logger } from '@sentinel-micro/runtime';

/** What the loop needs of the world. */
export interface LoopPorts {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly ask: (pod: PodName, request: PeerRequest) => Promise<PeerAnswer | null>;
  readonly executeOwn: (action: OwnAction) => Promise<Outcome>;
  readonly sampleOwn: () => void;
  readonly executeRemote: (ip: string, port: number, runId: RunId, action: RemoteAction) => Promise<Outcome>;
  readonly onMasterChanged: (from: Address | null, to: Address) => void;
  readonly onStopped: () => void;
}

/** The sidecar's loop: something happened, decide, act. */
export interface Loop {
  readonly state: NodeState;
  feed(input: Input): void;
  /** Puts a peer's question to the core. @returns its answer, which may have to wait for the own Redis. */
  request(request: PeerRequest): Promise<PeerAnswer>;
  close(): void;
}

type AnswerListener = (answer: PeerAnswer) => void;

/** Starts the loop. Inputs are handled one after the other, in the order in which they come; nothing runs in between. */
export function startLoop(config: NodeConfig, ports: LoopPorts): Loop {
  const moment = (): Moment => ({ nowMs: ports.clock.now(), random: ports.random() });
  const waiting = new Map<number, AnswerListener>();
  const inputs: Input[] = [];
  let state = startNode(config, moment());
  let nextRef = 1;
  let isDeciding = false;
  let isClosed = false;
  let timer: NodeJS.Timeout | null = null;

  function run(action: Action): void {
    switch (action.type) {
      case 'ask':
        void ports.ask(action.to, action.request).then((answer) => {
          feed({ type: 'answer', from: action.to, request: action.request, sentAtMs: action.sentAtMs, answer });
        });
        return;
      case 'answer': {
        const { cluster, self } = config;
        waiting.get(action.ref)?.({ v: 1, cluster, from: self, term: state.term, ...action.body });
        waiting.delete(action.ref);
        return;
      }
      case 'own':
        runOwn(action.id, action.action);
        return;
      case 'remote':
        void ports.executeRemote(action.ip, action.port, action.runId, action.action).then((outcome) => {
          feed({ type: 'remote-done', id: action.id, outcome });
        });
        return;
      case 'master-changed':
        ports.onMasterChanged(action.from, action.to);
        return;
      case 'stopped':
        ports.onStopped();
        return;
    }
  }

  function runOwn(id: number, action: OwnAction): void {
    if (action.kind === 'sample') {
      ports.sampleOwn();
      return;
    }
    ports.logger.log('debug', 'order', describeOwnAction(action));
    void ports.executeOwn(action).then((outcome) => {
      feed({ type: 'own-done', id, action, outcome });
    });
  }

  function decideOnce(input: Input): void {
    const before = state;
    const decision = decide(state, input, moment());
    ({ state } = decision);
    for (const action of decision.actions) run(action);
    for (const { level, event, text, fields } of decision.notes) ports.logger.log(level, event, text, fields);
    if (state.reason !== before.reason) {
      ports.logger.log('info', 'state', state.reason, { term: state.term, role: state.role.kind });
    }
    schedule(decision.wakeAtMs);
  }

  function schedule(wakeAtMs: number): void {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => feed({ type: 'tick' }), Math.max(1, Math.ceil(wakeAtMs - ports.clock.now())));
  }

  function feed(input: Input): void {
    if (isClosed) return;
    inputs.push(input);
    if (isDeciding) return;
    isDeciding = true;
    try {
      for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) decideOnce(next);
    } finally {
      isDeciding = false;
    }
  }

  schedule(ports.clock.now());
  return {
    get state() {
      return state;
    },
    feed,
    request(request) {
      const ref = nextRef++;
      return new Promise((resolve) => {
        waiting.set(ref, resolve);
        feed({ type: 'request', ref, request });
      });
    },
    close() {
      isClosed = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}

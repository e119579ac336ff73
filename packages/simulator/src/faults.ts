import type { Action } from '@sentinel-micro/core';
import { isNetworkFault, strikeNetwork, type NetworkFaultKind } from './network-faults.ts';
import type { Fault, FaultKind } from './plan.ts';
import type { Pod } from './pod.ts';
import type { Process } from './process.ts';
import type { DnsMode, World } from './world.ts';

type Undo = () => void;
type Strike = (fault: Fault, pod: Pod) => void;

/** Carries out the faults of a plan, and takes them back. */
export class Faults {
  readonly #world: World;
  readonly #undo = new Set<Undo>();
  /** No process was stopped, killed, or tampered with since; true time. */
  lastDisturbedMs = 0;
  #isOver = false;

  constructor(world: World, plan: readonly Fault[]) {
    this.#world = world;
    for (const fault of plan) {
      world.scheduler.after(fault.atMs - world.nowMs, () => {
        if (!this.#isOver) this.#strike(fault);
      });
    }
    world.onStopped = (pod) => this.#stopped(pod);
  }

  /** True while a process is stopped or missing. */
  get isDisturbed(): boolean {
    return this.#world.pods.some(
      (pod) => this.#ails(pod.redis) || this.#ails(pod.sidecar) || pod.redis === null || pod.sidecar === null,
    );
  }

  /** Ends all faults: the network is whole, everything runs. */
  heal(): void {
    this.#isOver = true;
    this.#world.log('=== all faults end');
    for (const undo of [...this.#undo]) undo();
    this.#world.onStep = null;
    for (const pod of this.#world.pods) {
      if (!pod.exists) pod.create();
      else {
        pod.startRedis('empty');
        pod.startSidecar();
      }
    }
  }

  #ails(process: Process | null): boolean {
    return process !== null && (!process.isAlive || process.isPaused);
  }

  #disturb(): void {
    this.lastDisturbedMs = this.#world.nowMs;
  }

  #for(forMs: number, undo: Undo): void {
    const once = (): void => {
      if (this.#undo.delete(once)) undo();
    };
    this.#undo.add(once);
    this.#world.scheduler.after(forMs, once);
  }

  #pick(fault: Fault): Pod {
    const { pods } = this.#world;
    const start = fault.index;
    const inOrder = pods.map((_, i) => pods[(start + i) % pods.length] as Pod);
    const isMaster = (pod: Pod): boolean => pod.redis?.isAlive === true && pod.redis.isMaster;
    const wanted =
      fault.target === 'any' ? undefined : inOrder.find((pod) => isMaster(pod) === (fault.target === 'master'));
    return wanted ?? (inOrder[0] as Pod);
  }

  #strike(fault: Fault): void {
    const pod = this.#pick(fault);
    this.#world.log(`*** ${fault.kind} ${pod.name} for ${fault.forMs.toFixed(0)} ms`);
    const { kind } = fault;
    if (isNetworkFault(kind)) strikeNetwork(kind, fault, pod, this.#world, (forMs, undo) => this.#for(forMs, undo));
    else this.#strikes[kind](fault, pod);
  }

  readonly #strikes: Record<Exclude<FaultKind, NetworkFaultKind>, Strike> = {
    'kill-sidecar': (fault, pod) => this.#killSidecar(pod, fault.forMs),
    'pause-sidecar': (fault, pod) => this.#pause(pod.sidecar, fault),
    'kill-redis': (fault, pod) => this.#killRedis(pod, fault, fault.forMs),
    'restart-redis-fast': (fault, pod) => this.#killRedis(pod, fault, fault.amount * 60),
    'pause-redis': (fault, pod) => this.#pause(pod.redis, fault),
    'pause-both': (fault, pod) => {
      this.#pause(pod.redis, fault);
      this.#pause(pod.sidecar, fault);
    },
    'kill-both': (fault, pod) => {
      this.#killRedis(pod, fault, fault.forMs);
      this.#killSidecar(pod, fault.forMs * fault.amount * 2);
    },
    'kill-at-step': (fault) => this.#trap(fault),
    'promote-by-hand': (_fault, pod) => {
      this.#disturb();
      pod.redis?.deliver('io', () => pod.redis?.replicaOfByHand(null));
    },
    'replicaof-by-hand': (fault, pod) => {
      const other = this.#world.pods[fault.otherIndex];
      this.#disturb();
      if (other?.exists === true) pod.redis?.deliver('io', () => pod.redis?.replicaOfByHand(other.machine.ip));
    },
    'delete-pod': (fault, pod) => this.#deletePod(pod, fault.forMs),
    'stop-sidecar': (fault, pod) => {
      pod.sidecar?.deliver('io', () => pod.sidecar?.feed({ type: 'stop' }));
      this.#for(fault.forMs + 3500, () => this.#stopped(pod));
    },
    'rolling-update': (fault) => this.#roll([...this.#world.pods].reverse(), fault),
    'kill-all-sidecars': (fault) => {
      for (const each of this.#world.pods) this.#killSidecar(each, fault.forMs * this.#world.random.next());
    },
    'kill-all-redis': (fault) => {
      for (const each of this.#world.pods) this.#killRedis(each, fault, fault.forMs * this.#world.random.next());
    },
    'kill-everything': (fault) => {
      for (const each of this.#world.pods) {
        this.#killRedis(each, fault, fault.forMs * this.#world.random.next());
        this.#killSidecar(each, fault.forMs * this.#world.random.next());
      }
    },
    'dns-fails': (fault, pod) => this.#setDns('silent', fault, pod),
    'dns-returns-self-only': (fault, pod) => this.#setDns('self-only', fault, pod),
    'dns-stale': (fault, pod) => {
      this.#world.rememberDns();
      this.#setDns('stale', fault, pod);
    },
  };

  #setDns(mode: DnsMode, fault: Fault, pod: Pod): void {
    const { dns, pods } = this.#world;
    for (const each of pods) if (fault.amount < 0.5 || each === pod) dns[each.index] = mode;
    this.#for(fault.forMs * 3, () => dns.fill('right'));
  }

  #killSidecar(pod: Pod, forMs: number): void {
    if (pod.sidecar?.isAlive !== true) return;
    this.#disturb();
    const { machine } = pod;
    pod.killSidecar();
    this.#for(forMs, () => {
      this.#disturb();
      if (pod.machine === machine) pod.startSidecar();
    });
  }

  #killRedis(pod: Pod, fault: Fault, forMs: number): void {
    if (pod.redis?.isAlive !== true) return;
    this.#disturb();
    const { machine } = pod;
    // The last save is of some moment before; the chance is the same for every kill.
    if (fault.amount < 0.5) pod.save();
    pod.killRedis();
    this.#for(forMs, () => {
      this.#disturb();
      if (pod.machine === machine) pod.startRedis(fault.kept);
    });
  }

  #pause(process: Process | null, fault: Fault): void {
    if (process?.isAlive !== true || process.isPaused) return;
    this.#disturb();
    process.pause();
    this.#for(fault.forMs, () => {
      this.#disturb();
      this.#world.log('*** a paused process goes on');
      process.resume(fault.amount < 0.5 ? 'io' : 'timer');
    });
  }

  #deletePod(pod: Pod, forMs: number): void {
    if (!pod.exists) return;
    this.#disturb();
    pod.delete();
    this.#for(forMs, () => {
      this.#disturb();
      if (!pod.exists) pod.create();
    });
  }

  /** One pod after the other: asked to stop, then made anew, then waited for. */
  #roll(rest: Pod[], fault: Fault): void {
    const pod = rest.shift();
    if (pod === undefined || this.#isOver) return;
    pod.sidecar?.deliver('io', () => pod.sidecar?.feed({ type: 'stop' }));
    this.#world.scheduler.after(1500, () => {
      if (this.#isOver) return;
      this.#deletePod(pod, 100 + fault.amount * 1000);
      this.#world.scheduler.after(6000, () => this.#roll(rest, fault));
    });
  }

  /** The sidecar has handed over: the container ends, and is started again. */
  #stopped(pod: Pod): void {
    if (pod.sidecar?.isAlive !== true || !pod.sidecar.state.stopping) return;
    this.#killSidecar(pod, 500);
  }

  /** The next sidecar that does something of an election or a failover dies right after it. */
  #trap(fault: Fault): void {
    let countdown = Math.floor(fault.amount * 25);
    this.#world.onStep = (pod: Pod, action: Action) => {
      if (!isStep(action)) return;
      countdown -= 1;
      if (countdown >= 0) return;
      this.#world.onStep = null;
      if (fault.target === 'master') this.#killRedis(pod, fault, fault.forMs / 2);
      this.#killSidecar(pod, fault.forMs);
    };
    this.#for(fault.forMs + 8000, () => {
      this.#world.onStep = null;
    });
  }
}

function isStep(action: Action): boolean {
  switch (action.type) {
    case 'ask':
      return action.request.type !== 'RENEW' && action.request.type !== 'PREVOTE';
    case 'own':
      return action.action.kind !== 'sample';
    case 'remote':
      return true;
    case 'answer':
    case 'master-changed':
    case 'stopped':
      return false;
  }
}

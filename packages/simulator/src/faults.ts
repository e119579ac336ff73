import type { Damage, RedisDeath } from './damage.ts';
import { strikeNetwork } from './network-faults.ts';
import {
  isNetworkFault,
  isStoreFault,
  type Fault,
  type FaultKind,
  type NetworkFaultKind,
  type StoreFaultKind,
} from './plan.ts';
import type { Pod } from './pod.ts';
import type { Process } from './process.ts';
import { strikeStore } from './store-faults.ts';
import type { DnsMode, World } from './world.ts';

type Strike = (fault: Fault, pod: Pod) => void;

/** How soon an address that was a pod's may be somebody else's, in milliseconds. */
const IP_REUSE_MS = 1500;

/** Carries out the faults of a plan. */
export class Faults {
  readonly #world: World;
  readonly #damage: Damage;

  constructor(world: World, damage: Damage, plan: readonly Fault[]) {
    this.#world = world;
    this.#damage = damage;
    for (const fault of plan) {
      world.scheduler.after(fault.atMs - world.nowMs, () => {
        if (!damage.isOver) this.#strike(fault);
      });
    }
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
    const { kind } = fault;
    this.#world.log(`*** ${kind} ${pod.name} for ${fault.forMs.toFixed(0)} ms`);
    if (isNetworkFault(kind)) {
      strikeNetwork(kind, fault, pod, this.#world, (forMs, undo) => this.#damage.for(forMs, undo));
    } else if (isStoreFault(kind)) strikeStore(kind, fault, pod, this.#world, this.#damage);
    else this.#strikes[kind](fault, pod);
  }

  readonly #strikes: Record<Exclude<FaultKind, NetworkFaultKind | StoreFaultKind>, Strike> = {
    'kill-sidecar': (fault, pod) => this.#damage.killSidecar(pod, fault.forMs),
    'pause-sidecar': (fault, pod) => this.#pause(pod.sidecar, fault),
    'kill-redis': (fault, pod) => this.#damage.killRedis(pod, deathOf(fault, fault.forMs)),
    'restart-redis-fast': (fault, pod) => this.#damage.killRedis(pod, deathOf(fault, fault.amount * 60)),
    'pause-redis': (fault, pod) => this.#pause(pod.redis, fault),
    'pause-both': (fault, pod) => {
      this.#pause(pod.redis, fault);
      this.#pause(pod.sidecar, fault);
    },
    suspend: (fault, pod) => this.#damage.suspend(pod, fault.forMs, firstOf(fault)),
    'kill-both': (fault, pod) => {
      this.#damage.killRedis(pod, deathOf(fault, fault.forMs));
      this.#damage.killSidecar(pod, fault.forMs * fault.amount * 2);
    },
    'kill-at-step': (fault) => {
      this.#damage.trap(Math.floor(fault.amount * 25), fault.forMs + 8000, (struck) => {
        if (fault.target === 'master') this.#damage.killRedis(struck, deathOf(fault, fault.forMs / 2));
        this.#damage.killSidecar(struck, fault.forMs);
      });
    },
    'promote-by-hand': (_fault, pod) => this.#damage.replicaOfByHand(pod, null),
    'replicaof-by-hand': (fault, pod) => {
      const other = this.#world.pods[fault.otherIndex];
      if (other?.exists === true) this.#damage.replicaOfByHand(pod, other.machine.ip);
    },
    'slow-script': (fault, pod) => this.#damage.runSlowScript(pod, fault.amount * 1500, fault.forMs),
    'delete-pod': (fault, pod) => this.#damage.deletePod(pod, fault.forMs),
    'force-delete': (fault, pod) => {
      // Both pods of one name in reach of the others could vote twice: README, "It does not give you".
      const ghost = { forMs: fault.forMs, isFrozen: fault.amount < 0.5, backForMs: 0 };
      this.#damage.forceDelete(pod, ghost);
    },
    'stop-sidecar': (fault, pod) => this.#damage.stopSidecar(pod, fault.forMs + 3500),
    'rolling-update': (fault) => this.#damage.roll([...this.#world.pods].reverse(), 100 + fault.amount * 1000),
    'kill-all-sidecars': (fault) => {
      for (const each of this.#world.pods) this.#damage.killSidecar(each, this.#someOf(fault));
    },
    'kill-all-redis': (fault) => {
      for (const each of this.#world.pods) this.#damage.killRedis(each, deathOf(fault, this.#someOf(fault)));
    },
    'kill-everything': (fault) => {
      for (const each of this.#world.pods) {
        this.#damage.killRedis(each, deathOf(fault, this.#someOf(fault)));
        this.#damage.killSidecar(each, this.#someOf(fault));
      }
    },
    'ip-reuse-foreign-redis': (fault, pod) => {
      if (!pod.exists) return;
      const { ip } = pod.machine;
      const waitMs = this.#world.settings.redis.hasPassword ? fault.amount * IP_REUSE_MS : IP_REUSE_MS;
      this.#damage.deletePod(pod, fault.forMs);
      this.#world.scheduler.after(waitMs, () => this.#damage.admit(ip, fault.forMs * 2, sidecarOf(fault), pod.index));
    },
    'foreign-sidecar': (fault, pod) => {
      const { dns } = this.#world;
      this.#damage.admit(`10.7.0.${this.#world.foreigners.length + 1}`, fault.forMs * 2, sidecarOf(fault), pod.index);
      for (const each of this.#world.pods) dns[each.index] = 'foreign';
      this.#damage.for(fault.forMs * 2, () => dns.fill('right'));
    },
    'clock-step': (fault, pod) => {
      this.#damage.stepWallClock(pod, (fault.amount < 0.5 ? -1 : 1) * 3_600_000, fault.forMs * 2);
    },
    switchover: (fault, pod) => {
      const to = fault.amount < 0.3 ? null : (this.#world.pods[fault.otherIndex]?.name ?? null);
      this.#damage.order(this.#addressee(fault, pod), { kind: 'switchover', to });
    },
    handover: (fault, pod) => {
      const leaving = this.#addressee(fault, pod);
      this.#damage.order(leaving, { kind: 'handover' });
      // What a hook has begun is overtaken by SIGTERM when it takes too long.
      if (fault.amount > 0.6) return;
      this.#world.scheduler.after(fault.amount * 1000, () => {
        if (!this.#damage.isOver) this.#damage.stopSidecar(leaving, fault.forMs + 3500);
      });
    },
    'failover-by-force': (fault, pod) => {
      this.#damage.order(this.#addressee(fault, pod), { kind: 'failover' });
    },
    'pause-failover': (fault, pod) => {
      this.#damage.pauseFailover(this.#addressee(fault, pod), fault.forMs * 3);
    },
    'dns-fails': (fault, pod) => this.#setDns('silent', fault, pod),
    'dns-returns-self-only': (fault, pod) => this.#setDns('self-only', fault, pod),
    'dns-stale': (fault, pod) => {
      this.#world.rememberDns();
      this.#setDns('stale', fault, pod);
    },
  };

  /** Most who give a command ask who the leader is before. */
  #addressee(fault: Fault, pod: Pod): Pod {
    const { pods, nowMs } = this.#world;
    const holder = pods.find(({ sidecar }) => (sidecar?.heldUntilTrueMs() ?? -Infinity) > nowMs);
    return fault.target === 'replica' ? pod : (holder ?? pod);
  }

  #setDns(mode: DnsMode, fault: Fault, pod: Pod): void {
    const { dns, pods } = this.#world;
    for (const each of pods) if (fault.amount < 0.5 || each.index === pod.index) dns[each.index] = mode;
    this.#damage.for(fault.forMs * 3, () => dns.fill('right'));
  }

  #pause(process: Process | null, fault: Fault): void {
    this.#damage.pause(process, fault.forMs, firstOf(fault));
  }

  #someOf(fault: Fault): number {
    return fault.forMs * this.#world.random.next();
  }
}

function deathOf(fault: Fault, forMs: number): RedisDeath {
  // The last save is of some moment before; the chance is the same for every kill.
  return { forMs, kept: fault.kept, isSaved: fault.amount < 0.5 };
}

function firstOf(fault: Fault): 'io' | 'timer' {
  return fault.amount < 0.5 ? 'io' : 'timer';
}

function sidecarOf(fault: Fault): 'none' | 'honest' | 'disguised' {
  return fault.amount < 0.3 ? 'none' : fault.amount < 0.65 ? 'honest' : 'disguised';
}

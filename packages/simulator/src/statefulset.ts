import type { Damage } from './damage.ts';
import type { Pod } from './pod.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

/** How often the controller looks, in milliseconds. */
const RECONCILE_MS = 50;
/** How often a sidecar asks while N is not what it should be, and otherwise (a change is told to it sooner, by its watch). */
const READ_MS = 500;
const READ_AT_REST_MS = 5000;
const MOST_API_DELAY_MS = 200;
/** A new pod counts as ready after this long, for a controller that waits for that. */
const READY_AFTER_MS = 500;
/** From SIGTERM until a pod is gone. */
const MOST_GRACE_MS = 3000;

export interface StatefulSetHabits {
  /** `podManagementPolicy`: one pod after the other, or all at once. */
  readonly isParallel: boolean;
  /** How long the controller takes to begin with a change. */
  readonly mostDelayMs: number;
}

/**
 * The StatefulSet with its controller and the API behind which it stands, as far as a sidecar of which N follows it can tell. Its status
 * counts a pod before the pod's containers run, as the real controller does in the same pass that makes it.
 */
export class StatefulSet {
  wanted: number;
  /** What its controller has said last of how many pods there are; null while it has not seen the present spec. */
  existing: number | null = null;
  /** Pods whose sidecars get no answer from the API. */
  readonly cutOff = new Set<Pod>();
  readonly #world: World;
  readonly #damage: Damage;
  readonly #random: Random;
  readonly #habits: StatefulSetHabits;
  readonly #terminating = new Set<Pod>();
  /** Those that it has taken away, or has never made. */
  readonly #absent = new Set<Pod>();
  readonly #madeAtMs = new Map<Pod, number>();
  #actsFromMs = 0;

  constructor(world: World, damage: Damage, random: Random, wanted: number, habits: StatefulSetHabits) {
    this.#world = world;
    this.#damage = damage;
    this.#random = random;
    this.#habits = habits;
    this.wanted = wanted;
    for (const pod of world.pods) {
      this.#absent.add(pod);
      pod.isWanted = pod.index < wanted;
    }
    world.onStarted = (pod) => this.#follow(pod);
    this.#reconcile();
  }

  scale(wanted: number): void {
    const { pods, nowMs } = this.#world;
    this.#world.log(`*** spec.replicas ${this.wanted} -> ${wanted}`);
    this.#damage.disturb();
    this.wanted = wanted;
    this.existing = null;
    for (const pod of pods) pod.isWanted = pod.index < wanted;
    this.#actsFromMs = nowMs + this.#random.between(0, this.#habits.mostDelayMs);
    for (const pod of pods) if (pod.sidecar?.isAlive === true) this.#read(pod);
  }

  #reconcile(): void {
    const { scheduler, nowMs, pods } = this.#world;
    if (nowMs >= this.#actsFromMs) {
      this.#make(pods.filter(({ index }) => index < this.wanted));
      this.#takeAway(pods.filter(({ index }) => index >= this.wanted));
      this.existing = pods.filter(({ exists }) => exists).length;
    }
    scheduler.after(RECONCILE_MS, () => this.#reconcile());
  }

  #make(wanted: readonly Pod[]): void {
    for (const pod of wanted) {
      if (this.#terminating.has(pod)) return;
      if (!pod.exists && this.#absent.has(pod)) {
        this.#absent.delete(pod);
        this.#madeAtMs.set(pod, this.#world.nowMs);
        pod.create();
      }
      const isReady = this.#world.nowMs - (this.#madeAtMs.get(pod) ?? -Infinity) > READY_AFTER_MS;
      if (!this.#habits.isParallel && !isReady) return;
    }
  }

  #takeAway(surplus: readonly Pod[]): void {
    for (const pod of [...surplus].reverse()) {
      if (pod.exists && !this.#terminating.has(pod)) this.#terminate(pod);
      else if (!pod.exists) this.#absent.add(pod);
      if (pod.exists && !this.#habits.isParallel) return;
    }
  }

  #terminate(pod: Pod): void {
    const { machine } = pod;
    this.#world.log(`*** ${pod.name} is told to go`);
    this.#terminating.add(pod);
    this.#damage.disturb();
    pod.sidecar?.deliver('io', () => pod.sidecar?.feed({ type: 'stop' }));
    this.#world.scheduler.after(this.#random.between(50, MOST_GRACE_MS), () => {
      this.#terminating.delete(pod);
      if (pod.machine !== machine) return;
      pod.delete();
      this.#absent.add(pod);
    });
  }

  #follow(pod: Pod): void {
    const { sidecar } = pod;
    const look = (): void => {
      if (pod.sidecar !== sidecar || sidecar?.isAlive !== true) return;
      this.#read(pod);
      const isAsWanted = sidecar.state.config.self.replicas === this.wanted;
      this.#world.scheduler.after(isAsWanted ? READ_AT_REST_MS : READ_MS, look);
    };
    this.#world.scheduler.after(this.#random.between(1, 50), look);
  }

  /** One GET of the StatefulSet: what it is when the question arrives, told when the answer does. */
  #read(pod: Pod): void {
    const { sidecar } = pod;
    // An old pod that was deleted by force is where nobody can reach it, the API neither.
    if (sidecar === null || this.cutOff.has(pod) || this.#world.ghosts.includes(pod)) return;
    const readAtMs = sidecar.localNow();
    this.#world.scheduler.after(this.#random.between(1, MOST_API_DELAY_MS), () => {
      const view = { wanted: this.wanted, existing: this.existing };
      this.#world.scheduler.after(this.#random.between(1, MOST_API_DELAY_MS), () => {
        if (this.cutOff.has(pod) || this.#world.ghosts.includes(pod) || pod.sidecar !== sidecar || !sidecar.isAlive)
          return;
        sidecar.deliver('io', () => sidecar.feed({ type: 'resize', view, readAtMs }));
      });
    });
  }

  /** What is still missing until N is what the StatefulSet wants, everywhere; null when nothing is. */
  whyNotResized(): string | null {
    for (const { name, sidecar, isWanted, exists } of this.#world.pods) {
      if (!isWanted && exists) return `${name} is still there`;
      const replicas = sidecar?.state.config.self.replicas ?? 0;
      if (isWanted && replicas !== this.wanted) return `${name} counts by ${replicas}, not by ${this.wanted}`;
    }
    return null;
  }
}

/** Sizes by which sidecars that run count quorums; a safe set has one, or two neighbours. */
export function sizesInUse(world: World): readonly number[] {
  const sizes = world.pods.map(({ sidecar }) => (sidecar?.isAlive === true ? sidecar.state.config.self.replicas : 0));
  return [...new Set(sizes.filter((size) => size > 0))].sort((a, b) => a - b);
}

import { realCore, type Core } from './core.ts';
import { Faults } from './faults.ts';
import { Invariants, type Violation } from './invariants.ts';
import { drawPlan, type Fault, type FaultKind } from './plan.ts';
import { Random } from './random.ts';
import { drawSettings, type RunSettings } from './settings.ts';
import { World } from './world.ts';

export interface RunOptions {
  readonly seed: number;
  readonly steps: number;
  /** Null to let the seed choose, from 1 to 9. */
  readonly pods: number | null;
  readonly core?: Core;
  readonly isRecording?: boolean;
  /** Kinds of faults to choose from; otherwise the seed says which there are. */
  readonly only?: readonly FaultKind[] | null;
  /** Instead of the plan of the seed: for making a failing one smaller. */
  readonly plan?: readonly Fault[];
}

export interface RunResult {
  readonly seed: number;
  readonly settings: RunSettings;
  readonly plan: readonly Fault[];
  readonly violations: readonly Violation[];
  readonly fingerprint: string;
  readonly eventCount: number;
  readonly simulatedMs: number;
  readonly overlapMs: number;
  readonly longestOverlapMs: number;
  readonly acknowledged: number;
  readonly confirmed: number;
  readonly lost: number;
  readonly confirmedLost: number;
  readonly settledAfterMs: number;
  readonly lines: readonly string[];
}

const FIRST_FAULT_MS = 6000;
const AFTER_LAST_FAULT_MS = 9000;
const SETTLE_WITHIN_MS = 40_000;
/** Raising min-replicas and such may come after the topology is as it should be. */
const QUIET_DOWN_MS = 5000;
const SLOW_CHECK_MS = 20;
const MOST_EVENTS = 5_000_000;

/** How many pods most sets have counts most. */
const POD_COUNTS = [3, 3, 3, 3, 3, 5, 5, 5, 2, 4, 1, 7, 9];

class Run {
  readonly world: World;
  readonly faults: Faults;
  readonly invariants: Invariants;
  #nextSlowMs = 0;

  constructor(seed: number, settings: RunSettings, plan: readonly Fault[], core: Core, isRecording: boolean) {
    this.world = new World(seed, settings, core, isRecording);
    this.#startPods();
    this.faults = new Faults(this.world, plan);
    this.invariants = new Invariants(this.world, this.faults);
  }

  #startPods(): void {
    const { world } = this;
    const { settings, random } = world;
    const replid = random.id();
    for (const pod of world.pods) {
      const length = random.int(1, 20);
      const data = Array.from({ length }, (_, index) => -1 - index);
      const disk = settings.startsWithData ? { data, replid, offset: 1000 + length * 60 } : null;
      world.scheduler.after(random.between(0, settings.startSpreadMs), () => pod.create(disk));
    }
  }

  /** @returns false when something is broken. */
  until(untilMs: number, isDone: () => boolean = () => false): boolean {
    const { scheduler } = this.world;
    while (this.invariants.violations.length === 0) {
      if (!scheduler.step(untilMs)) return true;
      this.invariants.check();
      if (scheduler.nowMs >= this.#nextSlowMs) {
        this.#nextSlowMs = scheduler.nowMs + SLOW_CHECK_MS;
        this.invariants.checkSlow();
        if (isDone()) return true;
      }
      if (scheduler.eventCount > MOST_EVENTS) throw new Error('a run without end');
    }
    return false;
  }

  /** L1, then L2. @returns how long it took to settle. */
  settle(calmMs: number): number {
    const { world, invariants, faults } = this;
    faults.heal();
    const healedAtMs = world.nowMs;
    const isSettled = (): boolean => invariants.whyNotSettled() === null;
    if (!this.until(healedAtMs + SETTLE_WITHIN_MS, isSettled)) return -1;
    const why = invariants.whyNotSettled();
    if (why !== null) {
      if (!invariants.mayHaveNoMaster) invariants.fail('L1', `${why}, ${SETTLE_WITHIN_MS} ms after the last fault`);
      return -1;
    }
    const settledAfterMs = world.nowMs - healedAtMs;
    world.log('=== settled');
    if (!this.until(world.nowMs + QUIET_DOWN_MS)) return settledAfterMs;
    const quietFromMs = world.nowMs;
    world.log('=== calm from here');
    if (!this.until(quietFromMs + calmMs)) return settledAfterMs;
    const after = invariants.whyNotSettled();
    const [change] = invariants.changesSince(quietFromMs);
    if (after !== null) invariants.fail('L1', `a settled set is unsettled: ${after}`);
    else if (change !== undefined) invariants.fail('L2', `a settled set is not left alone: ${change}`);
    return settledAfterMs;
  }
}

/** Runs one seed from the start to the calm after its faults. The same options give the same run, event for event. */
export function run(options: RunOptions): RunResult {
  const { seed, steps, core = realCore, isRecording = false } = options;
  const random = new Random(seed);
  // Drawn in any case: the rest of the run must not depend on who chose the number of pods.
  const drawn = random.pick(POD_COUNTS);
  const pods = options.pods ?? drawn;
  const settings = drawSettings(random, pods);
  const plan = options.plan ?? drawPlan(random, steps, pods, FIRST_FAULT_MS, options.only ?? null);
  const simulation = new Run(seed, settings, plan, core, isRecording);
  const { world, invariants } = simulation;
  let settledAfterMs = -1;
  try {
    const lastMs = plan.reduce((latest, fault) => Math.max(latest, fault.atMs), FIRST_FAULT_MS);
    if (simulation.until(lastMs + AFTER_LAST_FAULT_MS)) settledAfterMs = simulation.settle(settings.calmMs);
  } catch (error) {
    invariants.fail('crash', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const counts = invariants.checkConfirmed();
  return {
    seed,
    settings,
    plan,
    violations: invariants.violations,
    fingerprint: world.fingerprint,
    eventCount: world.scheduler.eventCount,
    simulatedMs: world.nowMs,
    overlapMs: invariants.overlapMs,
    longestOverlapMs: invariants.longestOverlapMs,
    ...counts,
    settledAfterMs,
    lines: world.lines,
  };
}

import { realCore, type Core } from './core.ts';
import { Damage } from './damage.ts';
import { Faults } from './faults.ts';
import { Invariants, type Violation } from './invariants.ts';
import { drawPlan, type Fault, type FaultKind } from './plan.ts';
import { Random } from './random.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { StoryBroken, type Script } from './scenarios/script.ts';
import { Story } from './scenarios/story.ts';
import { drawRedisHabits, drawSettings, type RunSettings } from './settings.ts';
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
  /** A story instead of a plan. */
  readonly scenario?: Scenario;
  /** False for a core whose clock stands still while its machine is suspended. */
  readonly clockCountsSuspension?: boolean;
  /** What decides who has the lease; the peers, unless said otherwise. */
  readonly leaseStore?: RunSettings['leaseStore'];
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
  /** The longest overlap while the second fence was in force. */
  readonly longestFencedOverlapMs: number;
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
/** Raising min-replicas and such may come after the topology is as it should be; and what DNS named last is asked again after 5 s. */
const QUIET_DOWN_MS = 6500;
const SLOW_CHECK_MS = 20;
const MOST_EVENTS = 5_000_000;
/** Drawn apart from the rest: what a seed does otherwise does not depend on it. */
const HABITS_STREAM = 4;

/** How many pods most sets have counts most. */
const POD_COUNTS = [3, 3, 3, 3, 3, 5, 5, 5, 2, 4, 1, 7, 9];

class Run {
  readonly world: World;
  readonly damage: Damage;
  readonly invariants: Invariants;
  #nextSlowMs = 0;

  constructor(seed: number, settings: RunSettings, plan: readonly Fault[], options: RunOptions) {
    const { core = realCore, isRecording = false, clockCountsSuspension = true } = options;
    this.world = new World(seed, settings, core, { isRecording, clockCountsSuspension });
    this.damage = new Damage(this.world);
    this.invariants = new Invariants(this.world);
    if (options.scenario?.start === undefined) this.#startPods();
    new Faults(this.world, this.damage, plan);
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

  /** Tells a story to its end, or until something is broken. */
  play(script: Script): boolean {
    for (let next = script.next(); next.done !== true; next = script.next()) {
      const { forMs, isDone, what } = next.value;
      if (isDone?.() === true) continue;
      if (!this.until(this.world.nowMs + forMs, isDone ?? undefined)) return false;
      if (what === null || isDone?.() === true) continue;
      throw new StoryBroken(`${what}: not within ${forMs.toFixed(0)} ms`);
    }
    return true;
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
    const { world, invariants, damage } = this;
    damage.heal();
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
    const mark = invariants.chronicle.mark();
    world.log('=== calm from here');
    if (!this.until(world.nowMs + calmMs)) return settledAfterMs;
    const after = invariants.whyNotSettled();
    const change = invariants.changeSince(mark);
    if (after !== null) invariants.fail('L1', `a settled set is unsettled: ${after}`);
    else if (change !== null) invariants.fail('L2', `a settled set is not left alone: ${change}`);
    return settledAfterMs;
  }
}

/** A story before the faults end, or the faults of a plan. */
function disturb(simulation: Run, options: RunOptions, plan: readonly Fault[]): boolean {
  const { scenario, seed } = options;
  if (scenario === undefined) {
    const lastMs = plan.reduce((latest, fault) => Math.max(latest, fault.atMs), FIRST_FAULT_MS);
    return simulation.until(lastMs + AFTER_LAST_FAULT_MS);
  }
  const story = new Story(seed, simulation.world, simulation.damage, simulation.invariants);
  const isStarted = simulation.play(scenario.start === undefined ? story.healthy() : scenario.start(story));
  if (!isStarted) return false;
  simulation.world.log(`=== ${scenario.name}: ${scenario.follows}`);
  return simulation.play(scenario.play(story));
}

function drawAll(options: RunOptions): { settings: RunSettings; plan: readonly Fault[] } {
  const { seed, steps, scenario, leaseStore = 'peers' } = options;
  const random = new Random(seed);
  // Drawn in any case: the rest of the run must not depend on who chose the number of pods.
  const drawn = random.pick(POD_COUNTS);
  if (scenario !== undefined) {
    const pods = options.pods ?? random.pick(scenario.pods);
    const settings = { ...drawSettings(random, pods), leaseStore };
    return { settings: scenario.settings?.(settings, random) ?? settings, plan: [] };
  }
  const pods = options.pods ?? drawn;
  const drawnSettings = drawSettings(random, pods);
  const plan =
    options.plan ?? drawPlan(random, steps, pods, FIRST_FAULT_MS, options.only ?? null, leaseStore !== 'peers');
  // Redis measures the delay on the wall clock: when that goes back by an hour, the sync comes an hour later.
  const mayDelaySyncs = !plan.some(({ kind }) => kind === 'clock-step');
  const habits = drawRedisHabits(new Random(seed, HABITS_STREAM), mayDelaySyncs);
  // Most sets have a place for it; the stories are told without, which is harder.
  const redis = { ...drawnSettings.redis, ...habits };
  const settings = { ...drawnSettings, redis, remembers: seed % 4 !== 0, leaseStore };
  return { settings, plan };
}

/** Runs one seed from the start to the calm after its faults. The same options give the same run, event for event. */
export function run(options: RunOptions): RunResult {
  const { settings, plan } = drawAll(options);
  const simulation = new Run(options.seed, settings, plan, options);
  const { world, invariants } = simulation;
  let settledAfterMs = -1;
  try {
    if (disturb(simulation, options, plan)) settledAfterMs = simulation.settle(settings.calmMs);
  } catch (error) {
    if (error instanceof StoryBroken) invariants.fail('story', error.message);
    else invariants.fail('crash', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const counts = invariants.checkConfirmed();
  const { overlapMs, longestOverlapMs, longestFencedOverlapMs } = invariants.writers;
  return {
    seed: options.seed,
    settings,
    plan,
    violations: invariants.violations,
    fingerprint: world.fingerprint,
    eventCount: world.scheduler.eventCount,
    simulatedMs: world.nowMs,
    overlapMs,
    longestOverlapMs,
    longestFencedOverlapMs,
    ...counts,
    settledAfterMs,
    lines: world.lines,
  };
}

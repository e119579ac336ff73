import type { DataKept } from './pod.ts';
import type { Random } from './random.ts';

/** What can be done to the network. The names of FAULTS.md where they fit, here and below. */
const NETWORK_FAULT_KINDS = [
  'cut-pair',
  'cut-one-way',
  'isolate',
  'isolate-with-client',
  'asymmetric-in',
  'asymmetric-out',
  'bridge',
  'flapping-link',
  'lossy-network',
  'slow-network',
  'slow-inwards',
  'duplicates',
] as const;

export type NetworkFaultKind = (typeof NETWORK_FAULT_KINDS)[number];

/** Everything that can be done to a simulated set. */
export const FAULT_KINDS = [
  ...NETWORK_FAULT_KINDS,
  'kill-sidecar',
  'pause-sidecar',
  'kill-redis',
  'restart-redis-fast',
  'pause-redis',
  'pause-both',
  'suspend',
  'kill-both',
  'delete-pod',
  'force-delete',
  'stop-sidecar',
  'rolling-update',
  'kill-at-step',
  'kill-all-sidecars',
  'kill-all-redis',
  'kill-everything',
  'dns-fails',
  'dns-returns-self-only',
  'dns-stale',
  'promote-by-hand',
  'replicaof-by-hand',
  'slow-script',
  'ip-reuse-foreign-redis',
  'foreign-sidecar',
  'clock-step',
  'switchover',
  'handover',
  'failover-by-force',
  'pause-failover',
] as const;

/** What can be done to the API that keeps the lease; drawn only where there is one. */
export const STORE_FAULT_KINDS = [
  'api-away',
  'api-away-for-one',
  'api-slow',
  'api-loses-answers',
  'api-refuses',
  'record-touched',
  'record-deleted',
] as const;

export type StoreFaultKind = (typeof STORE_FAULT_KINDS)[number];

export type FaultKind = (typeof FAULT_KINDS)[number] | StoreFaultKind;

export function isStoreFault(kind: FaultKind): kind is StoreFaultKind {
  return STORE_FAULT_KINDS.some((known) => known === kind);
}

export function isNetworkFault(kind: FaultKind): kind is NetworkFaultKind {
  return NETWORK_FAULT_KINDS.some((known) => known === kind);
}

/** One fault of a plan. What a kind does not need is there all the same, so that dropping faults changes nothing else. */
export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly forMs: number;
  /** Whom it strikes: whoever has that role then, or the pod of that number. */
  readonly target: 'master' | 'replica' | 'any';
  readonly index: number;
  readonly otherIndex: number;
  readonly kept: DataKept;
  /** In [0, 1): how much, how many, which. */
  readonly amount: number;
}

const DURATIONS_MS = [40, 150, 400, 1000, 1700, 2600, 4000, 8000, 20_000] as const;
const GAPS_MS = [150, 500, 1000, 2000, 4000] as const;

/** Which kinds a run has: all, or a few, so that the same few meet each other often. */
function drawKinds(random: Random, hasStore: boolean): readonly FaultKind[] {
  const count = random.pick([2, 3, 3, 4, 6, 10, FAULT_KINDS.length]);
  const all: readonly FaultKind[] = hasStore ? [...FAULT_KINDS, ...STORE_FAULT_KINDS] : FAULT_KINDS;
  if (count === FAULT_KINDS.length) return all;
  const drawn = Array.from({ length: count }, () => random.pick(all));
  return hasStore ? [...drawn, random.pick(STORE_FAULT_KINDS)] : drawn;
}

/**
 * Draws the faults of one seed, swarm style (Groce 2012): first which kinds exist at all, how long they last and how dense they
 * are, and then the faults. Runs with few kinds find what runs with all of them hide.
 * @param only kinds to choose from instead of those of the seed
 */
export function drawPlan(
  random: Random,
  steps: number,
  pods: number,
  firstAtMs: number,
  only: readonly FaultKind[] | null,
  hasStore = false,
): Fault[] {
  const drawn = drawKinds(random, hasStore);
  const kinds = only ?? drawn;
  const durationsMs = random.chance(0.5)
    ? DURATIONS_MS
    : [random.pick(DURATIONS_MS), random.pick(DURATIONS_MS), random.pick(DURATIONS_MS)];
  const mostGapMs = random.pick(GAPS_MS);
  const faults: Fault[] = [];
  let atMs = firstAtMs;
  for (let step = 0; step < steps; step += 1) {
    // Now and then long enough for the set to settle, so that the next faults strike a healthy one.
    atMs += random.chance(0.15) ? random.between(3000, 9000) : random.between(0, mostGapMs * 1.5);
    faults.push({
      kind: random.pick(kinds),
      atMs,
      forMs: random.pick(durationsMs) * random.between(0.5, 1.5),
      target: random.pick(['master', 'master', 'replica', 'replica', 'any']),
      index: random.int(0, pods - 1),
      otherIndex: random.int(0, pods - 1),
      kept: random.pick(['empty', 'rdb', 'aof']),
      amount: random.next(),
    });
  }
  return faults;
}

import type { Fault, NetworkFaultKind } from './plan.ts';
import type { Pod } from './pod.ts';
import type { World } from './world.ts';

type Pairs = readonly (readonly [number, number])[];
/** Takes a fault back after a while, or when all faults end. */
type Undoing = (forMs: number, undo: () => void) => void;

const FLAPS = 4;

const bothWays = (self: number, others: readonly number[]): Pairs =>
  others.flatMap((slot) => [[self, slot] as const, [slot, self] as const]);

/** Which directions of which pairs a fault cuts; null for a fault that cuts nothing. */
function pairsOf(kind: NetworkFaultKind, fault: Fault, self: number, world: World): Pairs | null {
  const { pods, clients } = world.settings;
  const near = Array.from({ length: pods + clients }, (_, slot) => slot).filter((slot) => slot !== self);
  // The API that keeps the lease may be on either side.
  const others =
    world.api !== null && fault.amount * 10 - Math.floor(fault.amount * 10) < 0.5
      ? [...near, world.api.machine.slot]
      : near;
  const other = fault.otherIndex === self ? (self + 1) % pods : fault.otherIndex;
  const nearClient = pods + Math.floor(fault.amount * clients);
  switch (kind) {
    case 'cut-pair':
      return bothWays(self, [other]);
    case 'cut-one-way':
      return [[self, other]];
    case 'isolate':
    case 'flapping-link':
      return bothWays(self, others);
    case 'isolate-with-client': {
      const far = others.filter((slot) => slot !== nearClient);
      return bothWays(self, far);
    }
    case 'asymmetric-in':
      return others.map((slot) => [slot, self]);
    case 'asymmetric-out':
      return others.map((slot) => [self, slot]);
    case 'bridge': {
      const side = (slot: number): number => (slot + Math.floor(fault.amount * 7)) % 2;
      return others.flatMap((a) => others.filter((b) => side(a) !== side(b)).map((b) => [a, b] as const));
    }
    case 'lossy-network':
    case 'slow-network':
    case 'slow-inwards':
    case 'duplicates':
      return null;
  }
}

function cut(pairs: Pairs, forMs: number, world: World, undoing: Undoing): void {
  for (const [from, to] of pairs) world.network.cut(from, to, 1);
  undoing(forMs, () => {
    world.log(`*** cut ends: ${pairs.map(([from, to]) => `${from}>${to}`).join(' ')}`);
    for (const [from, to] of pairs) world.network.cut(from, to, -1);
  });
}

function worsen(kind: NetworkFaultKind, fault: Fault, self: number, world: World, undoing: Undoing): void {
  const { conditions } = world.network;
  if (kind === 'lossy-network') {
    conditions.lossRate = 0.05 + fault.amount * 0.35;
    undoing(fault.forMs * 2, () => {
      conditions.lossRate = 0;
    });
  } else if (kind === 'slow-network') {
    conditions.mostDelayMs = 20 + fault.amount * 450;
    undoing(fault.forMs * 2, () => {
      conditions.mostDelayMs = world.settings.mostDelayMs;
    });
  } else if (kind === 'slow-inwards') {
    conditions.slowSlot = self;
    conditions.slowMs = 50 + fault.amount * 450;
    undoing(fault.forMs * 3, () => {
      conditions.slowSlot = null;
    });
  } else if (kind === 'duplicates') {
    conditions.duplicateRate = fault.amount * 0.5;
    undoing(fault.forMs * 4, () => {
      conditions.duplicateRate = 0;
    });
  }
}

/** Carries out a fault of the network. */
export function strikeNetwork(kind: NetworkFaultKind, fault: Fault, pod: Pod, world: World, undoing: Undoing): void {
  const pairs = pairsOf(kind, fault, pod.index, world);
  if (pairs === null) {
    worsen(kind, fault, pod.index, world, undoing);
    return;
  }
  if (kind !== 'flapping-link') {
    cut(pairs, fault.forMs, world, undoing);
    return;
  }
  // Up and down each second. The first is undone like any other; none begins when all faults have ended.
  let isOver = false;
  undoing(FLAPS * 1000, () => {
    isOver = true;
  });
  for (let time = 0; time < FLAPS; time += 1) {
    world.scheduler.after(time * 1000, () => {
      if (!isOver) cut(pairs, 500, world, undoing);
    });
  }
}

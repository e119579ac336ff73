import type { Damage } from './damage.ts';
import type { Fault, StoreFaultKind } from './plan.ts';
import type { Pod } from './pod.ts';
import type { World } from './world.ts';

/** Carries out a fault of the API that keeps the lease. */
export function strikeStore(kind: StoreFaultKind, fault: Fault, pod: Pod, world: World, damage: Damage): void {
  const { api } = world;
  if (api === null) return;
  const { conditions } = api;
  switch (kind) {
    case 'api-away':
      conditions.away += 1;
      conditions.isAwayLoudly = fault.amount < 0.5;
      damage.for(fault.forMs * 2, () => {
        conditions.away -= 1;
      });
      return;
    case 'api-away-for-one': {
      const { slot } = pod.machine;
      const isOneWay = fault.amount < 0.3;
      world.network.cut(api.machine.slot, slot, 1);
      if (!isOneWay) world.network.cut(slot, api.machine.slot, 1);
      damage.for(fault.forMs * 2, () => {
        world.network.cut(api.machine.slot, slot, -1);
        if (!isOneWay) world.network.cut(slot, api.machine.slot, -1);
      });
      return;
    }
    case 'api-slow': {
      const before = conditions.mostDelayMs;
      conditions.mostDelayMs = 50 + fault.amount * 1500;
      damage.for(fault.forMs * 2, () => {
        conditions.mostDelayMs = Math.min(before, conditions.mostDelayMs);
      });
      return;
    }
    case 'api-loses-answers':
      conditions.answerLossRate = fault.amount;
      damage.for(fault.forMs * 2, () => {
        conditions.answerLossRate = 0;
      });
      return;
    case 'api-refuses':
      conditions.refusalRate = fault.amount < 0.3 ? 1 : fault.amount;
      damage.for(fault.forMs * 2, () => {
        conditions.refusalRate = 0;
      });
      return;
    case 'record-touched':
      api.touch();
      return;
    case 'record-deleted':
      api.delete();
      return;
  }
}

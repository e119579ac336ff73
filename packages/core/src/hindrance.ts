import type { PodName } from './brand.ts';
import { CANNOT_SAVE, isNeverPromoted } from './candidates.ts';
import type { Lineage } from './lineage.ts';
import type { Position } from './messages.ts';
import { worthOf } from './position.ts';

/** The one who leads, as its replicas have to know it. */
export interface Leader {
  readonly pod: PodName;
  readonly ip: string;
  readonly redisPort: number;
  /** Null as long as none is announced. */
  readonly history: Lineage | null;
}

/** What keeps a Redis that shows `position` from taking over from the one who leads, as ordered; null when nothing does. */
export function hindranceOf(position: Position, { pod, ip, redisPort, history }: Leader): string | null {
  if (isNeverPromoted(position)) return 'priority 0: never promoted';
  if (!position.intact) return 'its full sync has not ended';
  if (position.role === 'master') return 'its Redis is a master itself';
  if (position.masterHost !== ip || position.masterPort !== redisPort) return `its Redis does not follow ${pod}`;
  if (!position.linkUp) return `its link to ${pod} is down`;
  if (position.canSave === false) return CANNOT_SAVE;
  if (history !== null && worthOf(position, history) === 'none') return 'its data is of another history';
  return null;
}

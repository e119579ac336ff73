import type { Story } from './story.ts';
import type { Part } from '../set/index.ts';

/**
 * A Redis that wakes up finds the order to stop in its queue, behind some of the writes that have piled up there. It takes
 * those few; with milliseconds to be expected, the rest is for slow machines. (As in packages/faults.)
 */
const WAKE_UP_MS = 200;
/** With a frozen sidecar the detached replicas are what stops the old master, within milliseconds. (As in packages/faults.) */
const REACHABLE_FENCE_MS = 50;

function pauseOf(about: Pick<Story, 'name' | 'what' | 'overlapMs'>, ...parts: readonly [Part, ...Part[]]): Story {
  return {
    ...about,
    async run(bed) {
      const { master: old } = bed;
      // The engine freezes one container after the other.
      await bed.fault(`${old.name}: docker pause ${parts.join(' ')}`, () => old.order(['pause'], ...parts));
      await bed.replaced();
      await bed.fault(`${old.name}: docker unpause ${parts.join(' ')}`, () => old.order(['unpause'], ...parts));
      const master = await bed.whole();
      bed.check(master !== old, `${old.name} is master again, which nobody asked for`);
    },
  };
}

export const pauses: readonly Story[] = [
  pauseOf(
    {
      name: 'pause-redis',
      what: "The master's redis container is frozen, and goes on when another pod is master.",
      overlapMs: WAKE_UP_MS,
    },
    'redis',
  ),
  pauseOf(
    {
      name: 'pause-sidecar',
      what: "The master's sidecar container is frozen; its Redis goes on, and everybody reaches it.",
      overlapMs: REACHABLE_FENCE_MS,
    },
    'sentinel',
  ),
  pauseOf(
    {
      name: 'pause-pod',
      what: "The master's containers are frozen, and go on when another pod is master.",
      overlapMs: WAKE_UP_MS,
    },
    ...(['redis', 'sentinel'] as const),
  ),
];

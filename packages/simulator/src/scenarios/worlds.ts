import type { RunSettings } from '../settings.ts';

/** Sets as people have them. */
export const ODD = [3, 3, 5] as const;

/** No priorities, no old data: nothing but the story decides. */
export function plain(drawn: RunSettings): RunSettings {
  return { ...drawn, priorities: drawn.priorities.map(() => 100), startsWithData: false };
}

/** On top of that a network whose own delay is next to nothing: what is slow here is slow on purpose. */
export function fast(drawn: RunSettings): RunSettings {
  return { ...plain(drawn), mostDelayMs: Math.min(drawn.mostDelayMs, 3) };
}

/** On top of that nobody waits for a person: whoever has the most data is promoted. */
export function quick(drawn: RunSettings): RunSettings {
  return { ...fast(drawn), durability: 'available' };
}

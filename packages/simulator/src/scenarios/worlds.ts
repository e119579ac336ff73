import type { RunSettings } from '../settings.ts';

/** Sets as people have them. */
export const ODD = [3, 3, 5] as const;

/** No priorities, no old data: nothing but the story decides. */
export function plain(drawn: RunSettings): RunSettings {
  return { ...drawn, priorities: drawn.priorities.map(() => 100), startsWithData: false };
}

import type { Random } from '../random.ts';
import type { RunSettings } from '../settings.ts';
import type { Script } from './script.ts';
import type { Story } from './story.ts';

/** One fault of FAULTS.md as a fixed story in a drawn world: the seed varies timing and settings. */
export interface Scenario {
  readonly name: string;
  /** What must follow, in the words of FAULTS.md; `play` checks it, beside everything that must always hold. */
  readonly follows: string;
  /** The numbers of pods that it is told for. */
  readonly pods: readonly number[];
  /** What of the drawn settings the story needs otherwise. */
  readonly settings?: (drawn: RunSettings, random: Random) => RunSettings;
  /** How the pods come to be; otherwise they all start as in every run. */
  readonly start?: (story: Story) => Script;
  readonly play: (story: Story) => Script;
}

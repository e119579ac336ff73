import { comesUp } from './comes-up.ts';
import { deaths } from './deaths.ts';
import { networks } from './networks.ts';
import { pauses } from './pauses.ts';
import type { Story } from './story.ts';

export { runStory, skipped, violationsOf, type StoryResult } from './run.ts';
export type { Story } from './story.ts';

export const STORIES: readonly Story[] = [comesUp, ...deaths, ...pauses, ...networks];

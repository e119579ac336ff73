import type { Scenario } from '../scenario.ts';
import { busy } from './busy.ts';
import { byHand } from './by-hand.ts';
import { changes } from './changes.ts';
import { deaths } from './deaths.ts';
import { dns } from './dns.ts';
import { kills } from './kills.ts';
import { lineages } from './lineages.ts';
import { partitions } from './partitions.ts';
import { pauses } from './pauses.ts';
import { scaling } from './scaling.ts';
import { starts } from './starts.ts';
import { strangers } from './strangers.ts';
import { volumes } from './volumes.ts';

/** Every scenario on real processes. A new family is a file beside this one, and a word here. */
export const SCENARIOS: readonly Scenario[] = [
  ...partitions,
  ...pauses,
  ...kills,
  ...deaths,
  ...starts,
  ...busy,
  ...lineages,
  ...dns,
  ...strangers,
  ...byHand,
  ...changes,
  ...volumes,
  ...scaling,
];

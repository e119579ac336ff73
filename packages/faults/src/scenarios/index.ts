import { TestkitError } from '@sentinel-micro/testkit';
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

/** Those with these names, in that order. @throws TestkitError BAD_USAGE for a name that is not there. */
export function scenariosNamed(names: readonly string[]): Scenario[] {
  return names.map((name) => {
    const scenario = SCENARIOS.find((known) => known.name === name);
    if (scenario !== undefined) return scenario;
    const known = SCENARIOS.map((each) => each.name).join(', ');
    throw new TestkitError('BAD_USAGE', `there is no scenario ${name}; there are ${known}`);
  });
}

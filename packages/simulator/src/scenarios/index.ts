import { commandScenarios } from './commands.ts';
import { cutScenarios } from './cuts.ts';
import { historyScenarios } from './histories.ts';
import { latecomerScenarios } from './latecomers.ts';
import { partedScenarios } from './parted.ts';
import { nameScenarios } from './names.ts';
import { pauseScenarios } from './pauses.ts';
import { podScenarios } from './pods.ts';
import { processScenarios } from './processes.ts';
import { rememberedScenarios } from './remembered.ts';
import { scalingScenarios } from './scaling.ts';
import type { Scenario } from './scenario.ts';
import { stepScenarios } from './steps.ts';

/** Every story, by the name that it has in FAULTS.md where it has one. */
export const SCENARIOS: readonly Scenario[] = [
  ...processScenarios,
  ...pauseScenarios,
  ...podScenarios,
  ...stepScenarios,
  ...cutScenarios,
  ...nameScenarios,
  ...historyScenarios,
  ...rememberedScenarios,
  ...latecomerScenarios,
  ...partedScenarios,
  ...commandScenarios,
  ...scalingScenarios,
];

/** Names of FAULTS.md that are no matter of order and time: only real processes can show them. */
export const NOT_SIMULATED: Readonly<Record<string, string>> = {
  'kill9-master-large': 'the time that a kernel takes to free memory',
  'password-wrong': "one pod's password against the others'",
  'disk-full': 'files',
  'fuzzed-peer': 'bytes on a socket',
};

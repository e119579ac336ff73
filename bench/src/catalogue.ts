import { atRests } from './measures/at-rest.ts';
import { code } from './measures/code.ts';
import { cutLoss } from './measures/cut-loss.ts';
import { hour } from './measures/hour.ts';
import { kill, killLarge } from './measures/kill.ts';
import { rolling, switchover } from './measures/planned.ts';
import { cut, hang } from './measures/silence.ts';
import { coldStart, freshPod } from './measures/start.ts';
import { throughput } from './measures/throughput.ts';
import type { Measure } from './measure.ts';

/** Everything that is measured, in the order in which it is. */
export const MEASURES: readonly Measure[] = [
  kill,
  killLarge,
  hang,
  cut,
  cutLoss,
  switchover,
  rolling,
  freshPod,
  ...atRests,
  throughput,
  coldStart,
  code,
  hour,
];

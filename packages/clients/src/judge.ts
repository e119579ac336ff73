import type { Fault } from './fault.ts';
import type { RunResult } from './result.ts';

/** What is looked at to say whether all that must follow did follow. */
export type Evidence = Pick<RunResult, 'isAllFound' | 'plain' | 'wait' | 'goesOn'>;

/** Every way in which a run is not as it must be, one sentence each; empty when all is well. */
export function violationsOf(
  { isAllFound, plain, wait, goesOn }: Evidence,
  { isLossless }: Pick<Fault, 'isLossless'>,
): string[] {
  const found: string[] = [];
  if (!isAllFound) found.push('the client did not find the master and both replicas');
  if (!goesOn) found.push('the client did not write again by itself');
  // A run in which nothing was confirmed shows nothing.
  if (wait.confirmed === 0) found.push('no write was confirmed at all');
  if (wait.confirmedLost > 0) found.push(`${wait.confirmedLost} of ${wait.confirmed} confirmed writes are lost`);
  const lost = plain.lost + wait.lost;
  if (isLossless === true && lost > 0) found.push(`${lost} acknowledged writes are lost, none may be`);
  return found;
}

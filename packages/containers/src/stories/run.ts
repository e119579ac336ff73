import { messageOf, nowMs } from '@sentinel-micro/testkit';
import type { SetOptions } from '../set/index.ts';
import { Bed, type Outcome } from './bed.ts';
import type { Story } from './story.ts';

/** What came of one run of one story. Times in milliseconds. */
export interface StoryResult extends Outcome {
  readonly story: string;
  readonly verdict: 'passed' | 'violated' | 'skipped';
  readonly reason: string;
  readonly tookMs: number;
}

const NOTHING: Outcome = {
  ...{ confirmed: 0, confirmedLost: 0, acknowledged: 0, lost: 0, refusedButPresent: 0, overlapMs: 0 },
  writableAfterMs: null,
};

/** What has gone against the promises, one sentence each. */
export function violationsOf(outcome: Outcome, { overlapMs = 0, isLossless = false }: Story): string[] {
  const found: string[] = [];
  const { confirmed, confirmedLost, lost, refusedButPresent } = outcome;
  if (confirmedLost > 0) found.push(`${confirmedLost} of ${confirmed} confirmed writes are lost`);
  // A run in which nothing was confirmed shows nothing.
  if (confirmed === 0) found.push('no write was confirmed at all');
  if (refusedButPresent > 0) found.push(`${refusedButPresent} refused writes were done all the same`);
  if (isLossless && lost > 0) found.push(`${lost} acknowledged writes are lost, none may be`);
  if (outcome.overlapMs > overlapMs) {
    found.push(`two masters took writes for ${outcome.overlapMs.toFixed(0)} ms; ${overlapMs} ms are allowed`);
  }
  return found;
}

export function skipped(story: Story, reason: string): StoryResult {
  return { story: story.name, ...NOTHING, verdict: 'skipped', reason, tookMs: 0 };
}

/** One run, from nothing to nothing. Never throws: what goes wrong is a result. */
export async function runStory(
  story: Story,
  options: Omit<SetOptions, 'sharesProcesses' | 'sentinelFlags'>,
): Promise<{ readonly result: StoryResult; readonly timeline: readonly string[] }> {
  const startMs = nowMs();
  const ended = (verdict: StoryResult['verdict'], reason: string, outcome: Outcome): StoryResult => {
    return { story: story.name, ...outcome, verdict, reason, tookMs: nowMs() - startMs };
  };
  const { sharesProcesses = false, sentinelFlags = [], isUpstreamSilent = false } = story;
  const upstreamDns = isUpstreamSilent ? 'silent' : options.upstreamDns;
  let bed: Bed | undefined;
  const timeline = (): string[] =>
    bed?.timeline.map(({ atMs, what }) => `${((atMs - startMs) / 1000).toFixed(3).padStart(8)} s  ${what}`) ?? [];
  try {
    bed = await Bed.start({ ...options, sharesProcesses, sentinelFlags, upstreamDns });
    await story.run(bed);
    const outcome = await bed.conclude();
    const violations = [...bed.wrong, ...violationsOf(outcome, story)];
    const result = ended(violations.length === 0 ? 'passed' : 'violated', violations.join('; '), outcome);
    const look = violations.length === 0 ? [] : [bed.prober.describe(), await bed.set.describe()];
    return { result, timeline: [...timeline(), ...look] };
  } catch (error) {
    const look = bed === undefined ? [] : [bed.prober.describe(), await bed.set.describe().catch(messageOf)];
    const [reason = ''] = messageOf(error).split('\n');
    return { result: ended('violated', reason, NOTHING), timeline: [...timeline(), messageOf(error), ...look] };
  } finally {
    await bed?.stop();
  }
}

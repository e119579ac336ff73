import { findTool, messageOf, nowMs, parseInfo, type ServerName, type System } from '@sentinel-micro/testkit';
import { Bed, type BedOptions, type Moment } from './bed.ts';
import { violationsOf } from './judge.ts';
import { readBack } from './read-back.ts';
import { NO_WRITES, sumOf, type RunResult } from './result.ts';
import type { Scenario } from './scenario.ts';

/** What to run, and on what. */
export interface RunOptions extends Omit<BedOptions, 'setup'> {
  readonly scenario: Scenario;
}

/** A run, and what helps to see why it ended as it did. */
export interface Run {
  readonly result: RunResult;
  /** What happened when, counted from the first fault. */
  readonly timeline: readonly string[];
}

/** One run of one scenario, from an empty network to an empty network. Never throws: what goes wrong is a result. */
export async function runOnce(options: RunOptions): Promise<Run> {
  const startMs = nowMs();
  const { needs } = options.scenario;
  if (needs !== undefined && findTool(needs) === undefined) {
    const empty = emptyResult(options.scenario, options.system, options.pods, options.server);
    return { result: { ...empty, verdict: 'skipped', reason: `${needs} is not here` }, timeline: [] };
  }
  let bed: Bed | undefined;
  try {
    bed = await Bed.start({ ...options, setup: options.scenario.setup });
    const termBefore = await termOf(bed, options.system);
    await play(bed, options.scenario);
    const result = await conclude(bed, options, termBefore);
    return { result: { ...result, tookMs: nowMs() - startMs }, timeline: timelineOf(bed) };
  } catch (error) {
    const look = bed === undefined ? '' : `\n${await bed.cluster.dump()}`;
    const isOver = options.system.isJudged && bed !== undefined;
    // A set that does not become whole again is a result; one that could not be started is none.
    const verdict = isOver ? 'violated' : options.system.isJudged ? 'failed' : 'measured';
    const empty = emptyResult(options.scenario, options.system, options.pods, options.server);
    const result = {
      ...empty,
      verdict,
      reason: messageOf(error).split('\n')[0] ?? '',
      tookMs: nowMs() - startMs,
    } as const;
    return { result, timeline: [...(bed === undefined ? [] : timelineOf(bed)), messageOf(error), look] };
  } finally {
    await bed?.stop();
  }
}

/** What a scenario waits for in vain is wrong, and what it has done by then is looked at all the same. */
async function play(bed: Bed, scenario: Scenario): Promise<void> {
  try {
    await scenario.run(bed);
  } catch (error) {
    bed.check(false, messageOf(error).split('\n')[0] ?? '');
  }
}

/** A result of a run that did not take place. */
export function emptyResult(
  scenario: Scenario,
  system: System,
  pods: number,
  server: ServerName | undefined,
): Omit<RunResult, 'verdict' | 'reason'> {
  return {
    ...{ scenario: scenario.name, system: system.name, server: server ?? 'default', serverVersion: '', pods },
    ...NO_WRITES,
    ...{ overlapMs: 0, boundMs: boundOf(scenario, system), queuedAcceptances: 0, writableAfterMs: null },
    ...{
      promotions: 0,
      moves: 0,
      terms: null,
      healedAfterMs: null,
      fences: scenario.fences ?? null,
      writers: {},
      tookMs: 0,
    },
  };
}

function boundOf(scenario: Scenario, system: System): number | null {
  return system.isJudged ? (scenario.expect.overlapMs ?? 0) : null;
}

async function conclude(bed: Bed, options: RunOptions, termBefore: number | null): Promise<RunResult> {
  const { scenario, system, pods, server } = options;
  const { tookMs: healedAfterMs } = await bed.mend();
  const histories = await bed.stopWriting();
  // Nobody writes any more, but the set may still have moved: what counts is who is master now.
  const master = await bed.settled();
  const read = await readBack(bed.cluster, master, histories);
  const termAfter = await termOf(bed, system);
  const evidence = {
    ...sumOf(read.tallies.values()),
    overlapMs: bed.prober.overlapMs(),
    queuedAcceptances: bed.prober.queuedAcceptances().length,
    writableAfterMs: histories.get('far-plain')?.writableAfterMs(bed.faultAtMs ?? 0) ?? null,
    promotions: bed.prober.promotions(),
    moves: bed.prober.moves(),
    terms: termBefore === null || termAfter === null ? null : termAfter - termBefore,
  };
  const violations = [...bed.wrong, ...violationsOf({ ...evidence, ...read }, scenario.expect)];
  const info = parseInfo(await master.text('INFO', 'server'));
  const isWell = violations.length === 0;
  return {
    ...emptyResult(scenario, system, pods, server),
    ...evidence,
    serverVersion: info.get('valkey_version') ?? info.get('redis_version') ?? '',
    healedAfterMs,
    writers: Object.fromEntries(read.tallies),
    verdict: !system.isJudged ? 'measured' : isWell ? 'passed' : 'violated',
    reason: violations.join('; '),
  };
}

/** The newest term, where there are terms. */
async function termOf(bed: Bed, system: System): Promise<number | null> {
  return system.isJudged ? await bed.cluster.newestTerm() : null;
}

function timelineOf(bed: Bed): string[] {
  const zeroMs = bed.faultAtMs ?? bed.timeline[0]?.atMs ?? 0;
  const line = ({ atMs, what }: Moment): string => `${((atMs - zeroMs) / 1000).toFixed(3).padStart(8)} s  ${what}`;
  return [...bed.timeline.map(line), bed.prober.describe()];
}

import type { RunResult } from './run.ts';
import type { Tally } from './search.ts';

/** One part of a search: the plans of the seeds, or one story. */
export interface Part {
  readonly name: string;
  readonly tally: Tally;
}

/** What is kept of a search. */
export interface SearchReport {
  readonly command: string;
  readonly seconds: number;
  readonly parts: readonly Part[];
  readonly total: Tally;
  readonly brokenRuns: readonly string[];
}

const MS_PER_HOUR = 3_600_000;

function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** How far a search has come, in one line. */
export function progressLine(tally: Tally, seconds: number): string {
  const rate = seconds > 0 ? tally.runs / seconds : 0;
  return [
    `${grouped(tally.runs)} runs, ${grouped(tally.steps)} steps (seeds x faults), ${tally.broken} broken`,
    `${rate.toFixed(1)} runs/s, ${(tally.simulatedMs / MS_PER_HOUR).toFixed(1)} simulated hours`,
    `${grouped(tally.events)} events, ${grouped(tally.confirmed)} confirmed writes`,
    `longest overlap ${tally.longestOverlapMs.toFixed(0)} ms, fenced ${tally.longestFencedOverlapMs.toFixed(0)} ms`,
  ].join('; ');
}

/** The end of one run, in words and numbers. */
export function replayLine(result: RunResult): string {
  const { fingerprint, acknowledged, confirmed, lost, confirmedLost, longestOverlapMs, settledAfterMs } = result;
  return `${acknowledged} writes acknowledged (${lost} lost), ${confirmed} confirmed (${confirmedLost} lost), longest overlap ${longestOverlapMs.toFixed(0)} ms, settled after ${settledAfterMs.toFixed(0)} ms, fingerprint ${fingerprint}`;
}

/** The report as a page of the docs. */
export function toMarkdown({ command, seconds, parts, total, brokenRuns }: SearchReport): string {
  const rows = parts.map(({ name, tally }) => {
    const hours = (tally.simulatedMs / MS_PER_HOUR).toFixed(1);
    const overlap = `${tally.longestOverlapMs.toFixed(0)} / ${tally.longestFencedOverlapMs.toFixed(0)}`;
    const cells = [name, grouped(tally.runs), grouped(tally.steps), hours, grouped(tally.confirmed), overlap];
    return `| ${[...cells, String(tally.broken)].join(' | ')} |`;
  });
  return [
    `Made by \`${command}\` in ${seconds.toFixed(0)} s: ${grouped(total.runs)} runs, ${grouped(total.steps)} steps (seeds x faults), ${total.broken} broken.`,
    '',
    '| what | runs | steps | simulated hours | confirmed writes | longest overlap, fenced (ms) | broken |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    ...(brokenRuns.length === 0 ? [] : ['', ...brokenRuns.map((line) => `- ${line}`)]),
    '',
  ].join('\n');
}

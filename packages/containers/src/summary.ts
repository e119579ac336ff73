import { alignedTable } from '@sentinel-micro/testkit';
import type { Size, Times } from './images/index.ts';
import type { ResultFile } from './result.ts';
import type { StoryResult } from './stories/index.ts';

const ms = (value: number | null): string => (value === null ? '-' : `${value.toFixed(0)} ms`);
export const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

/** One line for one run of a story. */
export function lineOf({ story, verdict, reason, tookMs, ...outcome }: StoryResult): string {
  const took = `[${(tookMs / 1000).toFixed(0)} s]`;
  if (verdict === 'skipped') return `${story}: SKIPPED, ${reason}`;
  const figures = [
    `confirmed ${outcome.confirmed} (${outcome.confirmedLost} lost)`,
    `acknowledged ${outcome.acknowledged} (${outcome.lost} lost)`,
    `overlap ${ms(outcome.overlapMs)}`,
    `writable after ${ms(outcome.writableAfterMs)}`,
  ].join(', ');
  return `${story}: ${verdict === 'violated' ? `VIOLATED: ${reason}; ` : ''}${figures} ${took}`;
}

export const STORY_HEAD = ['story', 'confirmed', 'lost', 'acknowledged', 'lost', 'overlap', 'writable after'] as const;

export function storyRow({ story, ...outcome }: StoryResult): string[] {
  const counts = [outcome.confirmed, outcome.confirmedLost, outcome.acknowledged, outcome.lost].map(String);
  return [story, ...counts, ms(outcome.overlapMs), ms(outcome.writableAfterMs)];
}

export const SIZE_HEAD = ['image', 'for', 'in all', 'the base', 'above the base'] as const;

export function sizeRow({ image, architecture, totalBytes, baseBytes, addedBytes }: Size): string[] {
  return [image, architecture, mebibytes(totalBytes), mebibytes(baseBytes), mebibytes(addedBytes)];
}

export const TIMES_HEAD = ['docker run --rm', 'n', 'median', 'min', 'max'] as const;

export function timesRow({ what, n, medianMs, minMs, maxMs }: Times): string[] {
  return [what, String(n), ms(medianMs), ms(minMs), ms(maxMs)];
}

/** All tables for a terminal, and the last line. */
export function summaryOf(results: ResultFile): string {
  const table = (head: readonly string[], rows: readonly string[][]): string[] =>
    rows.length === 0 ? [] : [alignedTable([head.map((cell) => cell.toUpperCase()), ...rows]), ''];
  const all = [...results.checks, ...results.stories];
  const count = (word: string): string => `${all.filter(({ verdict }) => verdict === word).length} ${word}`;
  return [
    ...table(SIZE_HEAD, results.sizes.map(sizeRow)),
    ...table(TIMES_HEAD, results.startUps.map(timesRow)),
    ...table(STORY_HEAD, results.stories.map(storyRow)),
    `${all.length} checks and stories: ${['passed', 'violated', 'skipped'].map(count).join(', ')}`,
  ].join('\n');
}

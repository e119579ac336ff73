import { markdownTable } from '@sentinel-micro/testkit';
import type { ResultFile } from '../result.ts';
import { SIZE_HEAD, STORY_HEAD, TIMES_HEAD, mebibytes, sizeRow, storyRow, timesRow } from '../summary.ts';
import type { Story } from '../stories/index.ts';

/** The page of the docs: what the images are, and how they did as containers. */
export function pageOf(results: ResultFile, stories: readonly Story[]): string {
  const { engine, bases, node, sizes, startUps } = results;
  const run = results.stories.filter(({ verdict }) => verdict !== 'skipped');
  const violated = [...results.checks, ...run].filter(({ verdict }) => verdict === 'violated');
  const whatOf = (name: string): string => stories.find((story) => story.name === name)?.what ?? '';
  const told = [...new Set(run.map(({ story }) => story))].map((name) => [name, whatOf(name)]);
  return [
    '# Containers: the images, and a set of them',
    '',
    'Made by `npm run test:containers -- --docs` from [containers.json](containers.json); do not edit.',
    'What it needs and does: [packages/containers](../packages/containers/README.md).',
    '',
    `Engine: ${engine}. Base images: ${bases}. Node in the images: ${node}.`,
    '',
    '## Images',
    '',
    'Above the base there is the program, its licences, its bill of materials and our licence: no node_modules, nothing native. What the',
    `base adds is not ours: here it is ${sizes[0] === undefined ? 'unknown' : mebibytes(sizes[0].baseBytes)}, most of it Node itself.`,
    '',
    ...markdownTable(SIZE_HEAD, sizes.map(sizeRow)),
    '## Start',
    '',
    'From `docker run` to the end of the container, so what the engine needs is in it: subtract the first row.',
    '',
    ...markdownTable(TIMES_HEAD, startUps.map(timesRow)),
    '## Stories',
    '',
    'Three pods of containers, each with a read-only root, user 999, no capabilities and no new privileges. Two clients write all the time,',
    'one of them with `WAIT 1`; at the end all is read back. An observer asks each Redis every few milliseconds whether it takes writes:',
    '"overlap" is for how long two did. "Writable after" counts from the fault, and is "-" where no write failed.',
    '',
    `${results.checks.length + run.length} checks and runs, ${violated.length} of them not passed.`,
    '',
    ...markdownTable(['story', 'what is done'], told),
    ...markdownTable(STORY_HEAD, run.map(storyRow)),
  ].join('\n');
}

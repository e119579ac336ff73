import { TestkitError, medianOf, mostOf } from '@sentinel-micro/testkit';
import type { Docker } from '../engine/index.ts';
import { OWN_LABEL } from './names.ts';

/** How long something took, over and over. Milliseconds. */
export interface Times {
  readonly what: string;
  readonly n: number;
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
}

export interface Timed {
  readonly what: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly flags?: readonly string[];
  /** The exit code that it has to have. */
  readonly code: number;
}

export function timesOf(what: string, tookMs: readonly number[]): Times {
  const least = Math.min(...tookMs);
  return { what, n: tookMs.length, medianMs: medianOf(tookMs) ?? NaN, minMs: least, maxMs: mostOf(tookMs) ?? NaN };
}

/** From `docker run` to the end of the container, `rounds` times; one of each in turn, so that all meet the same machine. */
export async function timeRuns(docker: Docker, things: readonly Timed[], rounds: number): Promise<Times[]> {
  const took = things.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { what, image, args, flags = [], code }] of things.entries()) {
      const ended = await docker.end(['run', '--label', OWN_LABEL, '--rm', ...flags, image, ...args]);
      if (ended.code !== code) {
        throw new TestkitError('PROCESS_FAILED', `${what} ended with ${String(ended.code)}: ${ended.stderr.trim()}`);
      }
      took[index]?.push(ended.tookMs);
    }
  }
  return things.map(({ what }, index) => timesOf(what, took[index] ?? []));
}

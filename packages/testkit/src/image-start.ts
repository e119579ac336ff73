import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestkitError } from './errors.ts';
import { findRepositoryRoot } from './tools.ts';

/**
 * What the image of a program gives to node before the program itself: the limits of its memory. The Dockerfile is the one
 * place that says them, so that what is tested is what runs.
 * @throws TestkitError TOOLS_MISSING when there is no Dockerfile, or it starts something else.
 */
export function imageNodeFlags(
  program: 'make-slave' | 'sentinel',
  repositoryRoot: string = findRepositoryRoot(),
): readonly string[] {
  const file = join(repositoryRoot, 'docker', program, 'Dockerfile');
  if (!existsSync(file)) throw new TestkitError('TOOLS_MISSING', `${file} is missing`);
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync(file, 'utf8'))?.[1];
  const [node, ...words] = entrypoint === undefined ? [] : (JSON.parse(entrypoint) as string[]);
  if (node !== 'node' || words.at(-1) !== `/app/${program}.mjs`) {
    throw new TestkitError('TOOLS_MISSING', `${file} does not start ${program} by node: ${String(entrypoint)}`);
  }
  return words.slice(0, -1);
}

import { TestkitError, pickNamed, readFlags, wholeNumber } from '@sentinel-micro/testkit';
import { STORIES, type Story } from './stories/index.ts';

export const USAGE = `npm run test:containers -- [OPTIONS]
  --only NAME,..     these stories only; the images are built and looked at all the same
  --runs N           each story so often (default 1)
  --rounds N         how often each start is timed (default 10)
  --engine WHICH     running: the engine that runs on this machine; own: one that is started for this, and ended (needs root);
                     default: the running one where there is one
  --bases WHICH      pulled: base images from their registries; made: from Debian packages and npm's Node; default: pulled where
                     the registries can be reached
  --json FILE        write the results there
  --docs             write the results to docs/containers.json, and the page docs/containers.md
  --verbose          show the timeline of every story
  --list             name the stories and end`;

export interface Order {
  readonly stories: readonly Story[];
  readonly rounds: number;
  readonly engine: 'running' | 'own' | 'any';
  readonly jsonFile: string | undefined;
  readonly writesDocs: boolean;
  readonly isVerbose: boolean;
  readonly isList: boolean;
}

const OPTIONS = {
  only: { type: 'string' },
  runs: { type: 'string', default: '1' },
  rounds: { type: 'string', default: '10' },
  engine: { type: 'string', default: 'any' },
  // Read by scripts/containers.mjs.
  bases: { type: 'string' },
  json: { type: 'string' },
  docs: { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
} as const;

const ENGINES = ['running', 'own', 'any'] as const;

/** Reads the flags. @throws TestkitError BAD_USAGE */
export function parseOrder(args: readonly string[]): Order {
  const values = readFlags(args, OPTIONS);
  const chosen = values.only === undefined ? STORIES : pickNamed('story', STORIES, values.only);
  const runs = wholeNumber('runs', values.runs, 1, 10_000);
  const engine = ENGINES.find((known) => known === values.engine);
  if (engine === undefined) {
    throw new TestkitError('BAD_USAGE', `--engine is ${values.engine}; it can be ${ENGINES.join(', ')}`);
  }
  return {
    stories: Array.from({ length: runs }, () => chosen).flat(),
    rounds: wholeNumber('rounds', values.rounds, 1, 1000),
    engine,
    jsonFile: values.json,
    writesDocs: values.docs,
    isVerbose: values.verbose,
    isList: values.list,
  };
}

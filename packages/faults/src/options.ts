import {
  SERVER_NAMES,
  TestkitError,
  pickNamed,
  readFlags,
  wholeNumber,
  type ServerName,
  type System,
} from '@sentinel-micro/testkit';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { systemsNamed } from './systems.ts';

export const USAGE = `npm run test:faults -- [OPTIONS]
  --only NAME,..     these scenarios only
  --runs N           each so often (default 1)
  --pods K           on so many pods (default: 3, then partitions and pauses on 5)
  --server NAME      ${SERVER_NAMES.join(', ')} (default: the redis-server of this machine)
  --system NAME      sentinel-micro (default), redis-sentinel, redis-sentinel-1000, redis-sentinel-5000
  --json FILE        write the results there
  --verbose          show the timeline of every run, and keep what it has left
  --list             name the scenarios and end
  --product FOLDER   other builds of make-slave.mjs and sentinel.mjs`;

/** One run to be done. */
export interface Planned {
  readonly scenario: Scenario;
  readonly system: System;
  readonly pods: number;
}

export interface Order {
  readonly plan: readonly Planned[];
  readonly server: ServerName | undefined;
  readonly jsonFile: string | undefined;
  readonly product: string | undefined;
  readonly isList: boolean;
  readonly isVerbose: boolean;
}

const OPTIONS = {
  only: { type: 'string' },
  runs: { type: 'string', default: '1' },
  pods: { type: 'string' },
  server: { type: 'string' },
  system: { type: 'string', default: 'sentinel-micro' },
  json: { type: 'string' },
  list: { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
  product: { type: 'string' },
} as const;

/** Reads the flags. @throws TestkitError BAD_USAGE */
export function parseOrder(args: readonly string[]): Order {
  const values = readFlags(args, OPTIONS);
  const pods = values.pods === undefined ? undefined : wholeNumber('pods', values.pods, 3, 9);
  const runs = wholeNumber('runs', values.runs, 1, 100_000);
  const chosen = values.only === undefined ? undefined : pickNamed('scenario', SCENARIOS, values.only);
  const systems = systemsNamed(values.system);
  const once = systems.flatMap((system) => planFor(system, chosen, pods));
  return {
    plan: Array.from({ length: runs }, () => once).flat(),
    server: values.server === undefined ? undefined : serverNamed(values.server),
    jsonFile: values.json,
    product: values.product,
    isList: values.list,
    isVerbose: values.verbose,
  };
}

function planFor(system: System, chosen: readonly Scenario[] | undefined, pods: number | undefined): Planned[] {
  const isCut = ({ family }: Scenario): boolean => family === 'partition' || family === 'pause';
  // The others make no sense without make-slave and the sidecar.
  const scenarios = chosen ?? SCENARIOS.filter((scenario) => system.isJudged || isCut(scenario));
  const plan = scenarios.map((scenario) => ({ scenario, system, pods: pods ?? 3 }));
  if (chosen !== undefined || pods !== undefined) return plan;
  return [...plan, ...scenarios.filter(isCut).map((scenario) => ({ scenario, system, pods: 5 }))];
}

function serverNamed(text: string): ServerName {
  const name = SERVER_NAMES.find((known) => known === text);
  if (name !== undefined) return name;
  throw new TestkitError('BAD_USAGE', `--server is ${text}; it can be ${SERVER_NAMES.join(' or ')}`);
}

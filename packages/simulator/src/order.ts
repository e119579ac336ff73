import { parseArgs } from 'node:util';
import { FAULT_KINDS, STORE_FAULT_KINDS, type FaultKind } from './plan.ts';
import { SCENARIOS } from './scenarios/index.ts';
import type { Scenario } from './scenarios/scenario.ts';
import type { RunSettings } from './settings.ts';

export const USAGE = `npm run simulate -- --seed N [--scenario NAME] [--steps M] [--pods K] [--only KIND,...] [--lease-store kubernetes] [--minimise]   one run, with its timeline
npm run simulate -- --seeds COUNT [--scenario NAME|all] [--from N] [--jobs J|all] [--save FILE.json|FILE.md] ...    a search
npm run simulate -- --list                                                                    the stories and the kinds of faults`;

const MOST_PODS = 9;
const MOST_JOBS = 256;

/** What the command is to do; steps are faults. */
export interface Order {
  readonly does: 'list' | 'replay' | 'search';
  readonly seed: number;
  readonly seeds: number;
  readonly from: number;
  readonly steps: number;
  readonly pods: number | null;
  readonly only: readonly FaultKind[] | null;
  /** One story; none for the plan of the seed. */
  readonly scenario: Scenario | null;
  /** Each of the stories, one after the other. */
  readonly isEachScenario: boolean;
  readonly isMinimised: boolean;
  readonly leaseStore: RunSettings['leaseStore'];
  readonly jobs: number;
  readonly saveTo: string | null;
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new RangeError(`--${name} is ${text}; it must be a whole number from ${least} to ${most}`);
  }
  return value;
}

function leaseStoreOf(text: string): RunSettings['leaseStore'] {
  if (text === 'peers' || text === 'kubernetes') return text;
  throw new RangeError(`--lease-store is ${text}; it must be peers or kubernetes`);
}

function kindsOf(text: string): FaultKind[] {
  return text.split(',').map((name) => {
    const kind = [...FAULT_KINDS, ...STORE_FAULT_KINDS].find((known) => known === name);
    if (kind === undefined) throw new RangeError(`--only: there is no fault ${name} (see --list)`);
    return kind;
  });
}

/** @throws RangeError when there is none of that name */
export function scenarioOf(name: string): Scenario {
  const scenario = SCENARIOS.find((known) => known.name === name);
  if (scenario === undefined) throw new RangeError(`there is no scenario ${name} (see --list)`);
  return scenario;
}

function saveTarget(file: string | undefined): string | null {
  if (file === undefined) return null;
  if (!/\.(json|md)$/.test(file)) throw new RangeError(`--save is ${file}; it must end in .json or .md`);
  return file;
}

/**
 * Reads the command line.
 * @param cores what `--jobs all` stands for
 * @throws RangeError or TypeError with one sentence that says what is wrong
 */
export function parseOrder(args: string[], cores: number): Order {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      steps: { type: 'string', default: '15' },
      pods: { type: 'string' },
      only: { type: 'string' },
      scenario: { type: 'string' },
      jobs: { type: 'string', default: '1' },
      save: { type: 'string' },
      list: { type: 'boolean', default: false },
      minimise: { type: 'boolean', default: false },
      'lease-store': { type: 'string', default: 'peers' },
    },
  });
  const most = Number.MAX_SAFE_INTEGER;
  const isEachScenario = values.scenario === 'all';
  const isNamed = values.scenario !== undefined && !isEachScenario;
  if (values.seed !== undefined && values.seeds !== undefined)
    throw new RangeError('--seed is one run and --seeds is a search: give one of them');
  if (values.seed !== undefined && isEachScenario) throw new RangeError('--seed needs one --scenario, and not all');
  return {
    does: values.list ? 'list' : values.seed === undefined ? 'search' : 'replay',
    seed: whole('seed', values.seed ?? '0', 0, most),
    seeds: whole('seeds', values.seeds ?? '1000', 1, most),
    from: whole('from', values.from, 0, most),
    steps: whole('steps', values.steps, 0, 10_000),
    pods: values.pods === undefined ? null : whole('pods', values.pods, 1, MOST_PODS),
    only: values.only === undefined ? null : kindsOf(values.only),
    scenario: isNamed ? scenarioOf(values.scenario ?? '') : null,
    isEachScenario,
    isMinimised: values.minimise,
    leaseStore: leaseStoreOf(values['lease-store']),
    jobs: values.jobs === 'all' ? cores : whole('jobs', values.jobs, 1, MOST_JOBS),
    saveTo: saveTarget(values.save),
  };
}

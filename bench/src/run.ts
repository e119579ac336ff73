import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '@sentinel-micro/testkit';
import type { Contestant } from './contestants.ts';
import type { Measure, PlainMeasure, Readings, SetMeasure } from './measure.ts';
import { Stage } from './stage.ts';

export interface RunOptions {
  readonly rounds: number;
  /** An empty folder. */
  readonly dir: string;
  readonly hasHosts: boolean;
  readonly onReading: (contestant: string, figure: string, value: number) => void;
  readonly onFailure: (contestant: string, why: string) => void;
  /** A line for the person who watches. */
  readonly onProgress: (text: string) => void;
}

/** Does the rounds of one measure. A round that fails is told, and does not end the others. */
export async function runMeasure(measure: Measure, options: RunOptions): Promise<void> {
  if (measure.kind === 'plain') await runPlain(measure, options);
  else await runOnSets(measure, options);
}

async function runPlain(measure: PlainMeasure, options: RunOptions): Promise<void> {
  for (let round = 0; round < options.rounds; round++) {
    const dir = join(options.dir, String(round));
    mkdirSync(dir, { recursive: true });
    try {
      const all = await measure.round({ dir }, round);
      for (const [contestant, readings] of Object.entries(all)) take(options, contestant, readings);
      tell(options, `${round + 1}/${options.rounds}`, Object.entries(all));
    } catch (error) {
      options.onFailure('all', firstLine(error));
    }
    rmSync(dir, { recursive: true, force: true });
  }
}

async function runOnSets(measure: SetMeasure, options: RunOptions): Promise<void> {
  if (measure.needsHosts === true && !options.hasHosts) {
    options.onFailure('all', 'it needs network namespaces, and there are none');
    return;
  }
  const { newSetsAfter = options.rounds } = measure;
  for (let from = 0; from < options.rounds; from += newSetsAfter) {
    await runOnNewSets(measure, { from, to: Math.min(options.rounds, from + newSetsAfter) }, options);
  }
}

async function runOnNewSets(
  measure: SetMeasure,
  { from, to }: { readonly from: number; readonly to: number },
  options: RunOptions,
): Promise<void> {
  const stages: Stage[] = [];
  try {
    for (const contestant of measure.contestants) {
      const stage = await startStage(measure, contestant, options);
      if (stage !== undefined) stages.push(stage);
    }
    for (let round = from; round < to; round++) {
      for (const stage of stages) {
        const { turns = 1 } = stage.contestant;
        for (let turn = 0; turn < turns; turn++) {
          const of = { index: round * turns + turn, count: options.rounds * turns };
          await runRound(measure, stage, of, options);
        }
      }
    }
  } finally {
    await Promise.all(stages.map((stage) => stage.stop()));
  }
}

async function startStage(
  measure: SetMeasure,
  contestant: Contestant,
  options: RunOptions,
): Promise<Stage | undefined> {
  const dir = join(options.dir, contestant.name.replaceAll(/[^\w.-]+/g, '-'));
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  let stage: Stage | undefined;
  try {
    stage = await Stage.start({ contestant, dir, hasHosts: options.hasHosts });
    await measure.prepare?.(stage);
    return stage;
  } catch (error) {
    await stage?.stop();
    options.onFailure(contestant.name, firstLine(error));
    return undefined;
  }
}

/** One reading among all that a contestant gives. */
interface Turn {
  readonly index: number;
  readonly count: number;
}

async function runRound(measure: SetMeasure, stage: Stage, turn: Turn, options: RunOptions): Promise<void> {
  const { name } = stage.contestant;
  try {
    const readings = await measure.round(stage, turn.index);
    take(options, name, readings);
    tell(options, `${turn.index + 1}/${turn.count}`, [[name, readings]]);
  } catch (error) {
    options.onFailure(name, firstLine(error));
    // Whatever the round left broken would spoil the next one.
    await stage.network?.cuts.healAll();
    await stage.cluster.revivePods().catch(() => undefined);
  }
}

function take(options: RunOptions, contestant: string, readings: Readings): void {
  for (const [figure, value] of Object.entries(readings)) options.onReading(contestant, figure, value);
}

function tell(options: RunOptions, which: string, all: readonly (readonly [string, Readings])[]): void {
  const texts = all.map(([contestant, readings]) => {
    const values = Object.entries(readings).map(([figure, value]) => `${figure} ${value.toFixed(1)}`);
    return `${contestant}: ${values.join(', ')}`;
  });
  options.onProgress(`${which}  ${texts.join('; ')}`);
}

function firstLine(error: unknown): string {
  return messageOf(error).split('\n')[0] ?? '';
}

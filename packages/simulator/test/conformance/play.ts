import { sleep } from '@sentinel-micro/testkit';
import type { ModelStage } from './model-stage.ts';
import type { RealStage } from './real-stage.ts';
import { describeLook, differences, type Labels, type View } from './view.ts';
import { describeStep, type Answer, type Step } from './vocabulary.ts';

/** Longer than any cron: after this the model has come to rest. */
const MODEL_SETTLE_MS = 2500;
/** How long the real servers may take to come to the same; what takes them no time at all they must also keep. */
const REAL_SETTLE_MS = 6000;
/** After a time that is the same on both they must be alike at once, but for what a busy machine adds. */
const REAL_JITTER_MS = 400;
const POLL_MS = 20;
const KEEP_MS = 100;
const LAST_KEEP_MS = 1200;
const PATIENCE_MS = 4000;
const HELD_MS = 300;

interface Labelled {
  real: Labels;
  model: Labels;
}

async function lookAt(real: RealStage, labels: Labels): Promise<{ view: View; labels: Labels }> {
  return describeLook(await real.look(), labels);
}

/** Waits until the real servers show what the model shows, and looks whether they keep to it. @returns what stays different. */
async function compareLooks(
  model: ModelStage,
  real: RealStage,
  labels: Labelled,
  { settleMs, keepMs }: { settleMs: number; keepMs: number },
): Promise<string[]> {
  const expected = describeLook(model.look(), labels.model);
  const untilMs = performance.now() + settleMs;
  let actual = await lookAt(real, labels.real);
  let difference = differences(actual.view, expected.view);
  for (let isKept = false; !isKept;) {
    while (difference.length > 0 && performance.now() < untilMs) {
      await sleep(POLL_MS);
      actual = await lookAt(real, labels.real);
      difference = differences(actual.view, expected.view);
    }
    if (difference.length > 0) return difference;
    await sleep(keepMs);
    actual = await lookAt(real, labels.real);
    difference = differences(actual.view, expected.view);
    isKept = difference.length === 0;
  }
  labels.real = actual.labels;
  labels.model = expected.labels;
  return [];
}

function answersDiffer(real: readonly Answer[], model: readonly Answer[]): string[] {
  return real.join(' ') === model.join(' ') ? [] : [`answers: real ${real.join(' ')}, model ${model.join(' ')}`];
}

/**
 * Plays one story on both, step by step, up to the first difference.
 * @returns the transcript of a story that went differently; null when both went the same way.
 */
export async function play(steps: readonly Step[], model: ModelStage, real: RealStage): Promise<string | null> {
  const transcript: string[] = [];
  const labels: Labelled = { real: new Map(), model: new Map() };
  for (const [index, step] of steps.entries()) {
    const expected = model.perform(step);
    const answers = await real.perform(step, expected.includes('held') ? HELD_MS : PATIENCE_MS);
    transcript.push(`${describeStep(step)}${expected.length > 0 ? ` -> ${expected.join(' ')}` : ''}`);
    const found = answersDiffer(answers, expected);
    if (found.length === 0 && step.quick !== true) {
      const isLast = index === steps.length - 1;
      const isTimed = step.do === 'pass';
      if (!isTimed) model.pass(MODEL_SETTLE_MS);
      const settleMs = isTimed ? REAL_JITTER_MS : REAL_SETTLE_MS;
      const keepMs = isTimed ? 0 : isLast ? LAST_KEEP_MS : KEEP_MS;
      found.push(...(await compareLooks(model, real, labels, { settleMs, keepMs })));
    }
    if (found.length > 0) return [...transcript, ...found.map((line) => `   ${line}`), ...real.logs()].join('\n');
  }
  return null;
}

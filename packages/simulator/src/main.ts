import { parseArgs } from 'node:util';
import { FAULT_KINDS, minimise, run, type FaultKind, type RunOptions, type RunResult } from './index.ts';

const USAGE = `npm run simulate -- --seed N [--steps M] [--pods K] [--only KIND,...] [--minimise]   one run, with its timeline
npm run simulate -- --seeds COUNT [--from N] [--steps M] [--pods K] [--only KIND,...]      a search
kinds of faults: ${FAULT_KINDS.join(', ')}`;

const PROGRESS_EVERY_MS = 5000;

interface Order {
  readonly seed: number | null;
  readonly seeds: number;
  readonly from: number;
  readonly isMinimised: boolean;
  readonly base: Omit<RunOptions, 'seed'>;
}

function whole(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new RangeError(`--${name} is ${text}; it must be a whole number`);
  return Number(text);
}

function kindsOf(text: string): FaultKind[] {
  return text.split(',').map((name) => {
    const kind = FAULT_KINDS.find((known) => known === name);
    if (kind === undefined) throw new RangeError(`--only: there is no fault ${name}`);
    return kind;
  });
}

function parseOrder(args: string[]): Order {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      steps: { type: 'string', default: '15' },
      pods: { type: 'string' },
      only: { type: 'string' },
      minimise: { type: 'boolean', default: false },
    },
  });
  const pods = values.pods === undefined ? null : whole('pods', values.pods);
  if (pods !== null && (pods < 1 || pods > 9)) throw new RangeError(`--pods is ${pods}; it must be from 1 to 9`);
  return {
    seed: values.seed === undefined ? null : whole('seed', values.seed),
    seeds: whole('seeds', values.seeds),
    from: whole('from', values.from),
    isMinimised: values.minimise,
    base: { steps: whole('steps', values.steps), pods, only: values.only === undefined ? null : kindsOf(values.only) },
  };
}

function describe(result: RunResult): string {
  const [violation] = result.violations;
  const what = violation === undefined ? 'nothing broken' : `${violation.invariant}: ${violation.text}`;
  return `seed ${result.seed}, ${result.settings.pods} pods, ${result.plan.length} faults: ${what}`;
}

function replay(order: Order, seed: number): boolean {
  const options = { ...order.base, seed };
  let result = run({ ...options, isRecording: true });
  if (order.isMinimised && result.violations.length > 0) {
    const { plan } = minimise(options, result);
    result = run({ ...options, pods: result.settings.pods, plan, isRecording: true });
  }
  for (const line of result.lines) console.log(line);
  console.log(describe(result));
  for (const fault of result.plan) console.log(JSON.stringify(fault));
  console.log(JSON.stringify(result.settings));
  const { fingerprint, acknowledged, confirmed, lost, confirmedLost, longestOverlapMs, settledAfterMs } = result;
  console.log(
    `${acknowledged} writes acknowledged (${lost} lost), ${confirmed} confirmed (${confirmedLost} lost), longest overlap ${longestOverlapMs.toFixed(0)} ms, settled after ${settledAfterMs.toFixed(0)} ms, fingerprint ${fingerprint}`,
  );
  return result.violations.length === 0;
}

function search(order: Order): boolean {
  const startedAtMs = performance.now();
  let toldAtMs = startedAtMs;
  let broken = 0;
  let simulatedMs = 0;
  let confirmed = 0;
  let longestOverlapMs = 0;
  const summary = (done: number): string => {
    const seconds = (performance.now() - startedAtMs) / 1000;
    return `${done} runs of ${order.base.steps} faults, ${broken} broken, ${(done / seconds).toFixed(1)} runs/s, ${(simulatedMs / 3_600_000).toFixed(1)} simulated hours, ${confirmed} confirmed writes, longest overlap ${longestOverlapMs.toFixed(0)} ms`;
  };
  for (let done = 0; done < order.seeds; done += 1) {
    const result = run({ ...order.base, seed: order.from + done });
    simulatedMs += result.simulatedMs;
    confirmed += result.confirmed;
    longestOverlapMs = Math.max(longestOverlapMs, result.longestOverlapMs);
    if (result.violations.length > 0) {
      broken += 1;
      console.log(describe(result));
    }
    if (performance.now() - toldAtMs < PROGRESS_EVERY_MS) continue;
    toldAtMs = performance.now();
    console.error(summary(done + 1));
  }
  console.log(summary(order.seeds));
  return broken === 0;
}

try {
  const order = parseOrder(process.argv.slice(2));
  const isWhole = order.seed === null ? search(order) : replay(order, order.seed);
  process.exitCode = isWhole ? 0 : 1;
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exitCode = 2;
}

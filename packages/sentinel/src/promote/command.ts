import { planPromotion, type Instance, type PromotionPlan } from '@sentinel-micro/core';
import {
  credentialsOf,
  FLAGS,
  numberFlag,
  systemClock,
  UsageError,
  type Clock,
  type RawFlags,
} from '@sentinel-micro/runtime';
import { setTimeout as sleep } from 'node:timers/promises';
import { OUTPUT_FLAGS, wantsJson, type Output } from '../control/set.ts';
import { isLoopback, parseEndpoints } from './endpoint.ts';
import { followAll, promote, type ExecuteSettings, type StepResult } from './execute.ts';
import { createObserver, refuseDuplicates, type Observer } from './observe.ts';
import { instanceTable, planText, reportJson, resultText } from './report.ts';

/** The flags of `sentinel promote`. */
export const PROMOTE_FLAGS = {
  'redis-username': FLAGS['redis-username'],
  'redis-password-file': FLAGS['redis-password-file'],
  'redis-password': FLAGS['redis-password'],
  'probe-timeout-ms': {
    type: 'string',
    default: 1000,
    describe: 'how long to wait for each instance',
    requiresArg: true,
  },
  'verify-timeout-ms': {
    type: 'string',
    default: 10_000,
    describe: 'how long the instances may take until they follow with the link up',
    requiresArg: true,
  },
  'dry-run': { type: 'boolean', default: false, describe: 'show what would be done, and change nothing' },
  force: { type: 'boolean', default: false, describe: 'go ahead where data may be lost, e.g. with two masters' },
  ...OUTPUT_FLAGS,
} as const;

interface Settings extends ExecuteSettings {
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly isJson: boolean;
}

interface Picture {
  readonly instances: readonly Instance[];
  readonly plan: PromotionPlan;
}

const SETTLE_POLL_MS = 250;

/** Looks at the set, again and again while the picture may still settle by itself, and plans. */
async function look(observer: Observer, settings: Settings, clock: Clock, out: Output): Promise<Picture> {
  const startedAtMs = clock.now();
  let isTold = false;
  for (;;) {
    const instances = await observer.observe();
    refuseDuplicates(instances);
    const plan = planPromotion(instances, { force: settings.force });
    if (plan.kind !== 'refuse' || clock.now() - startedAtMs >= plan.settleMs) return { instances, plan };
    // A replica needs a moment to notice the death of its master: nothing to tell yet.
    if (!isTold && clock.now() - startedAtMs > 1000) {
      out.stderr(`sentinel: looking again for at most ${String(plan.settleMs / 1000)} s: ${plan.reason}`);
      isTold = true;
    }
    await sleep(SETTLE_POLL_MS);
  }
}

/** @throws UsageError when instances would be pointed at an address by which they only reach themselves. */
export function refuseLoopbackMaster(plan: PromotionPlan, observer: Pick<Observer, 'session'>): void {
  if (plan.kind !== 'promote' && plan.kind !== 'repair') return;
  const master = plan.kind === 'promote' ? plan.winner : plan.master;
  const elsewhere = plan.orders.find(({ endpoint, kind }) => {
    const session = observer.session(endpoint);
    return kind === 'follow' && session !== null && !isLoopback(session.ip);
  });
  const session = observer.session(master);
  if (elsewhere !== undefined && session !== null && isLoopback(session.ip)) {
    throw new UsageError(
      `endpoint ${master} is an address of this host only: ${elsewhere.endpoint} can not follow it there; name it by an address that all can reach`,
    );
  }
}

interface Done {
  readonly plan: PromotionPlan;
  readonly results: readonly StepResult[];
}

/**
 * Promotes, then has the others follow. A candidate that has certainly refused is left out and the next one is tried;
 * one of which that is not certain ends it all, for two masters would be worse than none.
 */
async function carryOut(picture: Picture, observer: Observer, settings: Settings, out: Output): Promise<Done> {
  const results: StepResult[] = [];
  const unusable = new Map<string, string>();
  let { plan } = picture;
  while (plan.kind === 'promote') {
    const { winner } = plan;
    const { kind, detail } = await promote(observer.session(winner), settings);
    results.push({ endpoint: winner, step: 'promote', ok: kind === 'done', detail });
    if (kind === 'done') break;
    if (kind === 'unknown') {
      return {
        plan,
        results: [
          ...results,
          ...plan.orders.map(({ endpoint, kind: step }) => ({
            endpoint,
            step,
            ok: false,
            detail: 'left as it was: the promotion is not certain',
          })),
        ],
      };
    }
    unusable.set(winner, detail);
    plan = planPromotion(await observer.observe(), { force: settings.force, unusable });
    refuseLoopbackMaster(plan, observer);
    if (!settings.isJson) out.stdout(`\n${winner} ${detail}.\n\n${planText(plan)}`);
  }
  if (plan.kind === 'promote' || plan.kind === 'repair') results.push(...(await followAll(plan, observer, settings)));
  return { plan, results };
}

/** Alive, but not to be asked: the user must know, whatever else has worked. */
function lockedResults(instances: readonly Instance[]): StepResult[] {
  return instances.flatMap((instance) =>
    instance.state === 'unreachable' && instance.answers
      ? [{ endpoint: instance.endpoint, step: 'check' as const, ok: false, detail: instance.reason }]
      : [],
  );
}

async function run(observer: Observer, settings: Settings, out: Output): Promise<number> {
  const picture = await look(observer, settings, settings.clock, out);
  const { instances } = picture;
  refuseLoopbackMaster(picture.plan, observer);
  if (!settings.isJson) out.stdout(`${instanceTable(instances)}\n\n${planText(picture.plan)}`);
  const isActing = !settings.dryRun && (picture.plan.kind === 'promote' || picture.plan.kind === 'repair');
  const done = isActing ? await carryOut(picture, observer, settings, out) : { plan: picture.plan, results: [] };
  const results = [...done.results, ...lockedResults(instances)];
  const hasFailed = done.plan.kind === 'refuse' || results.some((result) => !result.ok);
  const exitCode = hasFailed ? 1 : 0;
  const after = isActing ? await observer.observe() : null;
  if (settings.isJson) {
    out.stdout(reportJson({ instances, plan: done.plan, dryRun: settings.dryRun, results, after, exitCode }));
  } else if (isActing) {
    out.stdout(`\n${resultText({ results, after, exitCode })}`);
  } else if (settings.dryRun) {
    out.stdout('\nDry run: nothing was changed.');
  }
  if (done.plan.kind === 'refuse') out.stderr(`sentinel: ${done.plan.reason}`);
  for (const { endpoint, ok, detail } of results) if (!ok) out.stderr(`sentinel: ${endpoint}: ${detail}`);
  return exitCode;
}

/**
 * `sentinel promote`: looks at all instances, and gives a set without a master a new one. A healthy set is left alone.
 * Only the report goes to `out.stdout`.
 * @param endpoints as the user typed them
 * @returns the exit code: 0 when all is well or would be (`--dry-run`), 1 when it was refused or something failed
 * @throws UsageError for a wrong flag or endpoint
 */
export async function runPromote(flags: RawFlags, endpoints: readonly string[], out: Output): Promise<number> {
  const parsed = parseEndpoints(endpoints);
  const settings: Settings = {
    clock: systemClock,
    verifyTimeoutMs: numberFlag(flags, 'verify-timeout-ms', 1, 86_400_000),
    force: flags['force'] === true,
    dryRun: flags['dry-run'] === true,
    isJson: wantsJson(flags),
  };
  const probeTimeoutMs = numberFlag(flags, 'probe-timeout-ms', 1, 60_000);
  const observer = createObserver(parsed, { ...credentialsOf(flags), probeTimeoutMs });
  try {
    return await run(observer, settings, out);
  } finally {
    observer.close();
  }
}

import type { FollowOrder, Instance, PromotionPlan } from '@sentinel-micro/core';
import { textTable } from '../control/table.ts';
import type { StepResult } from './execute.ts';

/** Everything that one run has found, decided and done. */
export interface PromotionReport {
  readonly instances: readonly Instance[];
  readonly plan: PromotionPlan;
  readonly dryRun: boolean;
  readonly results: readonly StepResult[];
  /** The last look, after something was done; null when nothing was. */
  readonly after: readonly Instance[] | null;
  readonly exitCode: number;
}

const HEAD = ['ENDPOINT', 'ROLE', 'PRIORITY', 'OFFSET', 'REPLID', 'MASTER', 'LINK', 'LAST I/O', 'DOWN SINCE'] as const;

const cell = (value: string | number | null, unit = ''): string => (value === null ? '-' : `${String(value)}${unit}`);

function rowOf(instance: Instance): string[] {
  if (instance.state === 'unreachable') return [instance.endpoint, `unreachable: ${instance.reason}`];
  const { info } = instance;
  const isReplica = info.role === 'replica';
  return [
    instance.endpoint,
    info.loading ? `${info.role} (loading)` : info.role,
    cell(info.priority),
    cell(info.offset),
    info.replid,
    isReplica ? `${cell(info.masterHost)}:${cell(info.masterPort)}` : '-',
    isReplica ? linkOf(instance) : '-',
    isReplica ? cell(info.lastIoSecondsAgo, ' s ago') : '-',
    isReplica ? cell(info.linkDownSinceSeconds, ' s') : '-',
  ];
}

function linkOf({ info }: Extract<Instance, { state: 'reachable' }>): string {
  return info.linkUp ? 'up' : info.syncInProgress ? 'syncing' : 'down';
}

/** The instances as a table for people; those that can not be asked with the reason. */
export function instanceTable(instances: readonly Instance[]): string {
  return textTable([HEAD, ...instances.map(rowOf)]);
}

function headlineOf(plan: PromotionPlan): string {
  switch (plan.kind) {
    case 'healthy':
      return `Healthy, nothing to do: ${plan.reason}`;
    case 'repair':
      return `Repair: ${plan.reason}`;
    case 'promote':
      return `Promote: ${plan.reason}`;
    case 'refuse':
      return `Refused: ${plan.reason}`;
  }
}

const ordersOf = (plan: PromotionPlan): readonly FollowOrder[] => ('orders' in plan ? plan.orders : []);

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

/** What is planned and why, for people: candidates with their reasons, what is lost, what will be done. */
export function planText(plan: PromotionPlan): string {
  const verdicts = 'verdicts' in plan ? plan.verdicts : [];
  return [
    headlineOf(plan),
    ...section(
      'Candidates:',
      verdicts.map(({ endpoint, chosen, reason }) => `  ${chosen ? '*' : ' '} ${endpoint}  ${reason}`),
    ),
    ...section(
      'WARNING:',
      plan.warnings.map((warning) => `  ! ${warning}`),
    ),
    ...section('To do:', [
      ...(plan.kind === 'promote' ? [`  ${plan.winner}  is to become master`] : []),
      ...ordersOf(plan).map(({ endpoint, reason }) => `  ${endpoint}  ${reason}`),
    ]),
  ].join('\n');
}

/** What became of each instance, for people. */
export function resultText(report: Pick<PromotionReport, 'results' | 'after' | 'exitCode'>): string {
  const { results, after, exitCode } = report;
  return [
    'Result:',
    ...results.map(({ endpoint, ok, detail }) => `  ${ok ? 'ok    ' : 'FAILED'}  ${endpoint}  ${detail}`),
    ...(after === null ? [] : ['', instanceTable(after)]),
    '',
    exitCode === 0 ? 'Done.' : 'Not everything worked: see FAILED above, then run this again.',
  ].join('\n');
}

function instanceJson(instance: Instance): Record<string, unknown> {
  if (instance.state === 'unreachable') {
    return { endpoint: instance.endpoint, reachable: false, answers: instance.answers, error: instance.reason };
  }
  const { info } = instance;
  return {
    endpoint: instance.endpoint,
    reachable: true,
    role: info.role,
    priority: info.priority,
    offset: info.offset,
    replid: info.replid,
    replid2: info.replid2,
    secondReplOffset: info.secondReplOffset,
    masterHost: info.masterHost,
    masterPort: info.masterPort,
    linkStatus: info.role === 'replica' ? (info.linkUp ? 'up' : 'down') : null,
    syncInProgress: info.syncInProgress,
    lastIoSecondsAgo: info.lastIoSecondsAgo,
    masterLinkDownSinceSeconds: info.linkDownSinceSeconds,
    loading: info.loading,
    keys: info.keys,
    runId: info.runId,
    onlineReplicas: instance.feeds.length,
  };
}

function planJson(plan: PromotionPlan): Record<string, unknown> {
  const master = plan.kind === 'promote' ? plan.winner : plan.kind === 'refuse' ? null : plan.master;
  return {
    kind: plan.kind,
    master,
    reason: plan.reason,
    candidates: 'verdicts' in plan ? plan.verdicts : [],
    orders: ordersOf(plan),
    warnings: plan.warnings,
  };
}

/** The whole report as one JSON object. Unknown values are null. */
export function reportJson(report: PromotionReport): string {
  return JSON.stringify({
    ok: report.exitCode === 0,
    dryRun: report.dryRun,
    instances: report.instances.map(instanceJson),
    plan: planJson(report.plan),
    results: report.results,
    after: report.after?.map(instanceJson) ?? null,
  });
}

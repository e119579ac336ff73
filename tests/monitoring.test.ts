// The alerts and the dashboard of k8s-examples/monitoring: each alert fires for what it is about, and none in a set that is well.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findTool } from '@sentinel-micro/testkit';
import { parse } from 'yaml';
import { asManifests } from './support/kubernetes-schemas.ts';
import { findRenderers, render } from './support/kustomize.ts';
import { findRedisSets } from './support/redis-set.ts';
import { METRICS, type MetricSpec } from '../packages/sentinel/src/http/catalogue.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const root = path.dirname(import.meta.dirname);
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const { spec } = parse(read('k8s-examples/monitoring/prometheusrule.yaml')) as {
  spec: { groups: readonly { rules: readonly Rule[] }[] };
};
const rules = spec.groups.flatMap((group) => group.rules);
const { panels } = JSON.parse(read('k8s-examples/monitoring/dashboard.json')) as { panels: readonly Panel[] };
const panelExprs = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

const specs = Object.values<MetricSpec>(METRICS);

/** Names of series in an expression that no sidecar tells, and labels that they do not have. */
function unknownIn(expr: string): string[] {
  return [...expr.matchAll(/\b((?:sentinel_micro|process)_\w+)(?:\{([^}]*)\})?/g)].flatMap(
    ([, name = '', selector]) => {
      const known = specs.find((one) =>
        one.type === 'histogram' ? new RegExp(`^${one.name}_(bucket|sum|count)$`).test(name) : one.name === name,
      );
      if (known === undefined) return [name];
      const labels = [...(selector ?? '').matchAll(/(\w+)\s*(?:=|!=|=~|!~)\s*"/g)].map(([, label = '']) => label);
      const ours = [...(known.labels ?? []), 'namespace', 'job', 'pod', 'le'];
      return labels.filter((label) => !ours.includes(label)).map((label) => `${name}{${label}}`);
    },
  );
}

describe('what they are made of', () => {
  test('alerts look at metrics that there are', () => {
    expect(rules.flatMap(({ expr }) => unknownIn(expr))).toEqual([]);
    expect(unknownIn('sum(sentinel_micro_nothing) + sentinel_micro_failovers_total{phase="x"}')).toHaveLength(2);
  });

  test('so do the panels of the dashboard', () => {
    expect(panelExprs.length).toBeGreaterThan(0);
    expect(panelExprs.flatMap((expr) => unknownIn(expr))).toEqual([]);
  });

  test.each(rules)('$alert has its place in the runbook', ({ alert, labels, annotations }) => {
    expect(labels['severity']).toMatch(/^(warning|critical)$/);
    expect(annotations['summary']).toMatch(/\.$/);
    expect(annotations['runbook_url']).toBe(`docs/OPERATIONS.md#${alert.toLowerCase()}`);
    expect(read('docs/OPERATIONS.md')).toContain(`\n### ${alert}\n`);
  });

  test('the runbook has no alert that there is not', () => {
    const headings = [...read('docs/OPERATIONS.md').matchAll(/^### (SentinelMicro\w+)$/gm)].map(([, name]) => name);
    expect(headings.sort()).toEqual(rules.map(({ alert }) => alert).sort());
  });
});

/** What of the rendered objects is looked at here. */
interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly jobLabel?: string;
    readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly podMetricsEndpoints?: readonly { readonly port: string }[];
  };
}

describe('the example', () => {
  const renderer = findRenderers()[0];
  if (renderer === undefined) console.warn('the monitoring is not rendered: no kustomize, no kubectl');
  const testRendered = renderer === undefined ? test.skip : test;
  const rendered = (folder: string): unknown[] => render(renderer!, path.join(root, 'k8s-examples', folder));
  const objectOf = (kind: string): Rendered => (rendered('monitoring') as Rendered[]).find((one) => one.kind === kind)!;

  testRendered('has the dashboard in a ConfigMap that Grafana finds', () => {
    const { metadata, data } = objectOf('ConfigMap');
    expect(metadata.labels?.['grafana_dashboard']).toBe('1');
    expect(JSON.parse(data?.['dashboard.json'] ?? '')).toMatchObject({ title: 'sentinel-micro' });
    expect(objectOf('PrometheusRule').spec).toEqual(spec);
  });

  testRendered('scrapes the pods of the base, on a port that they have', () => {
    const { jobLabel = '', selector, podMetricsEndpoints = [] } = objectOf('PodMonitor').spec ?? {};
    const { sets } = findRedisSets(asManifests(rendered('base')));
    const { statefulSet, sentinel } = sets[0]!;
    const labels = statefulSet.spec?.template.metadata?.labels;
    expect(labels).toMatchObject(selector?.matchLabels ?? {});
    expect(labels).toHaveProperty([jobLabel]);
    const ports = sentinel.ports?.map(({ name }) => name);
    expect(podMetricsEndpoints).toHaveLength(1);
    for (const { port } of podMetricsEndpoints) expect(ports).toContain(port);
  });
});

type Series = Readonly<Record<string, string>>;

/** A set of three that is well, one value each 15 s; redis-0 is master. */
const WELL: Series = Object.fromEntries(
  [0, 1, 2].flatMap((index) => {
    const isMaster = index === 0;
    const of = (labels = ''): string => `{namespace="shop",job="redis",pod="redis-${index}"${labels}}`;
    const held = (value: number | boolean): string => `${Number(value)}x400`;
    return [
      [`sentinel_micro_term${of()}`, held(4)],
      [`sentinel_micro_ready${of()}`, held(1)],
      [`sentinel_micro_leading${of()}`, held(isMaster)],
      [`sentinel_micro_quorum_reachable${of()}`, held(1)],
      [`sentinel_micro_configured_replicas${of()}`, held(3)],
      [`sentinel_micro_failover_paused${of()}`, held(0)],
      [`sentinel_micro_redis_up${of()}`, held(1)],
      [`sentinel_micro_redis_sick${of()}`, held(0)],
      [`sentinel_micro_redis_role${of(',role="master"')}`, held(isMaster)],
      [`sentinel_micro_redis_role${of(',role="replica"')}`, held(!isMaster)],
      [`sentinel_micro_redis_role${of(',role="limbo"')}`, held(0)],
      ...(isMaster
        ? [1, 2].map((n) => [`sentinel_micro_replica_lag_bytes${of(`,replica="redis-${n}"`)}`, held(1000)])
        : [[`sentinel_micro_replication_link_up${of()}`, held(1)]]),
      ...['redis-dead', 'switchover'].map((cause) => [
        `sentinel_micro_failovers_total${of(`,cause="${cause}"`)}`,
        held(1),
      ]),
      ...['lease-lost', 'data-at-risk'].map((event) => [
        `sentinel_micro_events_total${of(`,event="${event}"`)}`,
        held(0),
      ]),
      [`sentinel_micro_discarded_bytes_total${of()}`, held(0)],
      [`sentinel_micro_refused_messages_total${of()}`, held(5)],
      ...['0.25', '1', '+Inf'].map((le) => [
        `sentinel_micro_loop_delay_seconds_bucket${of(`,le="${le}"`)}`,
        '0+150x400',
      ]),
    ];
  }) as [string, string][],
);

const seriesOf = (metric: string, index: number, labels = ''): string =>
  `sentinel_micro_${metric}{namespace="shop",job="redis",pod="redis-${index}"${labels}}`;

/** For as long as the test lasts. */
const GONE = '_x400';
const always = (value: number): string => `${value}x400`;
/** After ten minutes something is added, once. */
const step = (from: number, to: number): string => `${from}x40 ${to}x360`;

/** Everything that a pod tells is missing, from when ten minutes have passed. */
function without(...pods: readonly number[]): Series {
  const isOne = (name: string): boolean => pods.some((index) => name.includes(`pod="redis-${index}"`));
  const names = Object.keys(WELL).filter(isOne);
  return Object.fromEntries(names.map((name) => [name, `${String(WELL[name]).split('x')[0]}x40 stale ${GONE}`]));
}

interface Story {
  readonly title: string;
  readonly change: Series;
  readonly atMinutes: number;
  /** Alerts that fire then, and no others. */
  readonly firing: readonly string[];
}

const stories: readonly Story[] = [
  { title: 'a set that is well', change: {}, atMinutes: 90, firing: [] },
  {
    title: 'nobody leads',
    change: { [seriesOf('leading', 0)]: step(1, 0) },
    atMinutes: 11,
    firing: ['SentinelMicroNoMaster'],
  },
  {
    title: 'a failover: nobody is seen to lead in one scrape',
    change: { [seriesOf('leading', 0)]: '1x40 0x0 1x350' },
    atMinutes: 11,
    firing: [],
  },
  {
    title: 'a second master that does not go away',
    change: { [seriesOf('redis_role', 1, ',role="master"')]: always(1) },
    atMinutes: 5,
    firing: ['SentinelMicroTwoMasters'],
  },
  { title: 'one pod is gone', change: without(2), atMinutes: 20, firing: ['SentinelMicroPodMissing'] },
  { title: 'all pods are gone', change: without(0, 1, 2), atMinutes: 20, firing: ['SentinelMicroGone'] },
  {
    title: 'one pod is cut off',
    change: { [seriesOf('quorum_reachable', 2)]: always(0), [seriesOf('ready', 2)]: always(0) },
    atMinutes: 10,
    firing: ['SentinelMicroNotReady', 'SentinelMicroQuorumUnreachable'],
  },
  {
    title: 'a pod that is replaced is not ready for a minute',
    change: { [seriesOf('ready', 2)]: '1x40 0x4 1x350' },
    atMinutes: 11,
    firing: [],
  },
  {
    title: 'a Redis that is down',
    change: { [seriesOf('redis_up', 1)]: always(0) },
    atMinutes: 5,
    firing: ['SentinelMicroRedisDown'],
  },
  {
    title: 'a Redis that complains',
    change: { [seriesOf('redis_sick', 1)]: always(1) },
    atMinutes: 10,
    firing: ['SentinelMicroRedisSick'],
  },
  {
    title: 'a Redis that stays detached',
    change: { [seriesOf('redis_role', 1, ',role="limbo"')]: always(1) },
    atMinutes: 5,
    firing: ['SentinelMicroFenced'],
  },
  {
    title: 'a link that stays down',
    change: { [seriesOf('replication_link_up', 1)]: always(0) },
    atMinutes: 10,
    firing: ['SentinelMicroLinkDown'],
  },
  {
    title: 'a replica far behind',
    change: { [seriesOf('replica_lag_bytes', 0, ',replica="redis-2"')]: always(100_000_000) },
    atMinutes: 10,
    firing: ['SentinelMicroReplicaLag'],
  },
  {
    title: 'the master was lost five times',
    change: { [seriesOf('failovers_total', 0, ',cause="redis-dead"')]: step(1, 6) },
    atMinutes: 20,
    firing: ['SentinelMicroManyFailovers'],
  },
  {
    title: 'the master was moved five times as planned',
    change: { [seriesOf('failovers_total', 0, ',cause="switchover"')]: step(1, 6) },
    atMinutes: 20,
    firing: [],
  },
  {
    title: 'a lease was lost',
    change: { [seriesOf('events_total', 0, ',event="lease-lost"')]: step(0, 1) },
    atMinutes: 12,
    firing: ['SentinelMicroLeaseLost'],
  },
  {
    title: 'a lease was lost an hour ago',
    change: { [seriesOf('events_total', 0, ',event="lease-lost"')]: step(0, 1) },
    atMinutes: 70,
    firing: [],
  },
  {
    title: 'the best there was has been promoted',
    change: { [seriesOf('events_total', 0, ',event="data-at-risk"')]: step(0, 1) },
    atMinutes: 12,
    firing: ['SentinelMicroDataAtRisk'],
  },
  {
    title: 'a diverged master threw something away',
    change: { [seriesOf('discarded_bytes_total', 2)]: step(0, 4096) },
    atMinutes: 12,
    firing: ['SentinelMicroDataDiscarded'],
  },
  {
    title: 'a pause that was forgotten',
    change: { [seriesOf('failover_paused', 1)]: always(1) },
    atMinutes: 70,
    firing: ['SentinelMicroPaused'],
  },
  {
    title: 'a pause for half an hour',
    change: { [seriesOf('failover_paused', 1)]: always(1) },
    atMinutes: 30,
    firing: [],
  },
  {
    title: 'a change of N that was not finished',
    change: { [seriesOf('configured_replicas', 2)]: always(2) },
    atMinutes: 20,
    firing: ['SentinelMicroReplicasDiffer'],
  },
  {
    title: 'messages of another cluster, again and again',
    change: { [seriesOf('refused_messages_total', 1)]: '0+3x400' },
    atMinutes: 20,
    firing: ['SentinelMicroRefusedMessages'],
  },
  {
    title: 'a sidecar that gets no CPU',
    change: { [seriesOf('loop_delay_seconds_bucket', 1, ',le="0.25"')]: '0+100x400' },
    atMinutes: 20,
    firing: ['SentinelMicroSlowLoop'],
  },
];

const promtool = findTool('promtool');
if (promtool === undefined) {
  console.warn('the alerts are not tried: no promtool; `node scripts/tools.mjs --tool promtool` gets it');
}
const describeTried = promtool === undefined ? describe.skip : describe;

describeTried('promtool', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'alerts-'));
    writeFileSync(path.join(folder, 'rules.yml'), JSON.stringify(spec));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function run(...args: readonly string[]): string {
    const { command, env } = promtool!;
    try {
      return execFileSync(command, args, { cwd: folder, env: { ...env }, timeout: 60_000, stdio: 'pipe' }).toString();
    } catch (error) {
      const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer };
      throw new Error(`${stdout.toString()}${stderr.toString()}`, { cause: error });
    }
  }

  /** @throws Error with promtool's words when other alerts fire than these */
  function expectFiring({ change, atMinutes, firing }: Omit<Story, 'title'>): void {
    const series = Object.entries({ ...WELL, ...change });
    const looked = {
      expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
      eval_time: `${atMinutes}m`,
      exp_samples: firing.map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 })),
    };
    const input = series.map(([name, values]) => ({ series: name, values }));
    const tests = [{ interval: '15s', input_series: input, promql_expr_test: [looked] }];
    const file = { rule_files: ['rules.yml'], evaluation_interval: '15s', tests };
    writeFileSync(path.join(folder, 'test.yml'), JSON.stringify(file));
    run('test', 'rules', 'test.yml');
  }

  test('every expression can be read', () => {
    expect(run('check', 'rules', 'rules.yml')).toContain('SUCCESS');
    const recorded = panelExprs.map((expr, index) => ({
      record: `panel:${index}`,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$\w+/g, 'x'),
    }));
    writeFileSync(path.join(folder, 'panels.yml'), JSON.stringify({ groups: [{ name: 'panels', rules: recorded }] }));
    expect(run('check', 'rules', 'panels.yml')).toContain('SUCCESS');
  });

  test.each(stories)('$title: $firing', (story) => expectFiring(story));

  test('a story that expects the wrong thing fails', () => {
    expect(() => expectFiring({ change: {}, atMinutes: 5, firing: ['SentinelMicroGone'] })).toThrow(
      /SentinelMicroGone/,
    );
    const nobody = { [seriesOf('leading', 0)]: always(0) };
    expect(() => expectFiring({ change: nobody, atMinutes: 5, firing: [] })).toThrow(/SentinelMicroNoMaster/);
  });

  test('every alert has a story in which it fires', () => {
    const told = new Set(stories.flatMap(({ firing }) => firing));
    expect(rules.map(({ alert }) => alert).filter((alert) => !told.has(alert))).toEqual([]);
  });
});

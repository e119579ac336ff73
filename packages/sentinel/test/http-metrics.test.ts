// The metrics: what is counted, what is told, and how it reads.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { asOffset, asPodName, asTerm, CHANGE_CAUSES, type Decision, type NodeState } from '@sentinel-micro/core';
import { findRepositoryRoot, findTool } from '@sentinel-micro/testkit';
import { configOf, identity, LIMBO, PODS, Story, TIMINGS } from '../../core/test/support.ts';
import { COUNTED_EVENTS, METRICS, metricsTable, PHASES, type MetricKey } from '../src/http/catalogue.ts';
import { countDecision, moveOf, NO_COUNTERS, type Counters } from '../src/http/counters.ts';
import { createExposition } from '../src/http/exposition.ts';
import { KUBE_FAILURES } from '../src/kube/failure-kinds.ts';
import { samplesOf, type Sample, type Snapshot } from '../src/http/samples.ts';
import { follower, leader, newcomer } from './commands-support.ts';

const USAGE = { cpuSeconds: 1.5, residentBytes: 5e7, startedAtSeconds: 1_700_000_000 };

function snapshotOf(story: Story, change: Partial<Snapshot> = {}): Snapshot {
  const { state, nowMs } = story;
  return { state, nowMs, counters: NO_COUNTERS, connected: PODS, isReady: true, usage: USAGE, ...change };
}

/** The value of one metric; undefined when it is not told. Of several series, the one with this label. */
function valueOf(samples: readonly Sample[], metric: MetricKey, label?: string): number | undefined {
  const series = samples.filter((sample) => sample.metric === metric);
  const one = label === undefined ? series : series.filter(({ labels }) => Object.values(labels ?? {}).includes(label));
  if (one.length > 1) throw new Error(`${metric} has ${String(one.length)} series`);
  return one[0]?.value;
}

/** The counters after everything that happens to the story in `steps`. */
function countedThrough(story: Story, steps: () => void): Counters {
  let counters = NO_COUNTERS;
  const feed = story.feed.bind(story);
  story.feed = (input) => {
    const before = story.state;
    const actions = feed(input);
    counters = countDecision(counters, before, story.last as Decision, story.nowMs);
    return actions;
  };
  steps();
  return counters;
}

describe('what is told of a pod', () => {
  test('the master: its lease, and how far each replica is behind', () => {
    const story = leader();
    const { ip, redisPort: port } = identity(2);
    const replica = { ip, port, state: 'online', offset: asOffset(400), lagSeconds: 0 };
    story.redis({ role: 'master', masterHost: null, masterPort: null, offset: asOffset(500), replicas: [replica] });
    const samples = samplesOf(snapshotOf(story));
    expect(valueOf(samples, 'leading')).toBe(1);
    expect(valueOf(samples, 'leaseRole', 'holder')).toBe(1);
    expect(valueOf(samples, 'leaseRole', 'follower')).toBe(0);
    expect(valueOf(samples, 'redisRole', 'master')).toBe(1);
    expect(valueOf(samples, 'term')).toBe(2);
    expect(valueOf(samples, 'leaseRemaining')).toBeGreaterThan(0);
    expect(valueOf(samples, 'leaseRemaining')).toBeLessThanOrEqual(TIMINGS.leaseMs / 1000);
    expect(valueOf(samples, 'offset')).toBe(500);
    expect(valueOf(samples, 'onlineReplicas')).toBe(1);
    expect(valueOf(samples, 'replicaLag', 'redis-2')).toBe(100);
    // redis-0 is not attached: that is no lag of 0.
    expect(valueOf(samples, 'replicaLag', 'redis-0')).toBeUndefined();
    expect(valueOf(samples, 'linkUp')).toBeUndefined();
  });

  test('a replica: its link, and no lease', () => {
    const samples = samplesOf(snapshotOf(follower()));
    expect(valueOf(samples, 'redisRole', 'replica')).toBe(1);
    expect(valueOf(samples, 'linkUp')).toBe(1);
    expect(valueOf(samples, 'leading')).toBe(0);
    expect(valueOf(samples, 'leaseRemaining')).toBe(0);
    expect(valueOf(samples, 'masterKnown')).toBe(1);
    expect(valueOf(samples, 'onlineReplicas')).toBeUndefined();
  });

  test('one that has just started: nothing is known of its Redis, and it does not vote', () => {
    const samples = samplesOf(snapshotOf(newcomer(), { connected: [], isReady: false }));
    expect(valueOf(samples, 'redisRole', 'unknown')).toBe(1);
    expect(valueOf(samples, 'redisUp')).toBe(0);
    expect(valueOf(samples, 'offset')).toBeUndefined();
    expect(valueOf(samples, 'votes')).toBe(0);
    expect(valueOf(samples, 'masterKnown')).toBe(0);
    expect(valueOf(samples, 'quorumReachable')).toBe(0);
    expect(valueOf(samples, 'ready')).toBe(0);
  });

  test('limbo is told from a replica whose link is down', () => {
    const story = newcomer();
    story.redis(LIMBO);
    expect(valueOf(samplesOf(snapshotOf(story)), 'redisRole', 'limbo')).toBe(1);
    story.redis({ linkUp: false });
    const samples = samplesOf(snapshotOf(story));
    expect(valueOf(samples, 'redisRole', 'replica')).toBe(1);
    expect(valueOf(samples, 'linkUp')).toBe(0);
  });

  test('Redis complains: it is up, and sick', () => {
    const story = follower();
    const info = story.state.own.info!;
    story.feed({ type: 'redis', sample: { outcome: 'info', info, warning: 'can not save' }, minReplicas: 2 });
    const samples = samplesOf(snapshotOf(story));
    expect([valueOf(samples, 'redisUp'), valueOf(samples, 'redisSick')]).toEqual([1, 1]);
    expect(valueOf(samples, 'minReplicas')).toBe(2);
  });

  test.each<[connected: string[], reachable: number]>([
    [[], 0],
    [['redis-0'], 1],
    [['redis-1', 'stranger-0'], 0],
  ])('a quorum of three pods, with %p connected to redis-1: %p', (connected, reachable) => {
    const samples = samplesOf(snapshotOf(follower(), { connected: connected.map(asPodName) }));
    expect(valueOf(samples, 'quorumReachable')).toBe(reachable);
  });

  test('automatic failover is paused', () => {
    const story = follower();
    story.feed({ type: 'peer-met', identity: identity(0), announcement: null, term: asTerm(1), pauses: 3 });
    expect(valueOf(samplesOf(snapshotOf(story)), 'paused')).toBe(1);
  });
});

describe('what is counted', () => {
  test('a move of the master to this pod, with its cause and phases', () => {
    const story = leader();
    const { state } = story;
    const before: NodeState = { ...state, changes: [] };
    expect(moveOf(before, state)).toEqual({
      cause: 'redis-dead',
      phases: expect.arrayContaining([['lease', expect.any(Number)]]),
    });
    const decision: Decision = { state, actions: [], notes: [], wakeAtMs: 0 };
    expect(countDecision(NO_COUNTERS, before, decision, 0).failovers).toEqual({ 'redis-dead': 1 });
  });

  // Fails when each pod counts every move: the sum over the pods would be three times what happened.
  test('a move to another pod is counted there', () => {
    const { state } = leader();
    const others = { ...state, config: configOf(2) };
    expect(moveOf({ ...others, changes: [] }, others)).toBeNull();
  });

  test('a sidecar that has restarted hears of old moves again, also of those to its pod: they are not counted', () => {
    const { state } = leader();
    expect(moveOf({ ...state, changes: [] }, { ...state, role: newcomer().state.role })).toBeNull();
    const [last] = state.changes.slice(-1);
    const older = { ...state, changes: [{ ...last!, term: asTerm(1) }] };
    expect(moveOf({ ...state, changes: [] }, older)).toBeNull();
  });

  test('the same move is counted once', () => {
    const { state } = leader();
    expect(moveOf(state, { ...state, term: asTerm(9) })).toBeNull();
  });

  test('time in limbo, as long as it lasts', () => {
    const story = new Story(configOf(1));
    const { fencedMs } = countedThrough(story, () => {
      story.redis(LIMBO);
      story.after(300).tick();
      story.after(200).redis({ linkUp: true });
      story.after(1000).tick();
    });
    expect(fencedMs).toBe(500);
  });

  test('what a diverged master threw away, told twice in parts', () => {
    const { state } = leader();
    const last = state.changes.at(-1)!;
    const lost = (discardedBytes: number | null): NodeState => ({ ...state, changes: [{ ...last, discardedBytes }] });
    const count = (counters: Counters, before: NodeState, after: NodeState): Counters =>
      countDecision(counters, before, { state: after, actions: [], notes: [], wakeAtMs: 0 }, 0);
    const once = count(NO_COUNTERS, lost(null), lost(100));
    expect(once.discardedBytes).toBe(100);
    expect(count(once, lost(100), lost(130)).discardedBytes).toBe(130);
    expect(count(once, lost(100), lost(100)).discardedBytes).toBe(100);
  });

  test('lines of the log that somebody should know of, and no others', () => {
    const story = new Story(configOf(1));
    const { events, decisions } = countedThrough(story, () => {
      story.redis();
      story.feed({ type: 'redis', sample: { outcome: 'refused' }, minReplicas: null });
    });
    expect(events).toEqual({ 'redis-down': 1 });
    expect(decisions).toBe(2);
    for (const event of Object.keys(events)) expect(COUNTED_EVENTS).toContain(event);
  });
});

/** As a scrape of the leader reads, after one move to it. */
async function scrape(story = leader()): Promise<string> {
  const exposition = await createExposition();
  exposition.observeMove({
    cause: 'redis-dead',
    phases: [
      ['lease', 0.02],
      ['freeze', 0.2],
      ['unheard-of', 1],
    ],
  });
  exposition.observeDelay(0.002);
  const counters = { ...NO_COUNTERS, decisions: 7, failovers: { 'redis-dead': 1 } } as const;
  await exposition.render(samplesOf(snapshotOf(story, { counters })));
  // A second scrape tells the same: nothing is added up twice.
  return exposition.render(samplesOf(snapshotOf(story, { counters })));
}

describe('the text', () => {
  test('numbers, labels and histograms', async () => {
    const lines = (await scrape()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'sentinel_micro_leading 1',
        'sentinel_micro_decisions_total 7',
        'sentinel_micro_failovers_total{cause="redis-dead"} 1',
        'sentinel_micro_failovers_total{cause="switchover"} 0',
        'sentinel_micro_failover_phase_duration_seconds_bucket{le="0.025",phase="lease"} 1',
        'sentinel_micro_failover_phase_duration_seconds_count{phase="promote"} 0',
        'sentinel_micro_failover_duration_seconds_count 1',
        'sentinel_micro_loop_delay_seconds_bucket{le="0.005"} 1',
        'process_cpu_seconds_total 1.5',
      ]),
    );
    expect(lines.join('\n')).not.toContain('unheard-of');
  });

  test('what is not known is not told as 0', async () => {
    const text = await scrape(newcomer());
    expect(text).toContain('# TYPE sentinel_micro_replication_offset_bytes gauge\n');
    expect(text).not.toMatch(/^sentinel_micro_replication_offset_bytes /m);
  });

  test('every metric has its help and type, and no series that is not in the catalogue', async () => {
    const text = await scrape();
    const specs = Object.values(METRICS);
    for (const { name, type, help } of specs) {
      expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
    }
    const known = new Set(
      specs.flatMap(({ name, type }) =>
        type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    );
    const told = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(told.map((line) => line.split(/[ {]/, 1)[0]).filter((name) => !known.has(name ?? ''))).toEqual([]);
  });

  test('how many series there are at most is known beforehand', async () => {
    const series = (await scrape()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const buckets = 13 * (PHASES.length + 1) + 11;
    const roles = 3 + 4;
    const events = CHANGE_CAUSES.length + COUNTED_EVENTS.length + KUBE_FAILURES.length;
    expect(series.length).toBeLessThanOrEqual(
      buckets + 2 * (PHASES.length + 2) + roles + events + (PODS.length - 1) + 24,
    );
  });
});

describe('names', () => {
  test.each(Object.values(METRICS))('$name: by the conventions of Prometheus', (spec) => {
    const { name, type, help } = spec;
    expect(name).toMatch(/^(sentinel_micro|process)(_[a-z]+)+$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name).not.toMatch(/_(ms|milliseconds|kb|mb|percent|count|sum|bucket|gauge|counter|histogram)(_|$)/);
    expect(help).toMatch(/^[A-Z0-9].*\.$/);
    for (const label of 'labels' in spec ? spec.labels : []) expect(label).toMatch(/^[a-z]+$/);
  });

  const promtool = findTool('promtool');
  if (promtool === undefined) console.warn('no promtool: `node scripts/tools.mjs --tool promtool` gets it');
  (promtool === undefined ? test.skip : test)('promtool has nothing to complain of', async () => {
    const { command, env } = promtool!;
    const check = (input: string): string =>
      execFileSync(command, ['check', 'metrics'], {
        input,
        env: { ...env },
        timeout: 20_000,
        stdio: 'pipe',
      }).toString();
    expect(check(await scrape())).toBe('');
    // It does complain when there is something.
    expect(() => check('# HELP a_total x\n# TYPE a_total gauge\na_total 1\n')).toThrow(/non-counter metrics/);
  });
});

test('docs/METRICS.md lists every metric as it is', () => {
  const page = readFileSync(join(findRepositoryRoot(), 'docs/METRICS.md'), 'utf8');
  expect(page).toContain(`${metricsTable()}\n`);
});

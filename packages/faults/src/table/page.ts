import { markdownTable, medianOf, mostOf } from '@sentinel-micro/testkit';
import { FAULT_NAMES } from './names.ts';
import type { FaultRecord, KeptRun } from './record.ts';

/** The system that is judged; the others are there for comparison. */
export const JUDGED = 'sentinel-micro';

/** The page of the docs. */
export function pageOf(record: FaultRecord): string {
  const judged = record.runs.filter(({ system }) => system === JUDGED);
  return [
    '# Faults: where each is done, and the last figures',
    '',
    'Made by `npm run test:faults -- --table` from [faults.json](faults.json); do not edit. How each figure is measured:',
    '[packages/faults](../packages/faults/README.md) for real processes, [packages/simulator](../packages/simulator/README.md).',
    '',
    ...totals(judged),
    ...byName(record, judged),
    ...fences(judged),
    ...notPassed(judged),
    ...comparison(record.runs),
  ].join('\n');
}

function totals(runs: readonly KeptRun[]): string[] {
  const beyond = runs.filter(({ overlapMs, boundMs }) => boundMs !== null && overlapMs > boundMs).length;
  const scenarios = new Set(runs.map(({ scenario }) => scenario)).size;
  const rows = [...setsOf(runs), ['all', '', ...figures(runs)]];
  return [
    '## Real processes, in total',
    '',
    `${count(runs.length)} runs of ${scenarios} scenarios, ${count(failures(runs).length)} of them not passed.`,
    `${total(runs, 'confirmed')} writes were confirmed by \`WAIT\`, ${total(runs, 'confirmedLost')} of them lost.`,
    `Two masters took writes at once for at most ${longest(runs)} ms; in ${count(beyond)} runs for longer than the scenario's bound.`,
    '',
    ...markdownTable(['server', 'pods', ...FIGURES], rows),
  ];
}

/** One row for each server and number of pods. */
function setsOf(runs: readonly KeptRun[]): string[][] {
  const names = [...new Set(runs.map(serverOf))].sort();
  return names.flatMap((name) => {
    const its = runs.filter((run) => serverOf(run) === name);
    return sizesOf(its).map((pods) => [name, String(pods), ...figures(its.filter((run) => run.pods === pods))]);
  });
}

const FIGURES = [
  'runs',
  'not passed',
  'confirmed writes',
  'of them lost',
  'acknowledged writes',
  'of them lost',
  'longest overlap',
];

function figures(runs: readonly KeptRun[]): string[] {
  return [count(runs.length), count(failures(runs).length), ...writes(runs), longest(runs)];
}

function byName({ simulated }: FaultRecord, judged: readonly KeptRun[]): string[] {
  const others = [...new Set(judged.map(({ scenario }) => scenario))].filter((name) => !FAULT_NAMES.includes(name));
  const rows = [...FAULT_NAMES, ...others].map((name) => {
    const runs = judged.filter(({ scenario }) => scenario === name);
    const story = simulated.find((part) => part.name === name);
    const simulator = story === undefined ? '-' : `${story.runs} runs, ${story.broken} broken`;
    if (runs.length === 0) return [name, simulator, '-', '', '', '', '', ''];
    const [confirmed = '', confirmedLost = '', acknowledged = '', lost = ''] = writes(runs);
    return [
      ...[name, simulator, `${runs.length} runs, ${failures(runs).length} not passed`, groundsOf(runs)],
      ...[`${confirmed} (${confirmedLost})`, `${acknowledged} (${lost})`],
      ...[`${longest(runs)} (${bound(runs)})`, `${median(runs)} / ${slowest(runs)}`],
    ];
  });
  return [
    '## By name',
    '',
    'On: the servers, and on how many pods. Writes: in total, and in brackets those that were lost. Overlap: the longest, and in',
    'brackets what is allowed. Writable again: median / longest, from the first fault until a client on the greater side could',
    'write. Times in milliseconds.',
    '',
    ...markdownTable(
      ['name', 'simulator', 'real processes', 'on', 'confirmed', 'acknowledged', 'overlap', 'writable again'],
      rows,
    ),
  ];
}

/** `Redis 7.0.15: 3, 5; Valkey 8.0.1: 3` */
function groundsOf(runs: readonly KeptRun[]): string {
  const names = [...new Set(runs.map(serverOf))].sort();
  return names.map((name) => `${name}: ${sizesOf(runs.filter((run) => serverOf(run) === name)).join(', ')}`).join('; ');
}

function sizesOf(runs: readonly KeptRun[]): number[] {
  return [...new Set(runs.map(({ pods }) => pods))].sort((a, b) => a - b);
}

/** What did not pass, each run by itself; nothing when all did. */
function notPassed(judged: readonly KeptRun[]): string[] {
  const rows = failures(judged).map((run) => [
    ...[run.scenario, serverOf(run), String(run.pods), run.verdict],
    run.reason.replaceAll('|', '\\|'),
  ]);
  if (rows.length === 0) return [];
  return [
    '## Runs that did not pass',
    '',
    ...markdownTable(['name', 'server', 'pods', 'verdict', 'what was wrong'], rows),
  ];
}

function fences(judged: readonly KeptRun[]): string[] {
  const rows = (['live', 'frozen'] as const).flatMap((sidecar) =>
    (['reachable', 'silent'] as const).map((network) => {
      const runs = judged.filter(({ fences: its }) => its?.sidecar === sidecar && its.network === network);
      const names = [...new Set(runs.map(({ scenario }) => scenario))].join(', ');
      return [sidecar, network, bound(runs), String(runs.length), longest(runs), names];
    }),
  );
  return [
    '## Two masters at once: the bound and the longest that was measured',
    '',
    'Reachable: TCP says at once that the other side is gone, or everybody is there. Silent: packets vanish. Times in milliseconds.',
    '',
    ...markdownTable(["master's sidecar", 'network', 'bound', 'runs', 'longest', 'scenarios'], rows),
  ];
}

/** The same faults on all systems; only where there are figures of more than one. */
function comparison(all: readonly KeptRun[]): string[] {
  const others = all.filter(({ system }) => system !== JUDGED);
  const keys = [...new Set(others.map(({ scenario, pods }) => `${scenario}|${pods}`))];
  const rows = keys.flatMap((key) => {
    const same = all.filter(({ scenario, pods }) => `${scenario}|${pods}` === key);
    const systems = [...new Set(same.map(({ system }) => system))].sort(judgedFirst);
    return systems.map((system) => {
      const runs = same.filter((run) => run.system === system);
      const [, confirmedLost = '', , lost = ''] = writes(runs);
      const [scenario = '', pods = ''] = key.split('|');
      const times = [longest(runs), `${median(runs)} / ${slowest(runs)}`];
      return [scenario, pods, system, String(runs.length), confirmedLost, lost, ...times];
    });
  });
  if (rows.length === 0) return [];
  return [
    '## Compared with redis-sentinel',
    '',
    'Three (five) Sentinels beside the Redis instances; the number in the name is `down-after-milliseconds`. Redis itself as it',
    'is by default, without `min-replicas-to-write`. Times in milliseconds.',
    '',
    ...markdownTable(
      [
        'scenario',
        'pods',
        'system',
        'runs',
        'confirmed lost',
        'acknowledged lost',
        'longest overlap',
        'writable again',
      ],
      rows,
    ),
  ];
}

function judgedFirst(a: string, b: string): number {
  return Number(b === JUDGED) - Number(a === JUDGED) || a.localeCompare(b);
}

function serverOf({ server, serverVersion }: KeptRun): string {
  // A run that failed may not have come as far as to ask.
  if (serverVersion === '') return server;
  const product = server.startsWith('valkey') ? 'Valkey' : 'Redis';
  return `${product} ${serverVersion}`;
}

/** Confirmed, of them lost, acknowledged, of them lost. */
function writes(runs: readonly KeptRun[]): string[] {
  return (['confirmed', 'confirmedLost', 'acknowledged', 'lost'] as const).map((field) => total(runs, field));
}

function total(runs: readonly KeptRun[], field: 'confirmed' | 'confirmedLost' | 'acknowledged' | 'lost'): string {
  return count(runs.reduce((sum, run) => sum + run[field], 0));
}

function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

function failures(runs: readonly KeptRun[]): KeptRun[] {
  return runs.filter(({ verdict }) => verdict !== 'passed');
}

function longest(runs: readonly KeptRun[]): string {
  return most(runs.map(({ overlapMs }) => overlapMs));
}

function bound(runs: readonly KeptRun[]): string {
  return most(runs.map(({ boundMs }) => boundMs));
}

function slowest(runs: readonly KeptRun[]): string {
  return most(runs.map(({ writableAfterMs }) => writableAfterMs));
}

function median(runs: readonly KeptRun[]): string {
  return rounded(medianOf(runs.map(({ writableAfterMs }) => writableAfterMs)));
}

function most(values: readonly (number | null)[]): string {
  return rounded(mostOf(values));
}

function rounded(value: number | null): string {
  return value === null ? '-' : String(Math.round(value));
}

import { FAULT_NAMES } from './names.ts';
import type { FaultRecord, KeptRun } from './record.ts';

const JUDGED = 'sentinel-micro';

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
    ...servers(judged),
    ...comparison(record.runs),
  ].join('\n');
}

function totals(runs: readonly KeptRun[]): string[] {
  const beyond = runs.filter(({ overlapMs, boundMs }) => boundMs !== null && overlapMs > boundMs).length;
  const violated = runs.filter(({ verdict }) => verdict === 'violated').length;
  return [
    '## Real processes, in total',
    '',
    ...table(
      [
        'runs',
        'violated',
        'confirmed writes',
        'of them lost',
        'acknowledged writes',
        'of them lost',
        'overlaps beyond the bound',
      ],
      [[String(runs.length), String(violated), ...writes(runs), String(beyond)]],
    ),
  ];
}

function byName({ simulated }: FaultRecord, judged: readonly KeptRun[]): string[] {
  const others = [...new Set(judged.map(({ scenario }) => scenario))].filter((name) => !FAULT_NAMES.includes(name));
  const rows = [...FAULT_NAMES, ...others].map((name) => {
    const runs = judged.filter(({ scenario }) => scenario === name);
    const story = simulated.find((part) => part.name === name);
    const simulator = story === undefined ? '-' : `${story.runs} runs, ${story.broken} broken`;
    if (runs.length === 0) return [name, simulator, '-', '', '', '', '', ''];
    const violated = runs.filter(({ verdict }) => verdict !== 'passed').length;
    const pods = [...new Set(runs.map((run) => run.pods))].sort((a, b) => a - b).join(', ');
    const [confirmed = '', confirmedLost = '', acknowledged = '', lost = ''] = writes(runs);
    return [
      ...[name, simulator, `${runs.length} runs, ${violated} not passed`, pods],
      ...[`${confirmed} (${confirmedLost})`, `${acknowledged} (${lost})`],
      ...[`${longest(runs)} (${bound(runs)})`, `${median(runs)} / ${slowest(runs)}`],
    ];
  });
  return [
    '## By name',
    '',
    'Writes: in total, and in brackets those that were lost. Overlap: the longest, and in brackets what is allowed. Writable',
    'again: median / longest, from the first fault until a client on the greater side could write. Times in milliseconds.',
    '',
    ...table(
      ['name', 'simulator', 'real processes', 'pods', 'confirmed', 'acknowledged', 'overlap', 'writable again'],
      rows,
    ),
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
    ...table(["master's sidecar", 'network', 'bound', 'runs', 'longest', 'scenarios'], rows),
  ];
}

function servers(judged: readonly KeptRun[]): string[] {
  const names = [...new Set(judged.map(serverOf))].sort();
  const rows = names.map((name) => {
    const runs = judged.filter((run) => serverOf(run) === name);
    const violated = runs.filter(({ verdict }) => verdict !== 'passed').length;
    return [name, String(runs.length), String(violated), ...writes(runs), longest(runs)];
  });
  return [
    '## By server',
    '',
    ...table(
      ['server', 'runs', 'not passed', 'confirmed', 'of them lost', 'acknowledged', 'of them lost', 'longest overlap'],
      rows,
    ),
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
    ...table(
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
  const product = server.startsWith('valkey') ? 'Valkey' : 'Redis';
  return `${product} ${serverVersion}`;
}

/** Confirmed, of them lost, acknowledged, of them lost. */
function writes(runs: readonly KeptRun[]): string[] {
  const sum = (field: 'confirmed' | 'confirmedLost' | 'acknowledged' | 'lost'): string =>
    String(runs.reduce((total, run) => total + run[field], 0)).replace(/\B(?=(\d{3})+$)/g, ',');
  return [sum('confirmed'), sum('confirmedLost'), sum('acknowledged'), sum('lost')];
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
  const times = known(runs.map(({ writableAfterMs }) => writableAfterMs)).sort((a, b) => a - b);
  const middle = times[Math.floor((times.length - 1) / 2)];
  return middle === undefined ? '-' : String(Math.round(middle));
}

function most(values: readonly (number | null)[]): string {
  const numbers = known(values);
  return numbers.length === 0 ? '-' : String(Math.round(Math.max(...numbers)));
}

function known(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

/** A table and an empty line, in the form that the formatter leaves alone. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line), ''];
}

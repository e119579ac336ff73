import type { Cluster } from '../cluster.ts';
import type { DemoResult, FaultResult } from './run.ts';

const HEADER = [
  'fault',
  'writable after',
  'longest gap',
  'all online after',
  'acknowledged',
  'missing',
  'master',
  'term',
  '',
] as const;

/** The table at the end. */
export function summaryTable(result: DemoResult): string {
  const rows = [[...HEADER], ...result.faults.map(row)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  const lines = rows.map((cells) =>
    cells
      .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  const unconfirmed = sum(result.faults, (fault) => fault.unconfirmedWrites);
  const lostUnconfirmed = sum(result.faults, (fault) => fault.lostUnconfirmedWrites);
  return [
    ...lines,
    '',
    'A write counts as acknowledged when SET answered OK and WAIT reported the replica; all of them were read back.',
    `${unconfirmed} more were answered with OK but not confirmed by WAIT; ${lostUnconfirmed} of those are missing.`,
    result.ok ? 'All is as it must be.' : 'Something is NOT as it must be.',
  ].join('\n');
}

/** The one line of `--json`. */
export function jsonLine(pods: number, result: DemoResult): string {
  const faults = result.faults.map(({ name, writableAfterMs, acknowledgedWrites, lostWrites, master, term }) => ({
    name,
    writableAfterMs: Math.round(writableAfterMs * 10) / 10,
    acknowledgedWrites,
    lostWrites,
    master,
    term,
  }));
  return JSON.stringify({ pods, faults, ok: result.ok });
}

/** How to look at a cluster that was left running. */
export function howToLook(cluster: Cluster): string {
  const pods = cluster.pods.filter((pod) => pod.exists);
  const first = pods[0];
  const { service, namespace, redisPort, sentinelPort, tools, dnsServers } = cluster.settings;
  const flags = `--service ${service} --namespace ${namespace} --dns-servers ${dnsServers} --port ${sentinelPort}`;
  const variables = Object.entries(tools.redisCli.env).map(([key, value]) => `${key}=${value} `);
  const redisCli = `${variables.join('')}${tools.redisCli.command}`;
  return [
    'It goes on running. From the repository root:',
    '',
    `  npx sentinel status ${flags}`,
    ...pods.map((pod) => `  ${redisCli} -h ${pod.ip} -p ${redisPort} INFO replication   # ${pod.name}`),
    ...(first === undefined
      ? []
      : [
          `  ${redisCli} -h ${first.ip} -p ${sentinelPort} PEER STATUS   # the sidecar of ${first.name}`,
          `  kill -9 ${first.redisPid ?? 0}   # the redis-server of ${first.name}; it is restarted after 1 s`,
        ]),
    '',
    `Configuration and logs: ${cluster.dir}`,
    'Ctrl-C ends it.',
  ].join('\n');
}

function row(fault: FaultResult): string[] {
  return [
    fault.name,
    `${fault.writableAfterMs.toFixed(1)} ms`,
    `${fault.longestGapMs.toFixed(1)} ms`,
    `${(fault.healthyAfterMs / 1000).toFixed(2)} s`,
    String(fault.acknowledgedWrites),
    String(fault.lostWrites),
    fault.master,
    String(fault.term),
    fault.problem ?? 'ok',
  ];
}

function isNumber(column: number): boolean {
  return (column >= 1 && column <= 5) || column === 7;
}

function sum(faults: readonly FaultResult[], value: (fault: FaultResult) => number): number {
  return faults.reduce((total, fault) => total + value(fault), 0);
}

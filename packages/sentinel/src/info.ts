import { currentMaster } from '@sentinel-micro/core';
import { otherMembersOf, viewOf, type SentinelContext } from './sentinel-view.ts';

/** The server whose answers these are like; clients compare it to know what it can. */
export const REDIS_VERSION = '7.0.0';

/** What INFO tells of the process itself. */
export interface ProcessCounts {
  readonly uptimeMs: number;
  readonly connections: number;
  readonly connectionsSoFar: number;
  readonly commandsSoFar: number;
}

type Section = (context: SentinelContext, counts: ProcessCounts) => readonly string[];

const MS_PER_DAY = 86_400_000;

const server: Section = ({ state }, { uptimeMs }) => [
  `redis_version:${REDIS_VERSION}`,
  'redis_mode:sentinel',
  `run_id:${state.config.self.incarnation}`,
  `tcp_port:${String(state.config.self.port)}`,
  `uptime_in_seconds:${String(Math.floor(uptimeMs / 1000))}`,
  `uptime_in_days:${String(Math.floor(uptimeMs / MS_PER_DAY))}`,
];

const clients: Section = (_context, { connections }) => [
  `connected_clients:${String(connections)}`,
  'blocked_clients:0',
];

const stats: Section = (_context, { connectionsSoFar, commandsSoFar }) => [
  `total_connections_received:${String(connectionsSoFar)}`,
  `total_commands_processed:${String(commandsSoFar)}`,
];

const sentinel: Section = (context) => {
  const { state, masterName, nowMs } = context;
  const master = currentMaster(state, nowMs);
  const lines = [
    `sentinel_masters:${master === null ? '0' : '1'}`,
    'sentinel_tilt:0',
    'sentinel_tilt_since_seconds:-1',
    'sentinel_running_scripts:0',
    'sentinel_scripts_queue_length:0',
    'sentinel_simulate_failure_flags:0',
  ];
  if (master === null) return lines;
  const counts = `slaves=${String(otherMembersOf(state).length)},sentinels=${String(viewOf(context).sentinels.length + 1)}`;
  const address = `${master.ip}:${String(master.port)}`;
  return [...lines, `master0:name=${masterName},status=ok,address=${address},${counts}`];
};

/** In the order of Redis Sentinel. */
const SECTIONS: readonly (readonly [string, Section])[] = [
  ['Server', server],
  ['Clients', clients],
  ['Stats', stats],
  ['Sentinel', sentinel],
];
const ALL = ['all', 'everything', 'default'];

/**
 * The text of INFO: clients look for `redis_mode:sentinel` and the `masterN` line.
 * @param names sections, in any case; all of them when there are none. Unknown ones are left out, as Redis does.
 */
export function infoText(context: SentinelContext, names: readonly string[], counts: ProcessCounts): string {
  const wanted = names.map((name) => name.toLowerCase());
  const isAll = wanted.length === 0 || wanted.some((name) => ALL.includes(name));
  return SECTIONS.filter(([title]) => isAll || wanted.includes(title.toLowerCase()))
    .map(([title, section]) => [`# ${title}`, ...section(context, counts), ''].join('\r\n'))
    .join('\r\n');
}

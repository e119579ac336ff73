import { parseInfo } from './redis-info.ts';

/** Whatever can send a command and get text: a RedisProcess, a Pod, a RedisCommander. */
export interface TextSource {
  text(...args: [string, ...(string | number)[]]): Promise<string>;
}

/** How often each command was called (failed and refused calls included) since the instance started. */
export interface CommandCounts {
  /** A different run id means that the instance was restarted in between, and counts from zero. */
  readonly runId: string;
  /** Lower case; subcommands as Redis writes them: `config|set`. */
  readonly calls: ReadonlyMap<string, number>;
}

/** Commands that change a topology, a configuration or somebody's connection. */
const CHANGING = new Set([
  'replicaof',
  'slaveof',
  'failover',
  'shutdown',
  'debug',
  'flushall',
  'flushdb',
  'swapdb',
  'reset',
  'config|set',
  'config|rewrite',
  'config|resetstat',
  'client|kill',
  'client|pause',
  'client|unpause',
  'acl|setuser',
  'acl|deluser',
  'acl|load',
]);

/**
 * Counts what an instance was told between two moments, from INFO commandstats. Unlike MONITOR this includes
 * administrative commands.
 */
export async function readCommandCounts(source: TextSource): Promise<CommandCounts> {
  const server = parseInfo(await source.text('INFO', 'server'));
  const stats = parseInfo(await source.text('INFO', 'commandstats'));
  const calls = new Map<string, number>();
  for (const [key, value] of stats) {
    const match = /^cmdstat_(.+)$/.exec(key);
    if (match === null) continue;
    // `calls` includes those that failed; those refused before they ran are counted apart.
    const executed = Number(/^calls=(\d+)/.exec(value)?.[1] ?? 0);
    const rejected = Number(/rejected_calls=(\d+)/.exec(value)?.[1] ?? 0);
    calls.set(match[1] ?? '', executed + rejected);
  }
  return { runId: server.get('run_id') ?? '', calls };
}

/** The commands that were called between two counts of the same instance, with how often. */
export function commandsBetween(before: CommandCounts, after: CommandCounts): ReadonlyMap<string, number> {
  const restarted = before.runId !== after.runId;
  const difference = new Map<string, number>();
  for (const [command, count] of after.calls) {
    const more = count - (restarted ? 0 : (before.calls.get(command) ?? 0));
    if (more > 0) difference.set(command, more);
  }
  return difference;
}

/** Those of `commandsBetween` that change a topology, a configuration or somebody's connection: "replicaof (2)". */
export function changingCommandsBetween(before: CommandCounts, after: CommandCounts): string[] {
  const changing = [...commandsBetween(before, after)].filter(([command]) => CHANGING.has(command));
  return changing.map(([command, count]) => `${command} (${String(count)})`);
}

import { isInLimbo, pausedBy, WELL, type AskedPod, type PeerStatus } from '@sentinel-micro/core';
import type { RawFlags } from '@sentinel-micro/runtime';
import { askAll, hasAnswered, holderOf, OUTPUT_FLAGS, SET_FLAGS, wantsJson, type Output } from './control/set.ts';
import { textTable } from './control/table.ts';
import { problemsOf } from './status-problems.ts';

/** The flags of `sentinel status`. */
export const STATUS_FLAGS = { ...SET_FLAGS, ...OUTPUT_FLAGS } as const;

function roleOf(status: PeerStatus): string {
  const { position } = status.redis;
  if (position === null) return 'down';
  if (position.role === 'master') return 'master';
  return isInLimbo(position) ? 'limbo' : 'replica';
}

function leaseOf(status: PeerStatus): string {
  if (status.role === 'holder') return `holder, ${String(status.leaseRemainingMs)} ms`;
  if (status.mutedForMs > 0) return `mute, ${String(status.mutedForMs)} ms`;
  return status.leaseHolder === null ? '-' : `granted to ${status.leaseHolder.pod}`;
}

const HEAD = ['POD', 'ADDRESS', 'ROLE', 'TERM', 'OFFSET', 'LAG', 'LINK', 'LEASE'];

function rowOf(pod: AskedPod, masterOffset: number | null): string[] {
  if (!hasAnswered(pod)) return [pod.pod ?? '?', pod.ip, '?', '-', '-', '-', '-', pod.error ?? 'no answer'];
  const { status } = pod;
  const position = status.redis.position;
  const lag = position === null || masterOffset === null ? '-' : String(Math.max(0, masterOffset - position.offset));
  const link =
    position === null ? status.redis.reason : position.role === 'master' ? '-' : position.linkUp ? 'up' : 'down';
  const address = `${status.from.ip}:${String(status.from.redisPort)}`;
  return [
    status.from.pod,
    address,
    roleOf(status),
    String(status.term),
    String(position?.offset ?? '-'),
    lag,
    link,
    leaseOf(status),
  ];
}

/** What nobody may overlook; empty when there is no such thing. */
function alarm(pods: readonly AskedPod[]): string {
  const names = pausedBy(pods);
  if (names.length === 0) return '';
  const who = `as ${names.join(', ')} ${names.length === 1 ? 'says' : 'say'}`;
  return `*** AUTOMATIC FAILOVER IS PAUSED, ${who}: nobody takes over when the master is lost. To end it: sentinel resume ***\n\n`;
}

/** Whose Redis answers and yet is not well; empty when there is no such. */
function complaints(pods: readonly AskedPod[]): string {
  const sick = pods
    .filter(hasAnswered)
    .filter(({ status: { redis } }) => redis.health === 'up' && redis.reason !== WELL);
  return sick.map(({ status }) => `\n${status.from.pod}: Redis ${status.redis.reason}`).join('');
}

/** The set as a table for people. */
export function statusTable(pods: readonly AskedPod[]): string {
  const master = holderOf(pods)?.status.redis.position ?? null;
  const table = textTable([HEAD, ...pods.map((pod) => rowOf(pod, master?.offset ?? null))]);
  return `${alarm(pods)}${table}${complaints(pods) === '' ? '' : `\n${complaints(pods)}`}`;
}

/** The set as one object for programs: everything that the sidecars have told. */
export function statusReport(pods: readonly AskedPod[]): {
  readonly ok: boolean;
  readonly isPaused: boolean;
  readonly problems: readonly string[];
  readonly pods: readonly AskedPod[];
} {
  const problems = problemsOf(pods);
  return { ok: problems.length === 0, isPaused: pausedBy(pods).length > 0, problems, pods };
}

/**
 * `sentinel status`: asks every sidecar behind the Service what it knows.
 * @returns the exit code: 0 when the set is whole, else 1; what it lacks is told on stderr.
 * @throws UsageError for a wrong flag, OperationError when DNS names nobody.
 */
export async function runStatus(flags: RawFlags, output: Output): Promise<number> {
  const isJson = wantsJson(flags);
  const report = statusReport(await askAll(flags));
  output.stdout(isJson ? JSON.stringify(report) : statusTable(report.pods));
  if (!report.ok) output.stderr(`sentinel: the set is not whole: ${report.problems.join('; ')}`);
  return report.ok ? 0 : 1;
}

import type { PeerStatus } from '@sentinel-micro/core';
import {
  createResolver,
  credentialsOf,
  dnsServersFlag,
  FLAGS,
  fetchStatus,
  messageOf,
  numberFlag,
  optionalText,
  portFlag,
  textFlag,
  choiceFlag,
  type RawFlags,
} from '@sentinel-micro/runtime';

/** The flags of `sentinel status`. */
export const STATUS_FLAGS = {
  service: FLAGS.service,
  namespace: FLAGS.namespace,
  port: FLAGS.port,
  'redis-username': FLAGS['redis-username'],
  'redis-password-file': FLAGS['redis-password-file'],
  'redis-password': FLAGS['redis-password'],
  'dns-servers': FLAGS['dns-servers'],
  'probe-timeout-ms': { type: 'string', default: 1000, describe: 'how long to wait for each sidecar' },
  output: { choices: ['text', 'json'], default: 'text', describe: 'a table, or JSON' },
} as const;

/** One pod as its sidecar told of it, or why it did not. */
export interface PodStatus {
  readonly ip: string;
  readonly pod: string | null;
  readonly status: PeerStatus | null;
  readonly error: string | null;
}

export interface Output {
  stdout(text: string): void;
  stderr(text: string): void;
}

async function askAll(flags: RawFlags): Promise<PodStatus[]> {
  const { username, password } = credentialsOf(flags);
  const port = portFlag(flags, 'port');
  const timeoutMs = numberFlag(flags, 'probe-timeout-ms', 1, 60_000);
  const resolver = createResolver({
    service: textFlag(flags, 'service'),
    namespace: optionalText(flags, 'namespace'),
    servers: dnsServersFlag(flags),
    timeoutMs,
  });
  const addresses = await resolver.resolve();
  const pods = addresses.map(async ({ ip, podName }): Promise<PodStatus> => {
    try {
      const status = await fetchStatus({ host: ip, port, username, password }, timeoutMs);
      return { ip, pod: status.from.pod, status, error: null };
    } catch (error) {
      return { ip, pod: podName, status: null, error: messageOf(error) };
    }
  });
  const all = await Promise.all(pods);
  return all.sort((a, b) => (a.pod ?? a.ip).localeCompare(b.pod ?? b.ip, 'en', { numeric: true }));
}

function roleOf({ status }: PodStatus): string {
  const position = status?.redis.position;
  if (status == null || position == null) return status === null ? '?' : 'down';
  if (position.role === 'master') return 'master';
  return position.masterPort === 1 ? 'limbo' : 'replica';
}

function leaseOf(status: PeerStatus): string {
  if (status.role === 'holder') return `holder, ${String(status.leaseRemainingMs)} ms`;
  if (status.mutedForMs > 0) return `mute, ${String(status.mutedForMs)} ms`;
  return status.leaseHolder === null ? '-' : `granted to ${status.leaseHolder.pod}`;
}

const HEAD = ['POD', 'ADDRESS', 'ROLE', 'TERM', 'OFFSET', 'LAG', 'LINK', 'LEASE'];

function rowOf(pod: PodStatus, masterOffset: number | null): string[] {
  const { status } = pod;
  if (status === null) return [pod.pod ?? '?', pod.ip, '?', '-', '-', '-', '-', pod.error ?? 'no answer'];
  const position = status.redis.position;
  const lag = position === null || masterOffset === null ? '-' : String(Math.max(0, masterOffset - position.offset));
  const link =
    position === null ? status.redis.reason : position.role === 'master' ? '-' : position.linkUp ? 'up' : 'down';
  const address = `${status.from.ip}:${String(status.from.redisPort)}`;
  return [
    status.from.pod,
    address,
    roleOf(pod),
    String(status.term),
    String(position?.offset ?? '-'),
    lag,
    link,
    leaseOf(status),
  ];
}

/** The set as a table for people. */
export function statusTable(pods: readonly PodStatus[]): string {
  const master = pods.find((pod) => pod.status?.role === 'holder')?.status?.redis.position ?? null;
  const rows = [HEAD, ...pods.map((pod) => rowOf(pod, master?.offset ?? null))];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/**
 * `sentinel status`: asks every sidecar behind the Service what it knows.
 * @returns the exit code: 0 when every pod answered and one of them holds the lease, else 1.
 * @throws UsageError for a wrong flag, OperationError when DNS names nobody.
 */
export async function runStatus(flags: RawFlags, output: Output): Promise<number> {
  const format = choiceFlag(flags, 'output', ['text', 'json']);
  const pods = await askAll(flags);
  const isWell = pods.every((pod) => pod.status !== null) && pods.some((pod) => pod.status?.role === 'holder');
  output.stdout(format === 'json' ? JSON.stringify({ ok: isWell, pods }) : statusTable(pods));
  return isWell ? 0 : 1;
}

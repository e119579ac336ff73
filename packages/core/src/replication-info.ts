import { asOffset, asReplicationId, asRunId, type Offset, type ReplicationId, type RunId } from './brand.ts';

/** One line `slaveN:` of a master's INFO. */
export interface ConnectedReplica {
  readonly ip: string;
  readonly port: number;
  /** `online`, or the step of a sync that is going on. */
  readonly state: string;
  readonly offset: Offset;
  readonly lagSeconds: number;
}

/** What one Redis says of itself in INFO. Null stands for *unknown*, never for a guess. */
export interface ReplicationInfo {
  readonly runId: RunId | null;
  readonly role: 'master' | 'replica';
  readonly masterHost: string | null;
  readonly masterPort: number | null;
  readonly linkUp: boolean;
  readonly syncInProgress: boolean;
  readonly lastIoSecondsAgo: number | null;
  readonly linkDownSinceSeconds: number | null;
  /** `replica-priority`; a master does not tell its own. */
  readonly priority: number | null;
  readonly replid: ReplicationId;
  readonly replid2: ReplicationId | null;
  readonly secondReplOffset: Offset | null;
  readonly offset: Offset;
  readonly replicas: readonly ConnectedReplica[];
  readonly loading: boolean;
  /** Number of keys over all databases; null when the answer had no Keyspace section. */
  readonly keys: number | null;
  /** False when its last save has failed; not told otherwise. */
  readonly canSave?: boolean;
}

/** The address that stands for "replica of nobody": nothing listens there, so nothing is ever copied from it. */
export const LIMBO_HOST = '127.0.0.1';
export const LIMBO_PORT = 1;

/** True when this Redis is a replica of nobody: it refuses writes and answers a sync with -NOMASTERLINK. */
export function isInLimbo(info: Pick<ReplicationInfo, 'role' | 'masterHost' | 'masterPort'>): boolean {
  return info.role === 'replica' && info.masterHost === LIMBO_HOST && info.masterPort === LIMBO_PORT;
}

const NO_REPLICATION_ID = '0'.repeat(40);

function fieldsOf(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0 || line.startsWith('#')) continue;
    fields.set(line.slice(0, colon), line.slice(colon + 1).trimEnd());
  }
  return fields;
}

function countOrNull(text: string | undefined): number | null {
  if (text === undefined || !/^-?\d+$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function replicationIdOrNull(text: string | undefined): ReplicationId | null {
  return text === undefined || text === '' || text === NO_REPLICATION_ID ? null : asReplicationId(text);
}

function connectedReplicas(fields: ReadonlyMap<string, string>): ConnectedReplica[] {
  const replicas: ConnectedReplica[] = [];
  for (const [key, value] of fields) {
    if (!/^slave\d+$/.test(key)) continue;
    const parts = new Map(value.split(',').map((part) => part.split('=', 2) as [string, string]));
    replicas.push({
      ip: parts.get('ip') ?? '',
      port: countOrNull(parts.get('port')) ?? 0,
      state: parts.get('state') ?? '',
      offset: asOffset(countOrNull(parts.get('offset')) ?? 0),
      lagSeconds: countOrNull(parts.get('lag')) ?? 0,
    });
  }
  return replicas;
}

function keysOf(text: string, fields: ReadonlyMap<string, string>): number | null {
  if (!text.includes('# Keyspace')) return null;
  let keys = 0;
  for (const [key, value] of fields) {
    if (/^db\d+$/.test(key)) keys += countOrNull(/keys=(\d+)/.exec(value)?.[1]) ?? 0;
  }
  return keys;
}

/** Unless it is told otherwise, Redis refuses writes then, and replicas too: it answers their PING with -MISCONF. */
function saveFailed(fields: ReadonlyMap<string, string>): boolean {
  return fields.get('rdb_last_bgsave_status') === 'err' || fields.get('aof_last_write_status') === 'err';
}

/**
 * Reads the text of Redis's INFO (any sections; Replication must be among them).
 * @returns the parsed answer, or null when the text has no usable Replication section.
 * Field names and the meaning of -1 follow genRedisInfoString() in Redis's server.c.
 */
export function parseReplicationInfo(text: string): ReplicationInfo | null {
  const fields = fieldsOf(text);
  const role = fields.get('role');
  const replid = replicationIdOrNull(fields.get('master_replid'));
  const masterOffset = countOrNull(fields.get('master_repl_offset'));
  if ((role !== 'master' && role !== 'slave') || replid === null || masterOffset === null) return null;
  const isReplica = role === 'slave';
  const runId = fields.get('run_id');
  return {
    runId: runId === undefined || runId === '' ? null : asRunId(runId),
    role: isReplica ? 'replica' : 'master',
    masterHost: isReplica ? (fields.get('master_host') ?? null) : null,
    masterPort: isReplica ? countOrNull(fields.get('master_port')) : null,
    linkUp: fields.get('master_link_status') === 'up',
    syncInProgress: fields.get('master_sync_in_progress') === '1',
    // -1 means that there was no contact yet: unknown, which is not the same as most recent.
    lastIoSecondsAgo: countOrNull(fields.get('master_last_io_seconds_ago')),
    linkDownSinceSeconds: countOrNull(fields.get('master_link_down_since_seconds')),
    priority: countOrNull(fields.get('slave_priority')),
    replid,
    replid2: replicationIdOrNull(fields.get('master_replid2')),
    secondReplOffset: ((): Offset | null => {
      const offset = countOrNull(fields.get('second_repl_offset'));
      return offset === null ? null : asOffset(offset);
    })(),
    offset: asOffset(isReplica ? (countOrNull(fields.get('slave_repl_offset')) ?? masterOffset) : masterOffset),
    replicas: connectedReplicas(fields),
    loading: fields.get('loading') === '1' || fields.get('async_loading') === '1',
    keys: keysOf(text, fields),
    ...(saveFailed(fields) ? { canSave: false } : {}),
  };
}

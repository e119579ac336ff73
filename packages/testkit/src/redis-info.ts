import { TestkitError } from './errors.ts';

/** What a Redis says of itself. */
export interface RedisRole {
  readonly role: 'master' | 'replica';
  readonly replid: string;
  readonly offset: number;
  /** Of a replica: whom it follows, and whether the link is up. */
  readonly masterHost?: string;
  readonly masterPort?: number;
  readonly linkUp?: boolean;
  readonly lastIoSeconds?: number;
  /** Of a master: its replicas as it sees them. */
  readonly replicas: readonly {
    readonly ip: string;
    readonly port: number;
    readonly state: string;
    readonly offset: number;
  }[];
}

/** The `key:value` lines of an INFO answer. */
export function parseInfo(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/**
 * Reads an `INFO replication` answer. Deliberately not the parser of the product: tests must not judge it by itself.
 * @throws TestkitError BAD_ANSWER when it names no role.
 */
export function parseRole(text: string): RedisRole {
  const fields = parseInfo(text);
  const role = fields.get('role');
  if (role !== 'master' && role !== 'slave') {
    throw new TestkitError('BAD_ANSWER', `INFO replication names no role: ${text.slice(0, 200)}`);
  }
  const common = { replid: fields.get('master_replid') ?? '', replicas: readReplicas(fields) };
  if (role === 'master') return { role, offset: numberOf(fields.get('master_repl_offset')), ...common };
  return {
    role: 'replica',
    offset: numberOf(fields.get('slave_repl_offset')),
    masterHost: fields.get('master_host') ?? '',
    masterPort: numberOf(fields.get('master_port')),
    linkUp: fields.get('master_link_status') === 'up',
    lastIoSeconds: numberOf(fields.get('master_last_io_seconds_ago')),
    ...common,
  };
}

function readReplicas(fields: ReadonlyMap<string, string>): RedisRole['replicas'] {
  const replicas = [];
  for (const [key, value] of fields) {
    if (!/^slave\d+$/.test(key)) continue;
    const parts = new Map(value.split(',').map((part) => part.split('=', 2) as [string, string]));
    replicas.push({
      ip: parts.get('ip') ?? '',
      port: numberOf(parts.get('port')),
      state: parts.get('state') ?? '',
      offset: numberOf(parts.get('offset')),
    });
  }
  return replicas;
}

function numberOf(text: string | undefined): number {
  return text === undefined ? Number.NaN : Number(text);
}

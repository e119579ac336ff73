import {
  asOffset,
  asReplicationId,
  asRunId,
  type PromotionPlan,
  type ReachableInstance,
  type ReplicationInfo,
  type UnreachableInstance,
} from '../src/index.ts';

export interface Facts {
  readonly history?: string;
  readonly offset?: number;
  /** `x<90`: promoted from history x after 90 bytes. */
  readonly from?: string;
  readonly priority?: number;
  readonly keys?: number | null;
  readonly io?: number | null;
  readonly linkUp?: boolean;
  readonly syncing?: boolean;
  readonly loading?: boolean;
  readonly feeds?: readonly string[];
}

function reachable(name: string, source: string | null, facts: Facts): ReachableInstance {
  const [id2, end] = (facts.from ?? '').split('<');
  const [host = null, port = null] = source?.split(':') ?? [];
  const info: ReplicationInfo = {
    runId: asRunId(`run-of-${name}`),
    role: source === null ? 'master' : 'replica',
    masterHost: host,
    masterPort: port === null ? null : Number(port),
    linkUp: facts.linkUp ?? false,
    syncInProgress: facts.syncing ?? false,
    lastIoSecondsAgo: facts.io ?? null,
    linkDownSinceSeconds: null,
    priority: source === null ? null : (facts.priority ?? 100),
    replid: asReplicationId(facts.history ?? 'x'),
    replid2: id2 === undefined || id2 === '' ? null : asReplicationId(id2),
    secondReplOffset: end === undefined ? null : asOffset(Number(end) + 1),
    offset: asOffset(facts.offset ?? 1000),
    replicas: [],
    loading: facts.loading ?? false,
    keys: facts.keys === undefined ? 5 : facts.keys,
  };
  const masterAddresses = source === null ? [] : [source];
  return { state: 'reachable', endpoint: name, addresses: [name], masterAddresses, feeds: facts.feeds ?? [], info };
}

export const master = (name: string, facts: Facts = {}): ReachableInstance => reachable(name, null, facts);
export const orphan = (name: string, source: string, facts: Facts = {}): ReachableInstance =>
  reachable(name, source, facts);
export const linked = (name: string, source: string, facts: Facts = {}): ReachableInstance =>
  reachable(name, source, { linkUp: true, io: 1, ...facts });
export const gone = (name: string): UnreachableInstance => ({
  state: 'unreachable',
  endpoint: name,
  addresses: [name],
  answers: false,
  reason: 'connection refused',
});
export const locked = (name: string): UnreachableInstance => ({
  ...gone(name),
  answers: true,
  reason: 'wrong password',
});

/** One line: what would be done. */
export function brief(result: PromotionPlan): string {
  switch (result.kind) {
    case 'healthy':
      return `healthy ${result.master}`;
    case 'refuse':
      return 'refuse';
    case 'repair':
    case 'promote': {
      const orders = result.orders.map(({ endpoint, kind }) => (kind === 'wait' ? `(${endpoint})` : endpoint));
      return `${result.kind} ${result.kind === 'repair' ? result.master : result.winner} <- ${orders.join(' ')}`;
    }
  }
}

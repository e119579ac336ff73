import type { Cluster } from './cluster.ts';
import type { PeerStatus } from './peer-status.ts';
import type { Pod } from './pod.ts';
import { waitUntil, waitUntilTrue } from './time.ts';

/** Each poll asks every Redis and every sidecar: often enough, and not so often that the polling disturbs what is polled. */
const POLL_INTERVAL_MS = 20;

/** A set in which nothing is left to be done. */
export interface SettledSet {
  readonly master: Pod;
  readonly replicas: Pod[];
  readonly term: number;
}

/** As far as the fields of PEER STATUS go that are looked at here. */
interface StatusFields {
  readonly mutedForMs: number;
  readonly masterIsFresh: boolean;
  readonly master: { readonly history: { readonly replid: string } } | null;
  readonly redis: {
    readonly position: { readonly synced: boolean; readonly intact: boolean; readonly replid: string } | null;
  };
}

/**
 * Waits until nothing is left to be done: one master with everybody behind it, and every sidecar votes, names that master with
 * its present history, and has seen its own Redis in step.
 * @param timeoutMs for the Redis instances to be in order, and as long again for the sidecars
 * @throws TestkitError TIMEOUT
 */
export async function waitForSettled(cluster: Cluster, timeoutMs: number): Promise<SettledSet> {
  const { master } = await cluster.waitForHealthy({ timeoutMs });
  const options = { what: `all sidecars to agree on ${master.name}`, timeoutMs, intervalMs: POLL_INTERVAL_MS };
  const term = await waitUntil(async () => {
    const { replid } = await master.role();
    const statuses = (await cluster.status()).map(({ status }) => status);
    const terms = new Set(statuses.map((status) => status?.term));
    const areOfOneMind = statuses.every((status) => status !== undefined && isSettled(status, master, replid));
    // Lowered for the first moments after a promotion; raised again as the replicas come in.
    const [, writeQuorum] = (await master.command('CONFIG', 'GET', 'min-replicas-to-write')) as readonly string[];
    const isRaised = Number(writeQuorum) === Math.floor(cluster.settings.replicas / 2);
    const [term] = terms;
    return terms.size === 1 && areOfOneMind && isRaised ? term : undefined;
  }, options);
  return { master, replicas: cluster.podsExcept(master), term };
}

/** Votes, knows this master with its present history, and has seen its own Redis in step with it. */
function isSettled({ master: named, raw }: PeerStatus, master: Pod, replid: string): boolean {
  const { mutedForMs, masterIsFresh, master: announcement, redis } = raw as unknown as StatusFields;
  if (mutedForMs !== 0 || !masterIsFresh || named?.pod !== master.name) return false;
  const { position } = redis;
  const inStep = position?.synced === true && position.intact && position.replid === replid;
  return announcement?.history.replid === replid && inStep;
}

/**
 * Waits until the replicas that exist have all that the master has at this moment.
 * @throws TestkitError TIMEOUT, and as `Pod.command`
 */
export async function waitForReplicas(cluster: Cluster, master: Pod, timeoutMs: number): Promise<void> {
  const { offset } = await master.role();
  const haveAll = async (): Promise<boolean> => {
    const roles = await cluster.redisRoles(cluster.podsExcept(master).filter((pod) => pod.exists));
    return roles.every(({ role }) => role !== undefined && role.offset >= offset);
  };
  await waitUntilTrue(haveAll, { what: `all replicas to have what ${master.name} has`, timeoutMs });
}

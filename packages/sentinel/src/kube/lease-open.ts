import type { StoreOutcome, StoreRequest } from '@sentinel-micro/core';
import type { RunConfig } from '../config.ts';

/** The store of the lease, as the loop asks it. */
export interface LeaseStore {
  ask(request: StoreRequest): Promise<StoreOutcome>;
  close(): void;
}

const NONE: LeaseStore = {
  ask: () => Promise.resolve({ kind: 'away', error: 'there is no store beside the peers' }),
  close: () => undefined,
};

/**
 * Makes the store that was asked for; only then is the code for it loaded.
 * @throws UsageError when it is not given how the API is reached.
 */
export async function openLeaseStore({
  leaseStore,
  node,
}: Pick<RunConfig, 'leaseStore' | 'node'>): Promise<LeaseStore> {
  if (leaseStore === null) return NONE;
  const [{ connect }, { KubeLease }] = await Promise.all([import('./connect.ts'), import('./lease-store.ts')]);
  const { access, name } = leaseStore;
  // A renewal that has no answer by then is looked up and sent again: there must be time for that within a lease.
  const timeoutMs = Math.min(access.timeoutMs, Math.floor(node.timings.leaseMs / 3));
  return new KubeLease({
    api: connect({ ...access, timeoutMs }),
    name,
    cluster: node.cluster,
    wallMs: () => Date.now(),
  });
}

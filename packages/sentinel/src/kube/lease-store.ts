import type { StoreOutcome, StoreRequest } from '@sentinel-micro/core';
import { KubeError, type KubeApi, type LeaseObject, type Stored } from '@sentinel-micro/kubernetes';
import { messageOf } from '@sentinel-micro/runtime';
import { changedObjectOf, newObjectOf, recordOf } from './lease-record.ts';

/** Which Lease it is, and how it is reached. */
export interface KubeLeaseOptions {
  readonly api: Pick<KubeApi, 'readLease' | 'createLease' | 'replaceLease' | 'close'>;
  readonly name: string;
  readonly cluster: string;
  readonly wallMs: () => number;
}

function isKubeError(error: unknown, status: number): boolean {
  return error instanceof KubeError && error.status === status;
}

/** What a failed call means for the lease. */
function outcomeOf(error: unknown, request: StoreRequest, name: string): StoreOutcome {
  if (!(error instanceof KubeError)) return { kind: 'away', error: messageOf(error) };
  const { status, retryAfterMs } = error;
  // Changed, made, or deleted by somebody else meanwhile.
  if (request.do === 'write' && (status === 409 || (status === 404 && request.version !== null))) {
    return { kind: 'conflict' };
  }
  if (status === null || error.mayHaveBeenDone) return { kind: 'away', error: error.message };
  const verb = request.do === 'read' ? 'get' : request.version === null ? 'create' : 'update';
  const of = verb === 'create' ? 'leases' : `leases, with ${name} among the resourceNames where they are given`;
  const advice = status === 403 ? `; the Role of this pod's service account needs the verb ${verb} for ${of}` : '';
  return { kind: 'refused', error: `${error.message}${advice}`, retryAfterMs };
}

/** The lease as a coordination.k8s.io/v1 Lease: what is written takes effect only if nobody else has written since it was read. */
export class KubeLease {
  readonly #options: KubeLeaseOptions;
  #seen: Stored<LeaseObject> | null = null;
  #writes = 0;

  constructor(options: KubeLeaseOptions) {
    this.#options = options;
  }

  /** Asks once. Nothing is repeated: what a missing answer means is for the asker to judge. */
  async ask(request: StoreRequest): Promise<StoreOutcome> {
    const { name, cluster } = this.#options;
    try {
      const found = request.do === 'read' ? await this.#read() : await this.#write(request);
      if (found === 'changed') return { kind: 'conflict' };
      this.#seen = found;
      const record = found === null ? ({ kind: 'none', version: null } as const) : recordOf(found, cluster);
      return { kind: 'record', record };
    } catch (error) {
      return outcomeOf(error, request, name);
    }
  }

  close(): void {
    this.#options.api.close();
  }

  async #read(): Promise<Stored<LeaseObject> | null> {
    const { api, name } = this.#options;
    try {
      return await api.readLease(name);
    } catch (error) {
      if (isKubeError(error, 404)) return null;
      throw error;
    }
  }

  /** @returns `changed` when the version is not the one that was seen last: then it is not the newest either. */
  async #write({ version, lease }: Extract<StoreRequest, { do: 'write' }>): Promise<Stored<LeaseObject> | 'changed'> {
    const { api, name, cluster, wallMs } = this.#options;
    this.#writes += 1;
    const writing = { name, cluster, wallMs: wallMs(), writes: this.#writes };
    if (version === null) return api.createLease(newObjectOf(lease, writing));
    const before = this.#seen;
    if (before?.metadata.resourceVersion !== version) return 'changed';
    return api.replaceLease(changedObjectOf(lease, before, writing));
  }
}

import { KubeError } from '@sentinel-micro/kubernetes';
import { messageOf, type Logger } from '@sentinel-micro/runtime';
import type { KubeFailure, KubeFailureCounts } from './failure-kinds.ts';
import type { Failure } from './slots.ts';

/** A call, as it is told: `get`, `pods`, `redis-0`. */
export interface AskedOf {
  readonly verb: 'get' | 'patch' | 'create' | 'watch';
  readonly resource: 'pods' | 'events' | 'statefulsets';
  readonly name: string | null;
}

function kindOf({ status }: Failure): KubeFailure {
  if (status === null) return 'no-answer';
  if (status === 401 || status === 403) return 'forbidden';
  if (status === 409) return 'conflict';
  return status === 429 || status === 503 ? 'throttled' : 'other';
}

/** What the service account lacks, in words that go into a Role. */
function permissionHint({ verb, resource, name }: AskedOf): string {
  const named = name === null || verb === 'create' ? '' : `, and resourceNames with ${name} where they are given`;
  return `the Role of this pod's service account needs the verb ${verb} for ${resource}${named}`;
}

/**
 * Tells once that the API is away, or refuses something, and once that it is well again; and counts every failure. When nobody answers,
 * all calls fail alike, and one line is enough. What is refused is told by what it was.
 */
export class ApiTrouble {
  readonly #logger: Logger;
  readonly #whatWaits: string;
  readonly #told = new Set<string>();
  #counts: KubeFailureCounts = {};

  constructor(logger: Logger, whatWaits = 'labels and Events wait') {
    this.#logger = logger;
    this.#whatWaits = whatWaits;
  }

  get counts(): KubeFailureCounts {
    return this.#counts;
  }

  /** True while the last calls were not answered. */
  get isAway(): boolean {
    return this.#told.has(AWAY);
  }

  /** @returns what the rules of labels and Events have to know of it */
  failed(asked: AskedOf, error: unknown): Failure {
    const failure =
      error instanceof KubeError
        ? { status: error.status, retryAfterMs: error.retryAfterMs }
        : { status: null, retryAfterMs: null };
    const kind = kindOf(failure);
    // That a pod is not there is an answer like any other.
    if (failure.status === 404) return failure;
    this.#counts = { ...this.#counts, [kind]: (this.#counts[kind] ?? 0) + 1 };
    if (kind === 'conflict') return failure;
    const isAway = kind === 'no-answer' || kind === 'throttled';
    const advice = kind === 'forbidden' ? `; ${permissionHint(asked)}` : '';
    this.#tell(isAway ? AWAY : nameOf(asked), `${messageOf(error)}${advice}`);
    return failure;
  }

  succeeded(asked: AskedOf): void {
    if (this.#told.delete(AWAY)) this.#logger.log('info', 'kubernetes', 'the Kubernetes API answers again');
    if (this.#told.delete(nameOf(asked))) {
      this.#logger.log('info', 'kubernetes', `the Kubernetes API takes it again: ${nameOf(asked)}`);
    }
  }

  #tell(what: string, text: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#logger.log('warn', 'kubernetes', `${text}. Failover does not depend on it; ${this.#whatWaits}`);
  }
}

const AWAY = 'away';

/** All Events alike: their names are new each time. */
const nameOf = ({ verb, resource, name }: AskedOf): string =>
  resource === 'events' ? `${verb} ${resource}` : `${verb} ${resource} ${String(name)}`;

/** The servers of a story. */
export const SERVERS = ['a', 'b', 'c', 'd'] as const;
export type Server = (typeof SERVERS)[number];

/** Whom a replica may be told to follow; `limbo` is the address at which nobody listens. */
export type Master = Server | 'limbo' | 'itself';

export interface ServerConfig {
  /** min-replicas-to-write. Default 0. */
  readonly minReplicas?: number;
  /** min-replicas-max-lag. Default 10. */
  readonly maxLagSeconds?: number;
  /** A `tiny` backlog does not hold what one large write adds. Default `ample`. */
  readonly backlog?: 'ample' | 'tiny';
  /** repl-diskless-sync-delay: how long a full sync waits for others to join. Default 0. */
  readonly syncDelaySeconds?: number;
  /** repl-timeout. Default 60. */
  readonly replTimeoutSeconds?: number;
  /** repl-ping-replica-period. Default an hour: otherwise offsets depend on how long a story takes. */
  readonly pingSeconds?: number;
  /** appendonly, with each write on the disk before it is answered. Default false. */
  readonly hasAof?: boolean;
  /** Sending a full sync takes seconds if there is a large write among the data. Default false. */
  readonly isSlowToSend?: boolean;
  /** Loading takes seconds if there is a large write among the data. Default false. */
  readonly isSlowToLoad?: boolean;
}

/** What a server finds on its disk: nothing, what the last `save` left, or all that it ever wrote to its AOF. */
export type DataKept = 'none' | 'rdb' | 'aof';

/** One thing that is done to one server. `quick`: the next step follows at once, without a look at what has come of it. */
export type Step = (
  | { do: 'start'; server: Server; follows: Master; data: DataKept; config: ServerConfig }
  | { do: 'kill'; server: Server }
  | { do: 'freeze'; server: Server }
  | { do: 'thaw'; server: Server }
  /** A script that does not end by itself; whatever is asked is answered -BUSY. */
  | { do: 'script'; server: Server }
  | { do: 'script-ends'; server: Server }
  | { do: 'replicaof'; server: Server; to: Master | 'no one' }
  | { do: 'write'; server: Server; count: number; size: 'small' | 'large'; client: string }
  | { do: 'wait'; server: Server; replicas: number; timeoutMs: number; client: string }
  | { do: 'answer'; server: Server; client: string }
  | { do: 'pause-writes'; server: Server; ms: number }
  | { do: 'unpause'; server: Server }
  | { do: 'kill-clients'; server: Server }
  | { do: 'min-replicas'; server: Server; count: number }
  | { do: 'save'; server: Server }
  | { do: 'pass'; ms: number }
) & { quick?: boolean };

/**
 * How one command was answered: `OK`, a number, the code of an error; `held` when there is no answer yet, `closed` when the
 * connection ended instead, `refused` when there was none.
 */
export type Answer = string;

type Options<Kind extends Step['do'], Known extends string> = Partial<Omit<Extract<Step, { do: Kind }>, 'do' | Known>>;

const client = 'writer';

/** A server that starts in limbo, as a pod whose make-slave has found no master. */
export function start(server: Server, config: ServerConfig = {}): Step {
  return { do: 'start', server, follows: 'limbo', data: 'none', config };
}

/** A redis container that starts again. */
export function restart(server: Server, follows: Master, data: DataKept, config: ServerConfig = {}): Step {
  return { do: 'start', server, follows, data, config };
}

export function kill(server: Server): Step {
  return { do: 'kill', server };
}

export function freeze(server: Server): Step {
  return { do: 'freeze', server };
}

export function thaw(server: Server): Step {
  return { do: 'thaw', server };
}

export function runScript(server: Server): Step {
  return { do: 'script', server };
}

export function endScript(server: Server): Step {
  return { do: 'script-ends', server };
}

export function promote(server: Server): Step {
  return { do: 'replicaof', server, to: 'no one' };
}

export function follow(server: Server, to: Master): Step {
  return { do: 'replicaof', server, to };
}

export function limbo(server: Server): Step {
  return { do: 'replicaof', server, to: 'limbo' };
}

export function write(server: Server, options: Options<'write', 'server'> = {}): Step {
  return { do: 'write', server, count: 1, size: 'small', client, ...options };
}

/** One that a tiny backlog does not hold. */
export function writeMuch(server: Server): Step {
  return write(server, { size: 'large', count: 3 });
}

export function wait(server: Server, replicas: number, options: Options<'wait', 'server'> = {}): Step {
  return { do: 'wait', server, replicas, timeoutMs: 500, client, ...options };
}

/** The answer to what a client was held with. */
export function answer(server: Server, options: Options<'answer', 'server'> = {}): Step {
  return { do: 'answer', server, client, ...options };
}

export function pauseWrites(server: Server, ms = 60_000): Step {
  return { do: 'pause-writes', server, ms };
}

export function unpause(server: Server): Step {
  return { do: 'unpause', server };
}

export function killClients(server: Server): Step {
  return { do: 'kill-clients', server };
}

export function minReplicas(server: Server, count: number): Step {
  return { do: 'min-replicas', server, count };
}

export function save(server: Server): Step {
  return { do: 'save', server };
}

/** Time goes by, the same on both. */
export function pass(ms: number): Step {
  return { do: 'pass', ms };
}

export function quick(step: Step): Step {
  return { ...step, quick: true };
}

export function describeStep(step: Step): string {
  const { do: verb, quick: isQuick, ...rest } = step;
  const words = Object.values(rest).map((value) => (typeof value === 'object' ? JSON.stringify(value) : String(value)));
  return [verb, ...words, ...(isQuick === true ? ['(quick)'] : [])].join(' ');
}

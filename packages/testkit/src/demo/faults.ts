import type { Cluster } from '../cluster.ts';
import type { Pod } from '../pod.ts';
import { sleep, waitUntil } from '../time.ts';

export type FaultName = 'kill9-master-small' | 'pod-delete-master' | 'kill-sidecar-on-master' | 'wrong-master-by-hand';

export interface FaultTarget {
  readonly cluster: Cluster;
  readonly master: Pod;
}

export interface Fault {
  readonly name: FaultName;
  /** One sentence for the person who watches. */
  describe(target: FaultTarget): string;
  /** Breaks something; what takes a moment (a pod that comes back) is part of it. */
  inflict(target: FaultTarget): Promise<void>;
  /** Whether the master must be the same one afterwards, without an interruption. */
  readonly sparesMaster: boolean;
  /** How long to watch after the set is healthy (again), before the result is taken. */
  readonly observeMs: number;
}

/** A StatefulSet controller needs about so long to put a new pod in the place of one that is gone. */
const RECREATE_DELAY_MS = 1000;

/** The faults of the demo, in order. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'kill9-master-small',
    describe: ({ master }) => `SIGKILL for the redis-server of ${master.name}, the master; it is restarted after 1 s`,
    inflict: ({ master }) => {
      master.killRedis('SIGKILL');
      return Promise.resolve();
    },
    sparesMaster: false,
    observeMs: 500,
  },
  {
    name: 'pod-delete-master',
    describe: ({ master }) =>
      `${master.name}, the master, is gone with its sidecar; it comes back empty, at a new address`,
    inflict: async ({ master }) => {
      await master.delete();
      await sleep(RECREATE_DELAY_MS);
      await master.recreate();
    },
    sparesMaster: false,
    observeMs: 500,
  },
  {
    name: 'kill-sidecar-on-master',
    describe: ({ master }) => `SIGKILL for the sidecar of ${master.name}, the master; it is restarted after 0.5 s`,
    inflict: async ({ master }) => {
      const pid = master.sidecarPid;
      master.killSidecar('SIGKILL');
      await waitUntil(() => (master.isSidecarAlive() && master.sidecarPid !== pid ? true : undefined), {
        what: `the sidecar of ${master.name} to be restarted`,
        timeoutMs: 10_000,
      });
    },
    sparesMaster: true,
    // Longer than a lease: had it been lost with the sidecar, somebody would have taken it by then.
    observeMs: 4000,
  },
  {
    name: 'wrong-master-by-hand',
    describe: (target) => `somebody types "${wrongCommand(target).join(' ')}" on ${victim(target).name}, a replica`,
    inflict: async (target) => {
      await victim(target).command(...wrongCommand(target));
    },
    sparesMaster: true,
    observeMs: 500,
  },
];

function victim({ cluster, master }: FaultTarget): Pod {
  return cluster.podsExcept(master)[0] ?? master;
}

/** Points the first replica at the second: a chain, which looks fine from afar and is wrong. */
function wrongCommand({ cluster, master }: FaultTarget): [string, string, string | number] {
  const other = cluster.podsExcept(master)[1];
  if (other === undefined) return ['REPLICAOF', 'NO', 'ONE'];
  return ['REPLICAOF', other.ip, cluster.settings.redisPort];
}

import {
  RedisCommander,
  TestkitError,
  redisSentinel,
  waitUntil,
  type Cluster,
  type ClusterOptions,
  type PeerStatus,
  type Pod,
} from '@sentinel-micro/testkit';

const SETTLE_TIMEOUT_MS = 60_000;

/** A way to keep Redis alive, under the same faults. */
export interface System {
  readonly name: string;
  /** Whether what must follow must follow; others are here for comparison. */
  readonly isJudged: boolean;
  readonly clusterOptions: Partial<ClusterOptions>;
  /** Waits until nothing is left to be done. @returns the master. @throws TestkitError TIMEOUT */
  settled(cluster: Cluster): Promise<Pod>;
}

const sentinelMicro: System = {
  name: 'sentinel-micro',
  isJudged: true,
  clusterOptions: {},
  async settled(cluster) {
    const { master } = await cluster.waitForHealthy({ timeoutMs: SETTLE_TIMEOUT_MS });
    await until(`all sidecars to agree on ${master.name}`, async () => {
      const { replid } = await master.role();
      const statuses = (await cluster.status()).map(({ status }) => status);
      const terms = new Set(statuses.map((status) => status?.term));
      const agree = statuses.every((status) => status !== undefined && isSettled(status, master, replid));
      // Lowered in the first moments after a promotion; raised again as the replicas come in.
      const quorum = (await master.command('CONFIG', 'GET', 'min-replicas-to-write')) as readonly string[];
      const isRaised = Number(quorum[1]) === Math.floor(cluster.settings.replicas / 2);
      return terms.size === 1 && agree && isRaised;
    });
    return master;
  },
};

/** Real redis-sentinel, one beside each Redis, with this `down-after-milliseconds`. */
function redisSentinelWith(downAfterMs: number): System {
  return {
    name: `redis-sentinel-${downAfterMs}`,
    isJudged: false,
    clusterOptions: { program: redisSentinel({ downAfterMs }), parallel: false },
    async settled(cluster) {
      const { master } = await cluster.waitForHealthy({ timeoutMs: SETTLE_TIMEOUT_MS });
      // Sentinel looks for replicas every ten seconds; one that it does not know would be left behind by a failover.
      await until('all Sentinels to know all replicas and each other', async () => {
        const known = await Promise.all(cluster.pods.map((pod) => knownTo(cluster, pod)));
        return known.flat().every((count) => count === cluster.pods.length - 1);
      });
      return master;
    },
  };
}

const SYSTEMS: readonly System[] = [sentinelMicro, redisSentinelWith(1000), redisSentinelWith(5000)];

/** Those whose name is this or begins with it: `redis-sentinel` stands for both. @throws TestkitError BAD_USAGE */
export function systemsNamed(name: string): System[] {
  const found = SYSTEMS.filter((system) => system.name === name || system.name.startsWith(`${name}-`));
  if (found.length > 0) return found;
  const known = SYSTEMS.map((system) => system.name).join(', ');
  throw new TestkitError('BAD_USAGE', `--system is ${name}; it can be redis-sentinel or one of ${known}`);
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

/** Votes, knows this master with its present history, and has seen its own Redis in step with it. */
function isSettled({ master: named, raw }: PeerStatus, master: Pod, replid: string): boolean {
  const { mutedForMs, masterIsFresh, master: announcement, redis } = raw as unknown as StatusFields;
  if (mutedForMs !== 0 || !masterIsFresh || named?.pod !== master.name) return false;
  const { position } = redis;
  return (
    announcement?.history.replid === replid &&
    position?.synced === true &&
    position.intact &&
    position.replid === replid
  );
}

/** How many other Sentinels and how many replicas this pod's Sentinel knows. */
async function knownTo(cluster: Cluster, pod: Pod): Promise<number[]> {
  const commander = new RedisCommander(pod.sidecarTarget);
  try {
    const name = cluster.settings.masterName;
    const answers = [
      await commander.command('SENTINEL', 'SENTINELS', name),
      await commander.command('SENTINEL', 'REPLICAS', name),
    ];
    return answers.map((answer) => (Array.isArray(answer) ? answer.length : 0));
  } finally {
    commander.close();
  }
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const probe = async (): Promise<true | undefined> => ((await condition()) ? true : undefined);
  await waitUntil(probe, { what, timeoutMs: SETTLE_TIMEOUT_MS, intervalMs: 20 });
}

import {
  RedisCommander,
  TestkitError,
  redisSentinel,
  waitForSettled,
  waitUntilTrue,
  type Cluster,
  type ClusterOptions,
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
    const { master } = await waitForSettled(cluster, SETTLE_TIMEOUT_MS);
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
      const isComplete = async (): Promise<boolean> => {
        const known = await Promise.all(cluster.pods.map((pod) => knownTo(cluster, pod)));
        return known.flat().every((count) => count === cluster.pods.length - 1);
      };
      const what = 'all Sentinels to know all replicas and each other';
      await waitUntilTrue(isComplete, { what, timeoutMs: SETTLE_TIMEOUT_MS, intervalMs: 20 });
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

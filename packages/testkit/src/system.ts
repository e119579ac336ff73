import type { Cluster, ClusterOptions } from './cluster.ts';
import { waitForSettled } from './cluster-settled.ts';
import type { Pod } from './pod.ts';
import { RedisCommander } from './redis-client.ts';
import { redisSentinel } from './redis-sentinel.ts';
import { waitUntilTrue } from './time.ts';

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

/** Make-slave and the sidecar. */
export const SENTINEL_MICRO: System = {
  name: 'sentinel-micro',
  isJudged: true,
  clusterOptions: {},
  async settled(cluster) {
    const { master } = await waitForSettled(cluster, SETTLE_TIMEOUT_MS);
    return master;
  },
};

/** Real redis-sentinel, one beside each Redis, with this `down-after-milliseconds`. */
export function redisSentinelWith(downAfterMs: number): System {
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

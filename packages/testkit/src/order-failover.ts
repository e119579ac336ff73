import type { Cluster } from './cluster.ts';
import type { Pod } from './pod.ts';
import { RedisCommander } from './redis-client.ts';

const ORDER_TIMEOUT_MS = 15_000;

/**
 * Orders a failover with the command that Sentinel has for it, `SENTINEL FAILOVER`, at the sidecar of a pod that is not the
 * master: the one that gets the order may have to pass it on. redis-sentinel answers when it has begun, sentinel-micro when it is done.
 * @throws the sidecar's ReplyError; TestkitError NOT_CONNECTED when there is no answer within 15 s
 */
export async function orderFailover(cluster: Cluster, master: Pod): Promise<void> {
  const [pod = master] = cluster.podsExcept(master);
  const commander = new RedisCommander(pod.sidecarTarget, ORDER_TIMEOUT_MS);
  try {
    await commander.command('SENTINEL', 'FAILOVER', cluster.settings.masterName);
  } finally {
    commander.close();
  }
}

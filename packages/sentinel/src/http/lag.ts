import { currentMaster, type NodeState } from '@sentinel-micro/core';
import { fetchStatus, type RedisTarget } from '@sentinel-micro/runtime';

/** What is known at the moment of asking. */
interface Present {
  readonly state: NodeState;
  readonly nowMs: number;
}

/**
 * How many bytes the replica of this pod lacks: a replica does not know how far its master is, so the sidecar of that one is asked.
 * What the master takes in within a heartbeat or two is within the error.
 * @param targetAt how to reach the sidecar at an address
 * @returns bytes; null when this pod follows nobody, or its master's sidecar can not be asked within `timeoutMs`
 */
export async function lagBehindMaster(
  present: () => Present,
  targetAt: (ip: string) => RedisTarget,
  timeoutMs: number,
): Promise<number | null> {
  const { state, nowMs } = present();
  const master = currentMaster(state, nowMs);
  if (master === null || master.pod === state.config.self.pod) return null;
  const status = await fetchStatus(targetAt(master.ip), timeoutMs).catch(() => null);
  const position = status?.from.pod === master.pod ? status.redis.position : null;
  const { info } = present().state.own;
  if (info === null || position?.role !== 'master') return null;
  return Math.max(0, position.offset - info.offset);
}

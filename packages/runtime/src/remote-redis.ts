import {
  sharesAncestry,
  type History,
  type Lineage,
  type Outcome,
  type RemoteAction,
  type RunId,
} from '@sentinel-micro/core';
import type { Clock } from './clock.ts';
import { messageOf } from './errors.ts';
import { connectRedis, type RedisConnection, type RedisTarget } from './redis-connection.ts';
import { askInfo } from './redis-info.ts';
import { pauseWrites, sendToLimbo, sendToMaster } from './redis-orders.ts';

/**
 * What is to be done to another pod's Redis, and by what the process that is meant is known: its run id, or a replication id that
 * only the set's own Redis instances share.
 */
export interface RemoteOrder {
  readonly runId: RunId | null;
  readonly history: History | Lineage | null;
  /** Until when the one who orders it holds the lease, on the clock. */
  readonly deadlineMs: number;
  readonly action: RemoteAction;
}

async function act(connection: RedisConnection, order: RemoteOrder, clock: Clock): Promise<Outcome> {
  const { action } = order;
  const info = await askInfo(connection);
  const isMeant = info.runId !== null && info.runId === order.runId;
  if (!isMeant && (order.history === null || !sharesAncestry(info, order.history))) {
    // An address is not an identity: after a pod is gone its IP may belong to anybody.
    return { ok: false, error: 'another process answers at this address', late: false };
  }
  // This process may have been stopped since it was ordered; another pod may be master by now.
  if (clock.now() >= order.deadlineMs) return { ok: false, error: 'the lease ran out before it was sent', late: true };
  switch (action.kind) {
    case 'probe':
      return { ok: true, info };
    case 'pause-writes':
      // Held back on a replica, its stream from the master would stop, and it would lose its place in it.
      if (info.role !== 'master') return { ok: false, error: 'it is not a master any more', late: false };
      return { ok: true, info: await pauseWrites(connection, action.budgetMs) };
    case 'limbo':
      return { ok: true, ...(await sendToLimbo(connection, info.role === 'master')) };
    case 'follow': {
      const follows = info.role === 'replica' && info.masterHost === action.ip && info.masterPort === action.port;
      if (follows) return { ok: true, info };
      return { ok: true, ...(await sendToMaster(connection, action.ip, action.port, info.role === 'master')) };
    }
  }
}

/**
 * Does one thing to the Redis of another pod, over a connection of its own, provided that it is the very process that is
 * meant, and that the lease lasts. Never throws, and takes at most three times `timeoutMs`.
 */
export async function actOnRemote(
  target: RedisTarget,
  order: RemoteOrder,
  clock: Clock,
  timeoutMs: number,
): Promise<Outcome> {
  let connection: RedisConnection | null = null;
  try {
    connection = await connectRedis(target, { connectTimeoutMs: timeoutMs, commandTimeoutMs: timeoutMs });
    return await act(connection, order, clock);
  } catch (error) {
    return { ok: false, error: messageOf(error), late: false };
  } finally {
    connection?.close();
  }
}

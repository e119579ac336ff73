import { sharesAncestry, type History, type Outcome, type RemoteAction, type RunId } from '@sentinel-micro/core';
import { messageOf } from './errors.ts';
import { connectRedis, type RedisConnection, type RedisTarget } from './redis-connection.ts';
import { askInfo } from './redis-info.ts';
import { pauseWrites, sendToLimbo, sendToMaster } from './redis-orders.ts';

/** By what the process that is meant is known: its run id, or a replication id that only the set's own Redis instances share. */
export interface RemoteIdentity {
  readonly runId: RunId | null;
  readonly history: History | null;
}

async function act(connection: RedisConnection, target: RemoteIdentity, action: RemoteAction): Promise<Outcome> {
  const info = await askInfo(connection);
  const isMeant = info.runId !== null && info.runId === target.runId;
  if (!isMeant && (target.history === null || !sharesAncestry(info, target.history))) {
    // An address is not an identity: after a pod is gone its IP may belong to anybody.
    return { ok: false, error: 'another process answers at this address', late: false };
  }
  switch (action.kind) {
    case 'probe':
      return { ok: true, info };
    case 'pause-writes':
      return { ok: true, info: await pauseWrites(connection, action.budgetMs) };
    case 'limbo':
      return { ok: true, info: await sendToLimbo(connection, info.role === 'master') };
    case 'follow': {
      const follows = info.role === 'replica' && info.masterHost === action.ip && info.masterPort === action.port;
      if (follows) return { ok: true, info };
      return { ok: true, info: await sendToMaster(connection, action.ip, action.port, info.role === 'master') };
    }
  }
}

/**
 * Does one thing to the Redis of another pod, over a connection of its own, provided that it is the very process that is
 * meant. Never throws, and takes at most three times `timeoutMs`.
 */
export async function actOnRemote(
  target: RedisTarget,
  identity: RemoteIdentity,
  action: RemoteAction,
  timeoutMs: number,
): Promise<Outcome> {
  let connection: RedisConnection | null = null;
  try {
    connection = await connectRedis(target, { connectTimeoutMs: timeoutMs, commandTimeoutMs: timeoutMs });
    return await act(connection, identity, action);
  } catch (error) {
    return { ok: false, error: messageOf(error), late: false };
  } finally {
    connection?.close();
  }
}

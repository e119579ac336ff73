import { LIMBO_HOST, LIMBO_PORT, type Outcome, type OwnAction, type ReplicationInfo } from '@sentinel-micro/core';
import type { Clock } from './clock.ts';
import { messageOf, OperationError } from './errors.ts';
import type { RedisConnection } from './redis-connection.ts';
import { askInfo } from './redis-info.ts';

function failure(error: unknown, late = false): Outcome {
  return { ok: false, error: messageOf(error), late };
}

async function replicaOf(connection: RedisConnection, host: string, port: number | string): Promise<ReplicationInfo> {
  // Both are written at once, so the answer to INFO tells of the moment right after the change.
  const [, info] = await Promise.all([connection.call('REPLICAOF', host, port), askInfo(connection)]);
  return info;
}

/** Ends the connections of clients that would otherwise stay on a demoted master; those it held back are answered before. */
async function cutClients(connection: RedisConnection): Promise<void> {
  await connection.call('CLIENT', 'UNPAUSE').catch(() => undefined);
  await connection.call('CLIENT', 'KILL', 'TYPE', 'normal');
  await connection.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
}

/** Detaches a Redis from everybody: it refuses writes and feeds nobody. */
export async function sendToLimbo(connection: RedisConnection, cut: boolean): Promise<ReplicationInfo> {
  const info = await replicaOf(connection, LIMBO_HOST, LIMBO_PORT);
  if (cut) await cutClients(connection).catch(() => undefined);
  return info;
}

/** Points a Redis at a master. */
export async function sendToMaster(
  connection: RedisConnection,
  ip: string,
  port: number,
  cut: boolean,
): Promise<ReplicationInfo> {
  const info = await replicaOf(connection, ip, port);
  if (cut) await cutClients(connection).catch(() => undefined);
  return info;
}

/** Holds writes back for at most `budgetMs`; after that Redis lets them through by itself. */
export async function pauseWrites(connection: RedisConnection, budgetMs: number): Promise<ReplicationInfo> {
  const [, info] = await Promise.all([connection.call('CLIENT', 'PAUSE', budgetMs, 'WRITE'), askInfo(connection)]);
  return info;
}

/**
 * Does something that makes a Redis writable, provided that the lease lasts: checked when it is sent, and again when it has
 * returned, for a stall may lie between. Too late, or not known to have worked, means fence.
 */
async function whileLeased(
  connection: RedisConnection,
  clock: Clock,
  deadlineMs: number,
  act: () => Promise<ReplicationInfo | null>,
): Promise<Outcome> {
  if (clock.now() >= deadlineMs) return { ok: false, error: 'the lease had run out before it was sent', late: true };
  try {
    const info = await act();
    if (clock.now() < deadlineMs) return { ok: true, info };
    await sendToLimbo(connection, true);
    return { ok: false, error: 'the lease ran out while it was carried out: fenced', late: true };
  } catch (error) {
    await sendToLimbo(connection, true).catch(() => undefined);
    return failure(error);
  }
}

async function promote(connection: RedisConnection, minReplicas: number | null): Promise<ReplicationInfo> {
  if (minReplicas !== null) await connection.call('CONFIG', 'SET', 'min-replicas-to-write', minReplicas);
  return await replicaOf(connection, 'NO', 'ONE');
}

/** Carries out one order to a Redis. Never throws: how it ended is the result. */
export async function carryOut(connection: RedisConnection, clock: Clock, action: OwnAction): Promise<Outcome> {
  try {
    switch (action.kind) {
      case 'limbo':
        return { ok: true, info: await sendToLimbo(connection, action.cutClients) };
      case 'follow':
        return { ok: true, info: await sendToMaster(connection, action.ip, action.port, action.cutClients) };
      case 'promote':
        return await whileLeased(connection, clock, action.deadlineMs, () => promote(connection, action.minReplicas));
      case 'set-min-replicas':
        return await whileLeased(connection, clock, action.deadlineMs, async () => {
          await connection.call('CONFIG', 'SET', 'min-replicas-to-write', action.count);
          return null;
        });
      case 'pause-writes':
        return { ok: true, info: await pauseWrites(connection, action.budgetMs) };
      case 'unpause':
        await connection.call('CLIENT', 'UNPAUSE');
        return { ok: true, info: null };
      case 'sample':
        return { ok: true, info: await askInfo(connection) };
    }
  } catch (error) {
    return failure(error, error instanceof OperationError && error.code === 'TIMEOUT');
  }
}

import {
  LIMBO_HOST,
  LIMBO_PORT,
  UNREACHABLE_MIN_REPLICAS,
  type Outcome,
  type OwnAction,
  type ReplicationInfo,
} from '@sentinel-micro/core';
import type { Clock } from './clock.ts';
import { isRedisError, messageOf, OperationError } from './errors.ts';
import type { RedisConnection } from './redis-connection.ts';
import { askInfo } from './redis-info.ts';

function failure(error: unknown, late = false): Outcome {
  return { ok: false, error: messageOf(error), late };
}

/** INFO as it was right before and right after a change. */
export interface Change {
  readonly before: ReplicationInfo;
  readonly info: ReplicationInfo;
}

async function replicaOf(connection: RedisConnection, host: string, port: number | string): Promise<Change> {
  // All are written at once, so INFO tells of the moments right before and right after the change.
  const sent = connection.together(
    () => [askInfo(connection), connection.call('REPLICAOF', host, port), askInfo(connection)] as const,
  );
  const [before, , info] = await Promise.all(sent);
  return { before, info };
}

/** Ends the connections of clients that would otherwise stay on a demoted master; those it held back are answered before. */
async function cutClients(connection: RedisConnection): Promise<void> {
  await connection.call('CLIENT', 'UNPAUSE').catch(() => undefined);
  await connection.call('CLIENT', 'KILL', 'TYPE', 'normal');
  await connection.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
}

/** Detaches a Redis from everybody: it refuses writes and feeds nobody. */
export async function sendToLimbo(connection: RedisConnection, cut: boolean): Promise<Change> {
  const change = await replicaOf(connection, LIMBO_HOST, LIMBO_PORT);
  if (cut) await cutClients(connection).catch(() => undefined);
  return change;
}

/**
 * Detaches a Redis that hangs, for when it wakes up. Everything is written at once: what Redis reads in one go takes effect
 * before any answer is sent, so writes that were waiting in front of this order are not acknowledged (and then lost): their
 * clients are cut before they are told.
 */
async function sendToLimboAtOnce(connection: RedisConnection): Promise<ReplicationInfo> {
  const sent = connection.together(
    () =>
      [
        connection.call('REPLICAOF', LIMBO_HOST, LIMBO_PORT),
        connection.call('CLIENT', 'KILL', 'TYPE', 'normal'),
        connection.call('CLIENT', 'KILL', 'TYPE', 'pubsub'),
        askInfo(connection),
      ] as const,
  );
  const [, , , info] = await Promise.all(sent);
  return info;
}

/** Points a Redis at a master. */
export async function sendToMaster(
  connection: RedisConnection,
  ip: string,
  port: number,
  cut: boolean,
): Promise<Change> {
  const change = await replicaOf(connection, ip, port);
  if (cut) await cutClients(connection).catch(() => undefined);
  return change;
}

/** Holds writes back for at most `budgetMs`; after that Redis lets them through by itself. */
export async function pauseWrites(connection: RedisConnection, budgetMs: number): Promise<ReplicationInfo> {
  const pause = (): Promise<unknown> => connection.call('CLIENT', 'PAUSE', budgetMs, 'WRITE');
  const [, info] = await Promise.all(connection.together(() => [pause(), askInfo(connection)] as const));
  return info;
}

/**
 * Does something that makes a Redis writable, provided that the lease lasts: checked when each step is sent, and again when
 * the last one has returned, for a stall may lie between. Too late, or not known to have worked, means fence.
 */
async function whileLeased(
  connection: RedisConnection,
  clock: Clock,
  deadlineMs: number,
  steps: readonly (() => Promise<ReplicationInfo | null>)[],
): Promise<Outcome> {
  if (clock.now() >= deadlineMs) return { ok: false, error: 'the lease had run out before it was sent', late: true };
  try {
    let info: ReplicationInfo | null = null;
    for (const [index, step] of steps.entries()) {
      if (index > 0 && clock.now() >= deadlineMs) break;
      info = await step();
    }
    if (clock.now() < deadlineMs) return { ok: true, info };
    await sendToLimbo(connection, true);
    return { ok: false, error: 'the lease ran out while it was carried out: fenced', late: true };
  } catch (error) {
    await sendToLimbo(connection, true).catch(() => undefined);
    return failure(error);
  }
}

/** @returns null when it was done, else Redis's own error: the user may not CONFIG, say. Nothing has changed then. */
async function setMinReplicas(connection: RedisConnection, count: number): Promise<OperationError | null> {
  try {
    await connection.call('CONFIG', 'SET', 'min-replicas-to-write', count);
    return null;
  } catch (error) {
    if (error instanceof OperationError && isRedisError(error)) return error;
    throw error;
  }
}

/**
 * Lets a Redis in limbo feed others, which only a master does, without ever taking a write: a write quorum that can not be met
 * goes before the promotion. `min-replicas-max-lag 0` switches the quorum off, so there it is not done.
 */
async function becomeDonor(connection: RedisConnection): Promise<ReplicationInfo> {
  const lag = await connection.call('CONFIG', 'GET', 'min-replicas-max-lag');
  if (!Array.isArray(lag) || !(Number(lag[1]) > 0)) {
    throw new OperationError('UNSAFE', 'min-replicas-max-lag is 0: as a master it would take writes');
  }
  await connection.call('CONFIG', 'SET', 'min-replicas-to-write', UNREACHABLE_MIN_REPLICAS);
  return (await replicaOf(connection, 'NO', 'ONE')).info;
}

function promotion(connection: RedisConnection, count: number | null): (() => Promise<ReplicationInfo | null>)[] {
  const become = (): Promise<ReplicationInfo> => replicaOf(connection, 'NO', 'ONE').then(({ info }) => info);
  if (count === null) return [become];
  // Where it can not be lowered a promotion is worth having all the same: writes wait for the replicas, that is all.
  return [() => setMinReplicas(connection, count).then(() => null), become];
}

async function changeWriteQuorum(
  connection: RedisConnection,
  clock: Clock,
  count: number,
  deadlineMs: number,
): Promise<Outcome> {
  const refusals: OperationError[] = [];
  const set = async (): Promise<null> => {
    const refusal = await setMinReplicas(connection, count);
    if (refusal !== null) refusals.push(refusal);
    return null;
  };
  const outcome = await whileLeased(connection, clock, deadlineMs, [set]);
  // A master that does not let itself be told is as safe as before: no reason to fence it.
  const [refusal] = refusals;
  return outcome.ok && refusal !== undefined ? failure(refusal) : outcome;
}

/** Carries out one order to a Redis. Never throws: how it ended is the result. */
export async function carryOut(connection: RedisConnection, clock: Clock, action: OwnAction): Promise<Outcome> {
  try {
    switch (action.kind) {
      case 'limbo':
        if (action.atOnce) return { ok: true, info: await sendToLimboAtOnce(connection) };
        return { ok: true, ...(await sendToLimbo(connection, action.cutClients)) };
      case 'follow':
        return { ok: true, ...(await sendToMaster(connection, action.ip, action.port, action.cutClients)) };
      case 'promote':
        return await whileLeased(connection, clock, action.deadlineMs, promotion(connection, action.minReplicas));
      case 'donate':
        return { ok: true, info: await becomeDonor(connection) };
      case 'set-min-replicas':
        return await changeWriteQuorum(connection, clock, action.count, action.deadlineMs);
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

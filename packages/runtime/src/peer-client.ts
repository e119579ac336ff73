import type { PeerStatus } from '@sentinel-micro/core';
import { OperationError } from './errors.ts';
import { decodeStatus } from './peer-codec.ts';
import { connectRedis, type RedisConnection, type RedisTarget } from './redis-connection.ts';

/** Asks PEER STATUS over an open connection. @throws OperationError */
export async function askStatus(connection: RedisConnection): Promise<PeerStatus> {
  const answer = await connection.call('PEER', 'STATUS');
  if (typeof answer !== 'string') throw new OperationError('BADMESSAGE', 'PEER STATUS was not answered with a string');
  return decodeStatus(answer);
}

/**
 * Asks one sidecar, once, what it knows.
 * @throws OperationError when it can not be reached within `timeoutMs` or does not answer as a sidecar does.
 */
export async function fetchStatus(target: RedisTarget, timeoutMs: number): Promise<PeerStatus> {
  const connection = await connectRedis(target, { connectTimeoutMs: timeoutMs, commandTimeoutMs: timeoutMs });
  try {
    return await askStatus(connection);
  } finally {
    connection.close();
  }
}

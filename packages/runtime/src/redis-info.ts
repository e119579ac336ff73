import { parseReplicationInfo, type ReplicationInfo } from '@sentinel-micro/core';
import { OperationError } from './errors.ts';
import type { RedisConnection } from './redis-connection.ts';

const SECTIONS = ['server', 'replication', 'persistence', 'keyspace'] as const;

/**
 * Asks for INFO. Several sections in one command need Redis 7.0; older ones are asked for everything.
 * @throws OperationError with Redis's error code, or `TIMEOUT`, `CLOSED`, `BADINFO`.
 */
export async function askInfoText(connection: RedisConnection, sections: readonly string[]): Promise<string> {
  let text: unknown;
  try {
    text = await connection.call('INFO', ...sections);
  } catch (error) {
    if (!(error instanceof OperationError) || error.code !== 'ERR') throw error;
    text = await connection.call('INFO');
  }
  if (typeof text === 'string') return text;
  throw new OperationError('BADINFO', 'INFO is no text');
}

/**
 * Asks for INFO and reads it.
 * @throws OperationError as `askInfoText`.
 */
export async function askInfo(connection: RedisConnection): Promise<ReplicationInfo> {
  const info = parseReplicationInfo(await askInfoText(connection, SECTIONS));
  if (info === null) throw new OperationError('BADINFO', 'INFO has no usable Replication section');
  return info;
}

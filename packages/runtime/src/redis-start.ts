import type { RedisConnection } from './redis-connection.ts';

/** What a Redis shows that was started from the config that make-slave has rendered for its pod. */
export interface BootFence {
  /** The pod's address, which make-slave renders as `replica-announce-ip`. */
  readonly announcedIp: string;
  /** What to start it from, as the sidecar knows the file. */
  readonly file: string;
}

async function settingOf(connection: RedisConnection, name: string): Promise<string | null> {
  const answer = await connection.call('CONFIG', 'GET', name).catch(() => null);
  const value: unknown = Array.isArray(answer) ? answer[1] : null;
  return typeof value === 'string' ? value : null;
}

async function fileOf(connection: RedisConnection): Promise<string | null> {
  const answer = await connection.call('INFO', 'server').catch(() => null);
  return typeof answer === 'string' ? (/^config_file:(.*?)\r?$/m.exec(answer)?.[1] ?? null) : null;
}

/**
 * Was this Redis started from the rendered config, so that it comes back as a replica whenever its container restarts alone? The
 * announced address tells, and not the path: each container may mount the volume where it likes.
 * @returns what is wrong and what to do, as one sentence; null when nothing is, or when the user may not ask. Never rejects.
 */
export async function bootFenceDoubt(
  connection: RedisConnection,
  { announcedIp, file }: BootFence,
): Promise<string | null> {
  const announced = await settingOf(connection, 'replica-announce-ip');
  if (announced === null || announced === announcedIp) return null;
  const started = await fileOf(connection);
  const from = started === null || started === '' ? 'without a config file' : `from ${started}`;
  return `Redis was started ${from}, which is not what make-slave has rendered for this pod: when its container restarts alone it may come back as a master without a lease; start it with: redis-server ${file} (the command of the redis container), and let nothing set replicaof or replica-announce-ip`;
}

import {
  askInfo,
  connectRedis,
  createResolver,
  fetchStatus,
  OperationError,
  type RedisConnection,
} from '@sentinel-micro/runtime';
import type { MakeSlaveConfig } from './config.ts';
import type { Probes } from './observe.ts';

/**
 * A Redis without a password takes none: ioredis logs in there all the same, with a warning. But whoever needs no password is
 * not of a set that has one, so the answer to AUTH is looked at here.
 */
async function proveLogin(connection: RedisConnection, config: MakeSlaveConfig): Promise<void> {
  const { username, password } = config;
  if (password === undefined) return;
  try {
    await connection.call('AUTH', ...(username === undefined ? [] : [username]), password);
  } catch (error) {
    if (!(error instanceof OperationError) || error.code !== 'ERR') throw error;
    throw new OperationError('NOPASSWORD', 'it has no password, but this set has one', error);
  }
}

/** The real DNS, sidecars and Redis instances. */
export function createProbes(config: MakeSlaveConfig): Probes {
  const { username, password, probeTimeoutMs } = config;
  const timeouts = { connectTimeoutMs: probeTimeoutMs, commandTimeoutMs: probeTimeoutMs };
  const resolver = createResolver({
    service: config.service,
    namespace: config.namespace,
    servers: config.dnsServers,
    timeoutMs: probeTimeoutMs,
  });
  return {
    resolve: () => resolver.resolve(),
    status: (ip) => fetchStatus({ host: ip, port: config.port, username, password }, probeTimeoutMs),
    async info(ip, port) {
      const connection = await connectRedis({ host: ip, port, username, password }, timeouts);
      try {
        // Both are written at once; the second answer counts only when the first one was good.
        const [, info] = await Promise.all([proveLogin(connection, config), askInfo(connection)]);
        return info;
      } finally {
        connection.close();
      }
    },
  };
}

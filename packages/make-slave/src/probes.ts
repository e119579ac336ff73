import { askInfo, connectRedis, createResolver, fetchStatus } from '@sentinel-micro/runtime';
import type { MakeSlaveConfig } from './config.ts';
import type { Probes } from './observe.ts';

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
        return await askInfo(connection);
      } finally {
        connection.close();
      }
    },
  };
}

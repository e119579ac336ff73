import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodContext, PodProgram } from './pod-program.ts';
import { RedisCommander, type RedisTarget } from './redis-client.ts';

export interface RedisSentinelOptions {
  /** `down-after-milliseconds` */
  readonly downAfterMs: number;
  /** `failover-timeout`, milliseconds. Default: five times `downAfterMs`, at least 5000. */
  readonly failoverTimeoutMs?: number;
  /** Lines for the Redis configuration, such as `min-replicas-to-write 1`. */
  readonly redisConfig?: readonly string[];
}

const ASK_TIMEOUT_MS = 500;

/**
 * Real redis-sentinel in the place of the sidecar, for comparison, set up as its documentation says: one Sentinel beside
 * each Redis, and a quorum of more than half. A pod asks the other Sentinels who the master is; when none knows, it is
 * itself: start the pods one after the other.
 */
export function redisSentinel(options: RedisSentinelOptions): PodProgram {
  return {
    async init(pod) {
      const { files, identity } = pod;
      const master = await masterFor(pod);
      const lines = [
        `include ${files.baseConfig}`,
        `replica-announce-ip ${identity.ip}`,
        ...(options.redisConfig ?? []),
      ];
      if (master.host !== identity.ip) lines.push(`replicaof ${master.host} ${master.port}`);
      writeFileSync(files.renderedConfig, `${lines.join('\n')}\n`);
      // What a Sentinel learns it writes into its configuration. A new pod has a new one.
      rmSync(sentinelConfig(pod), { force: true });
      writeFileSync(sentinelConfig(pod), `${sentinelLines(pod, master, options).join('\n')}\n`);
      return undefined;
    },
    sidecar(pod) {
      const { redisServer } = pod.settings.tools;
      return { what: 'redis-sentinel', ...redisServer, args: [sentinelConfig(pod), '--sentinel'] };
    },
  };
}

function sentinelConfig({ files }: PodContext): string {
  return join(files.configDir, 'sentinel.conf');
}

function sentinelLines(
  { identity, settings }: PodContext,
  master: RedisTarget,
  options: RedisSentinelOptions,
): string[] {
  const { masterName: name, replicas, sentinelPort } = settings;
  const { downAfterMs, failoverTimeoutMs = Math.max(5000, 5 * downAfterMs) } = options;
  return [
    `port ${sentinelPort}`,
    'protected-mode no',
    `sentinel announce-ip ${identity.ip}`,
    `sentinel monitor ${name} ${master.host} ${master.port} ${Math.floor(replicas / 2) + 1}`,
    `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
    `sentinel failover-timeout ${name} ${failoverTimeoutMs}`,
  ];
}

async function masterFor({ identity, settings, otherSidecars }: PodContext): Promise<RedisTarget> {
  const answers = await Promise.allSettled(otherSidecars.map((target) => askForMaster(target, settings.masterName)));
  for (const answer of answers) if (answer.status === 'fulfilled' && answer.value !== undefined) return answer.value;
  // Nobody knows. Pods are started one after the other, so this is the first one.
  return { host: identity.ip, port: settings.redisPort };
}

async function askForMaster(target: RedisTarget, name: string): Promise<RedisTarget | undefined> {
  const commander = new RedisCommander(target, ASK_TIMEOUT_MS);
  try {
    const answer = await commander.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name);
    if (!Array.isArray(answer) || answer.length !== 2) return undefined;
    return { host: String(answer[0]), port: Number(answer[1]) };
  } finally {
    commander.close();
  }
}

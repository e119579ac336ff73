import type { RedisTarget } from './redis-client.ts';
import type { Bundles, Tools } from './tools.ts';

/** Whether, and how long after an exit, the kubelet starts a container again. */
export interface RestartPolicy {
  readonly restartPolicy: 'always' | 'never';
  /** Used when `restartPolicy` is `always`. */
  readonly redisRestartDelayMs: number;
  readonly sidecarRestartDelayMs: number;
}

/** What all pods of a cluster have in common. */
export interface PodSettings extends RestartPolicy {
  readonly tools: Tools;
  readonly bundles: Bundles;
  readonly service: string;
  readonly namespace: string;
  /** `--replicas`: N, whether or not that many pods run. See `Cluster.setReplicas`. */
  replicas: number;
  /** What `--replicas` says when that is no number. */
  readonly replicasFlag?: string | undefined;
  readonly redisPort: number;
  readonly sentinelPort: number;
  readonly masterName: string;
  /** `--dns-servers`; undefined: what /etc/resolv.conf says. */
  readonly dnsServers: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Extra lines of the user's own redis.conf. */
  readonly baseConfig: readonly string[];
  readonly makeSlaveFlags: readonly string[];
  readonly sentinelFlags: readonly string[];
}

/** Where the Redis of a pod with this address is. */
export function redisTargetOf({ redisPort: port, username, password }: PodSettings, ip: string): RedisTarget {
  return { host: ip, port, username, password };
}

/** Where the sidecar of a pod with this address is. */
export function sidecarTargetOf({ sentinelPort: port, username, password }: PodSettings, ip: string): RedisTarget {
  return { host: ip, port, username, password };
}

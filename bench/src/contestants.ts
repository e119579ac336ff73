import {
  SENTINEL_MICRO,
  TestkitError,
  findTool,
  redisSentinel,
  redisSentinelWith,
  sentinelMicro,
  type PodProgram,
  type System,
} from '@sentinel-micro/testkit';

/** Somebody who takes part in a measure. */
export interface Contestant {
  readonly name: string;
  readonly system: System;
  readonly pods?: number;
  /** Readings in each round, where one of it takes much less time than one of the others. Default 1. */
  readonly turns?: number;
  /**
   * Its writers subscribe to +switch-master (ioredis's `failoverDetector`, off by default), instead of looking for a master only when
   * their connection ends.
   */
  readonly listens?: boolean;
}

/** The name under which sentinel-micro with its defaults is found in all tables. */
export const OURS = 'sentinel-micro';

const OWN_NAMESPACE = ['--pid', '--fork', '--kill-child', '--mount-proc', '--'];

/** For measures in which it makes no difference whether the sidecar sees the process of its Redis; it does. */
export const ours: Contestant = { name: OURS, system: SENTINEL_MICRO };

/** A sidecar in a process namespace of its own, as each container has one unless its pod says `shareProcessNamespace`. */
const apart: PodProgram = {
  ...sentinelMicro,
  sidecar(pod) {
    const { command, args, ...rest } = sentinelMicro.sidecar(pod);
    const unshare = findTool('unshare');
    if (unshare === undefined) throw new TestkitError('TOOLS_MISSING', 'unshare is not here');
    return { ...rest, command: unshare.command, args: [...OWN_NAMESPACE, command, ...args] };
  },
};

/** As in the examples: the sidecar does not see the process of its Redis. Takes no signal but SIGKILL. */
export const oursApart: Contestant = { name: OURS, system: { ...SENTINEL_MICRO, clusterOptions: { program: apart } } };

/** The sidecar sees the process of its Redis: `shareProcessNamespace`. */
export const oursSeeing: Contestant = { name: `${OURS} process seen`, system: SENTINEL_MICRO };

/** sentinel-micro with these flags of the sidecar. */
export function oursWith(name: string, sentinelFlags: readonly string[]): Contestant {
  return { name: `${OURS} ${name}`, system: { ...SENTINEL_MICRO, clusterOptions: { sentinelFlags } } };
}

/** Real redis-sentinel, one beside each Redis, with this `down-after-milliseconds`. */
export function theirs(downAfterMs: number): Contestant {
  return { name: theirName(downAfterMs), system: redisSentinelWith(downAfterMs) };
}

/** The same, and Redis refuses writes while it has no replica (`min-replicas-to-write 1`, the other settings as they are by default). */
export function theirsWithReplicas(downAfterMs: number): Contestant {
  const system = redisSentinelWith(downAfterMs);
  const program = redisSentinel({ downAfterMs, redisConfig: ['min-replicas-to-write 1'] });
  return {
    name: `${theirName(downAfterMs)} min-replicas 1`,
    system: { ...system, clusterOptions: { ...system.clusterOptions, program } },
  };
}

/** The same contestant, with writers that subscribe to +switch-master. */
export function listening(contestant: Contestant): Contestant {
  return { ...contestant, listens: true };
}

export function theirName(downAfterMs: number): string {
  return `redis-sentinel ${downAfterMs}`;
}

import { DEFAULT_TIMINGS, type TimingOptions } from '@sentinel-micro/core';
import type { Random } from './random.ts';
import type { RedisSettings } from './redis-state.ts';

/** What holds for one whole run: how the set is configured, how its world is. */
export interface RunSettings {
  readonly pods: number;
  readonly timings: TimingOptions;
  readonly writeQuorum: 'auto' | 'strict' | 'off';
  readonly durability: 'available' | 'strict';
  /** replica-priority of each pod. */
  readonly priorities: readonly number[];
  readonly redis: RedisSettings;
  readonly clients: number;
  readonly writeEveryMs: number;
  readonly mostDelayMs: number;
  /** Each clock's rate is off by up to this many parts per million. */
  readonly driftPpm: number;
  readonly startSpreadMs: number;
  /** All pods find data of different age on their disks at the start. */
  readonly startsWithData: boolean;
  readonly calmMs: number;
  /** A sidecar finds what its former life has kept: the volume of the rendered config is mounted. */
  readonly remembers: boolean;
  readonly leaseStore: 'peers' | 'kubernetes';
  /** N follows the StatefulSet (statefulset.ts), instead of being told to each sidecar. */
  readonly isResizable?: boolean;
}

const TIMINGS: readonly TimingOptions[] = [
  DEFAULT_TIMINGS,
  DEFAULT_TIMINGS,
  { leaseMs: 1000, guardMs: 150, heartbeatMs: 100, downAfterMs: 500, dataWaitMs: 1500 },
  { leaseMs: 3000, guardMs: 300, heartbeatMs: 500, downAfterMs: 1500, dataWaitMs: 3000 },
];

/** Draws the settings of one seed. */
export function drawSettings(random: Random, pods: number): RunSettings {
  const hasPriorities = random.chance(0.3);
  const isSlow = random.chance(0.2);
  return {
    pods,
    timings: random.pick(TIMINGS),
    writeQuorum: random.pick(['auto', 'auto', 'auto', 'strict', 'off']),
    durability: random.pick(['available', 'available', 'strict']),
    priorities: Array.from({ length: pods }, () => (hasPriorities ? random.pick([0, 1, 50, 100, 100]) : 100)),
    redis: {
      maxLagSeconds: random.pick([1, 2, 2, 10]),
      backlogBytes: random.pick([1_000_000, 1_000_000, 3000]),
      replTimeoutMs: random.pick([60_000, 60_000, 10_000]),
      leastSyncMs: 5,
      mostSyncMs: random.pick([20, 200, 3000]),
      mostLoadMs: random.pick([5, 100, 2000]),
      hasPassword: random.chance(0.5),
    },
    clients: random.int(1, 3),
    writeEveryMs: random.pick([20, 50, 150]),
    mostDelayMs: isSlow ? random.pick([20, 60]) : random.pick([0.5, 1, 3]),
    driftPpm: random.pick([0, 500, 500]),
    startSpreadMs: random.pick([10, 300, 3000]),
    startsWithData: random.chance(0.15),
    calmMs: random.chance(0.2) ? 60_000 : 10_000,
    remembers: false,
    leaseStore: 'peers',
  };
}

/** Which server it is, as far as replication shows it, and whether it waits for more replicas before a full sync. */
export function drawRedisHabits(random: Random, mayDelaySyncs: boolean): Partial<RedisSettings> {
  const syncDelayMs = random.pick([0, 0, 0, 0, 5000]);
  return {
    syncDelayMs: mayDelaySyncs ? syncDelayMs : 0,
    hasRdbChannel: random.chance(0.3),
    countsAlone: random.chance(0.3),
  };
}

import type { Outcome, OwnAction, RedisSample } from '@sentinel-micro/core';
import type { Clock } from './clock.ts';
import { OperationError } from './errors.ts';
import { connectRedis, type RedisConnection, type RedisTarget, type RedisTimeouts } from './redis-connection.ts';
import { askInfo } from './redis-info.ts';
import { carryOut } from './redis-orders.ts';

/** How soon a Redis that refuses connections is tried again, in milliseconds: one SYN on the own host. */
const RECONNECT_MS = 25;

export interface OwnRedisOptions {
  readonly target: RedisTarget;
  readonly timeouts: RedisTimeouts;
  /** How often INFO is asked, in milliseconds. */
  readonly sampleEveryMs: number;
  readonly clock: Clock;
  /** `minReplicas` is min-replicas-to-write as read on a new connection; null when it was not asked. */
  readonly onSample: (sample: RedisSample, minReplicas: number | null) => void;
}

export interface OwnRedis {
  execute(action: OwnAction): Promise<Outcome>;
  /** Asks for INFO now; the answer comes through `onSample`. */
  sample(): void;
  stop(): void;
}

function sampleOf(error: unknown): RedisSample {
  if (!(error instanceof OperationError)) return { outcome: 'silent' };
  if (error.code === 'ECONNREFUSED') return { outcome: 'refused' };
  if (error.code === 'TIMEOUT' || error.code === 'CLOSED' || error.code.startsWith('E')) return { outcome: 'silent' };
  return { outcome: 'error', code: error.code };
}

async function readMinReplicas(connection: RedisConnection): Promise<number | null> {
  const answer = await connection.call('CONFIG', 'GET', 'min-replicas-to-write').catch(() => null);
  const value = Array.isArray(answer) ? Number(answer[1]) : Number.NaN;
  return Number.isInteger(value) ? value : null;
}

/**
 * Watches the Redis of this pod through one lasting connection. That it died is known when the socket closes and
 * reconnecting is refused, not by a timer.
 */
export function watchOwnRedis(options: OwnRedisOptions): OwnRedis {
  let connection: RedisConnection | null = null;
  let stopped = false;
  const isStopped = (): boolean => stopped;
  let isSampling = false;
  let retryTimer: NodeJS.Timeout | null = null;

  async function sampleOnce(on: RedisConnection, minReplicas: number | null = null): Promise<void> {
    if (isSampling) return;
    isSampling = true;
    const sample = await askInfo(on).then(
      (info): RedisSample => ({ outcome: 'info', info }),
      (error: unknown) => (on.isOpen ? sampleOf(error) : null),
    );
    isSampling = false;
    // A connection that closed is looked into by reconnecting: the answer to that is a fact.
    if (sample !== null && !isStopped()) options.onSample(sample, minReplicas);
  }

  async function connect(): Promise<void> {
    if (isStopped()) return;
    try {
      const opened = await connectRedis(options.target, options.timeouts);
      connection = opened;
      opened.onClose(() => {
        if (connection === opened) connection = null;
        void connect();
      });
      await sampleOnce(opened, await readMinReplicas(opened));
    } catch (error) {
      if (isStopped()) return;
      options.onSample(sampleOf(error), null);
      retryTimer = setTimeout(() => void connect(), RECONNECT_MS);
    }
  }

  const sampleTimer = setInterval(() => {
    if (connection !== null) void sampleOnce(connection);
  }, options.sampleEveryMs);
  void connect();

  return {
    async execute(action) {
      if (connection === null) return { ok: false, error: 'not connected to the own Redis', late: false };
      return await carryOut(connection, options.clock, action);
    },
    sample() {
      if (connection !== null) void sampleOnce(connection);
    },
    stop() {
      stopped = true;
      clearInterval(sampleTimer);
      if (retryTimer !== null) clearTimeout(retryTimer);
      connection?.close();
    },
  };
}

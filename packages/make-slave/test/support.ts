import { asPodName, type BootstrapDecision } from '@sentinel-micro/core';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseConfig, type MakeSlaveConfig } from '../src/config.ts';

/** What yargs makes of the fewest flags that make-slave can be started with. */
export const MINIMAL_FLAGS = {
  service: 'redis',
  namespace: 'shop',
  replicas: '3',
  'pod-name': 'redis-0',
  'pod-ip': '10.0.0.10',
  'redis-port': 6379,
  port: 26379,
  'master-name': 'mymaster',
  'write-quorum': 'auto',
  output: '/redis-config/redis.conf',
  'probe-timeout-ms': 500,
  print: false,
  'log-level': 'info',
  'log-format': 'json',
} as const;

export function configOf(change: Readonly<Record<string, unknown>> = {}): MakeSlaveConfig {
  return parseConfig({ ...MINIMAL_FLAGS, ...change });
}

export const LIMBO: BootstrapDecision = { kind: 'limbo', reason: 'nobody is there' };

export function replicaOf(ip: string): BootstrapDecision {
  return {
    kind: 'replica',
    master: { ip, port: 6379, pod: asPodName('redis-1') },
    term: null,
    reason: 'it is the one',
  };
}

/** A folder that is there during `use`. */
export async function withFolder<Result>(use: (folder: string) => Promise<Result> | Result): Promise<Result> {
  const folder = mkdtempSync(path.join(tmpdir(), 'make-slave-test-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

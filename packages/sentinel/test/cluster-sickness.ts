import { expect } from '@jest/globals';
import type { Cluster, Pod } from '@sentinel-micro/testkit';
import { GRANT_MS, settled } from './cluster-helpers.ts';

/** The default of --down-after-ms. */
const DOWN_AFTER_MS = 1000;
/** Longer than whatever a hung master is waited for, and its lease. */
export const SICK_MS = DOWN_AFTER_MS + GRANT_MS + 500;

/** The last word of the sidecar on a Redis that was sick. */
export const WELL = 'Redis of this pod is well again';

interface Place {
  readonly master: string;
  readonly term: number;
  readonly pid: number | undefined;
}

/** Where the master is: the same place means that nothing was moved and nothing was killed. */
export async function place(cluster: Cluster): Promise<Place> {
  const { master, term } = await settled(cluster);
  return { master: master.name, term, pid: master.redisPid };
}

/** What the sidecar has logged as one of these events, the oldest first. */
export function texts(pod: Pod, ...events: readonly string[]): string[] {
  const lines = pod.sidecarLog(100_000).filter(({ event }) => events.includes(String(event)));
  return lines.map(({ message }) => String(message));
}

/** What the sidecar has said of a Redis that answers. */
export function news(pod: Pod): string[] {
  return texts(pod, 'redis-sick', 'redis-well');
}

/** The error that a client is told, or what it is told instead. */
export async function answerTo(pod: Pod, ...command: [string, ...string[]]): Promise<string> {
  return pod.command(...command).then(String, (error: unknown) => (error as Error).message);
}

/** What the runbook advises for a master that refuses writes. */
export async function switchFrom(cluster: Cluster, master: Pod): Promise<void> {
  expect(await master.sidecarCommand('SENTINEL', 'SWITCHOVER', 'mymaster')).toMatch(/^OK/);
  const after = await settled(cluster);
  expect(after.master).not.toBe(master);
  expect(await answerTo(after.master, 'SET', 'k', 'v')).toBe('OK');
}

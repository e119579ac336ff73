import { logged, type Cluster } from '@sentinel-micro/testkit';
import type { Readings } from './measure.ts';

/** The steps of a failover in their order, each from the step before it, the first from the fault. */
export const PHASES: readonly { readonly name: string; readonly title: string; readonly event: string }[] = [
  { name: 'detect', title: 'detect: the old master\u2019s sidecar gives the lease back', event: 'lease-released' },
  { name: 'lease', title: 'lease: a majority has granted it', event: 'lease-won' },
  { name: 'freeze', title: 'freeze: enough pods are detached, the best is chosen', event: 'candidate' },
  { name: 'promote', title: 'promote: its Redis is a master', event: 'promoted' },
];

/** From the promotion until the writer has its first acknowledgement. */
export const LAST_PHASE = { name: 'reconnect', title: 'reconnect: the writer has found it, and writes' };

/**
 * How long each step of a failover took, by what the sidecars have logged with times in whole milliseconds.
 * @param atMs when the fault began, on the wall clock of the sidecars
 * @param writableMs from the fault until the first write
 * @returns milliseconds by phase; nothing where a step is missing, i.e. where the failover went another way
 */
export function phasesOf(cluster: Cluster, atMs: number, writableMs: number): Readings {
  const lines = logged(cluster.pods, ...PHASES.map(({ event }) => event));
  const entries: [string, number][] = [];
  let fromMs = Math.floor(atMs);
  for (const { name, event } of PHASES) {
    const times = lines.filter((line) => line['event'] === event).map((line) => Date.parse(String(line['timestamp'])));
    const reachedMs = Math.min(...times.filter((ms) => ms >= fromMs));
    if (!Number.isFinite(reachedMs)) return {};
    entries.push([name, reachedMs - fromMs]);
    fromMs = reachedMs;
  }
  entries.push([LAST_PHASE.name, Math.max(0, Math.floor(atMs) + writableMs - fromMs)]);
  return Object.fromEntries(entries);
}

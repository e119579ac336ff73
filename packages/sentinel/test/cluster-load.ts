import { expect } from '@jest/globals';
import { checkHistory, nowMs, type Cluster, type Writer } from '@sentinel-micro/testkit';
import { LEASE_MS, settled, startWriter } from './cluster-helpers.ts';

const WRITERS = 10;

/** Ten writers like those of an application, whom a pod that goes by plan costs nothing. */
export class Load {
  readonly #cluster: Cluster;
  readonly #startedAtMs = nowMs();
  readonly #writers: readonly Writer[];

  /** @param name no two loads of one set have the same: it is part of their keys */
  constructor(cluster: Cluster, name: string) {
    this.#cluster = cluster;
    this.#writers = Array.from({ length: WRITERS }, (_value, index) =>
      startWriter(cluster, { keyPrefix: `writer-${name}-${String(index)}`, intervalMs: 5 }),
    );
  }

  /** Waits until each writer has written: what follows then happens to all of them. */
  async isOn(): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.waitForSuccess(LEASE_MS)));
  }

  /** Ends it: nothing that was acknowledged is lost, and no writer was without success for as long as a lease. */
  async expectUnharmed(): Promise<void> {
    const endedAtMs = nowMs();
    const histories = await Promise.all(this.#writers.map((writer) => writer.stop()));
    const { master } = await settled(this.#cluster);
    for (const history of histories) {
      const report = await checkHistory(history, master.redisTarget);
      expect(report).toMatchObject({ lostAcknowledged: 0, refusedButPresent: 0 });
      expect(report.acknowledged).toBeGreaterThan(0);
      expect(history.longestGapMs(this.#startedAtMs, endedAtMs)).toBeLessThan(LEASE_MS);
    }
  }
}

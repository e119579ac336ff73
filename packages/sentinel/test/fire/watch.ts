import { nowMs, openFiles, residentMiB, sleep, type Cluster, type Pod } from '@sentinel-micro/testkit';

const EVERY_MS = 100;

/** Resident memory of the pod's sidecar, in MiB; 0 when it is not there. */
export function sidecarMiB({ sidecarPid }: Pod): number {
  if (sidecarPid === undefined) return 0;
  try {
    return residentMiB(sidecarPid);
  } catch {
    return 0;
  }
}

/** Files and sockets that the pod's sidecar has open; 0 when it was not started. */
export function sidecarFiles({ sidecarPid }: Pod): number {
  return sidecarPid === undefined ? 0 : openFiles(sidecarPid);
}

/** Watches the sidecars of a set: their memory, and how long they take to answer somebody who asks politely. */
export class Watch {
  readonly #cluster: Cluster;
  readonly #finished: Promise<void>;
  readonly answersMs: number[] = [];
  /** The most that any sidecar had, look by look. */
  readonly memoryMiB: number[] = [];
  unanswered = 0;
  #isOver = false;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#finished = this.#run();
  }

  /** The most that any sidecar had between these two shares of the time. */
  mostMiB(from = 0, to = 1): number {
    const count = this.memoryMiB.length;
    return Math.round(Math.max(0, ...this.memoryMiB.slice(Math.floor(count * from), Math.ceil(count * to))));
  }

  /** The given share of the answers came within so many milliseconds. */
  answeredWithinMs(share: number): number {
    const sorted = this.answersMs.toSorted((a, b) => a - b);
    return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Infinity);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#finished;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      this.memoryMiB.push(Math.max(...this.#cluster.pods.map(sidecarMiB)));
      for (const pod of this.#cluster.pods) {
        const startMs = nowMs();
        try {
          await pod.sidecarCommand('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster');
          this.answersMs.push(nowMs() - startMs);
        } catch {
          this.unanswered += 1;
        }
      }
      await sleep(EVERY_MS);
    }
  }
}

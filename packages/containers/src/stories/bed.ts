import {
  Prober,
  Writer,
  checkHistory,
  nowMs,
  sleep,
  waitUntil,
  waitUntilTrue,
  type HistoryReport,
} from '@sentinel-micro/testkit';
import type { Docker } from '../engine/index.ts';
import { ContainerSet, type ContainerPod, type SetOptions } from '../set/index.ts';

const PATIENCE_MS = 60_000;
/** How long everything runs untouched before the first fault, and after the last. */
const CALM_MS = 1000;
const WAIT_TIMEOUT_MS = 1000;
const MAX_WRITES = 200_000;

/** What the end of a story has shown. */
export interface Outcome {
  readonly confirmed: number;
  readonly confirmedLost: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly refusedButPresent: number;
  readonly overlapMs: number;
  /** From the first fault until a write was acknowledged again; null when none failed. */
  readonly writableAfterMs: number | null;
}

/** A set of containers on which two writers write, and an observer: what a story does its faults with. */
export class Bed {
  readonly docker: Docker;
  readonly set: ContainerSet;
  /** The master before the first fault. */
  readonly master: ContainerPod;
  readonly prober: Prober<ContainerPod>;
  readonly wrong: string[] = [];
  readonly timeline: { readonly atMs: number; readonly what: string }[] = [];
  readonly #plain: Writer;
  readonly #wait: Writer;
  #faultAtMs: number | undefined;
  #overlapMs = 0;

  /** A whole set, written to. @throws TestkitError; nothing is left of it then. */
  static async start(options: SetOptions): Promise<Bed> {
    const set = await ContainerSet.create(options);
    try {
      await set.start();
      const master = await set.whole(PATIENCE_MS);
      const bed = new Bed(options.docker, set, master);
      await bed.writes();
      await bed.watched(master);
      await sleep(CALM_MS);
      return bed;
    } catch (error) {
      await set.remove();
      throw error;
    }
  }

  private constructor(docker: Docker, set: ContainerSet, master: ContainerPod) {
    this.docker = docker;
    this.set = set;
    this.master = master;
    this.prober = new Prober(set.pods);
    const sentinels = set.pods.map((pod) => pod.sidecarTarget);
    const usual = { sentinels, masterName: 'mymaster', maxWrites: MAX_WRITES, intervalMs: 2 };
    const wait = { replicas: Math.floor(set.replicas / 2), timeoutMs: WAIT_TIMEOUT_MS };
    this.#plain = Writer.start({ ...usual, keyPrefix: 'plain' });
    this.#wait = Writer.start({ ...usual, keyPrefix: 'wait', wait });
  }

  /** Does something to the set; the first time, times are counted from here. */
  async fault(what: string, act: () => Promise<unknown>): Promise<void> {
    this.#faultAtMs ??= nowMs();
    this.note(what);
    await act();
  }

  note(what: string): void {
    this.timeline.push({ atMs: nowMs(), what });
  }

  /** Something that has to be so. `sentence` says what is wrong when it is not. */
  check(isSo: boolean, sentence: string): void {
    if (isSo) return;
    this.note(`WRONG: ${sentence}`);
    this.wrong.push(sentence);
  }

  /** An overlap that the observer could not see. */
  overlapped(forMs: number): void {
    this.#overlapMs = Math.max(this.#overlapMs, forMs);
  }

  /** Waits until both writers write, from now on. @throws TestkitError TIMEOUT */
  async writes(): Promise<void> {
    const fromMs = nowMs();
    const both = (): boolean =>
      [this.#plain, this.#wait].every(({ history }) => history.firstSuccessAfter(fromMs) !== undefined);
    await waitUntilTrue(both, { what: 'both writers to write', timeoutMs: PATIENCE_MS });
  }

  /** Waits until the observer sees this pod take writes. @throws TestkitError TIMEOUT */
  async watched(pod: ContainerPod): Promise<void> {
    await waitUntilTrue(() => this.prober.isTaking(pod), {
      what: `${pod.name} to take writes`,
      timeoutMs: PATIENCE_MS,
    });
  }

  /** Waits until another pod than this one takes writes, and a while longer. @throws TestkitError TIMEOUT */
  async replaced(old: ContainerPod = this.master): Promise<ContainerPod> {
    const others = this.set.others(old);
    const found = await waitUntil(() => others.find((pod) => this.prober.isTaking(pod)), {
      what: `another master than ${old.name}`,
      timeoutMs: PATIENCE_MS,
    });
    this.note(`${found.name} takes writes`);
    await sleep(CALM_MS);
    return found;
  }

  /** Waits for one master with all others behind it. @throws TestkitError TIMEOUT */
  async whole(): Promise<ContainerPod> {
    const master = await this.set.whole(PATIENCE_MS);
    this.note(`the set is whole, ${master.name} is master`);
    return master;
  }

  /** Ends the writers when the set is whole, and reads everything back. @throws TestkitError */
  async conclude(): Promise<Outcome> {
    await this.whole();
    await this.writes();
    await sleep(CALM_MS);
    await Promise.all([this.#plain.stop(), this.#wait.stop()]);
    await this.prober.stop();
    const master = await this.whole();
    const plain = await checkHistory(this.#plain.history, master.redisTarget);
    const wait = await checkHistory(this.#wait.history, master.redisTarget);
    const sum = (field: 'acknowledged' | 'lostAcknowledged' | 'refusedButPresent'): number =>
      plain[field] + wait[field];
    await this.#caughtUp(master);
    this.#checkReplicas(await this.#sizes());
    const faultAtMs = this.#faultAtMs;
    return {
      ...confirmedOf(wait),
      ...{ acknowledged: sum('acknowledged'), lost: sum('lostAcknowledged') },
      refusedButPresent: sum('refusedButPresent'),
      overlapMs: Math.max(this.#overlapMs, this.prober.overlapMs()),
      writableAfterMs: faultAtMs === undefined ? null : (this.#plain.history.writableAfterMs(faultAtMs) ?? null),
    };
  }

  /** Ends everything. Never throws. */
  async stop(): Promise<void> {
    await Promise.allSettled([this.#plain.stop(), this.#wait.stop(), this.prober.stop()]);
    await this.set.remove();
  }

  /**
   * Waits until the replicas have all that the master has. One that was cut off and has its address again goes on with its old connection,
   * whose link never counted as down, when TCP tries again: some seconds later. @throws TestkitError TIMEOUT
   */
  async #caughtUp(master: ContainerPod): Promise<void> {
    const { offset } = await master.role();
    const haveAll = async (): Promise<boolean> => {
      const roles = await Promise.all(this.set.others(master).map((pod) => pod.role().catch(() => undefined)));
      return roles.every((role) => role !== undefined && role.offset >= offset);
    };
    await waitUntilTrue(haveAll, { what: `all replicas to have what ${master.name} has`, timeoutMs: PATIENCE_MS });
  }

  #sizes(): Promise<number[]> {
    return Promise.all(this.set.pods.map(async (pod) => Number(await pod.command('DBSIZE'))));
  }

  #checkReplicas(sizes: readonly number[]): void {
    this.check(new Set(sizes).size === 1, `the pods have different numbers of keys: ${sizes.join(', ')}`);
  }
}

function confirmedOf(report: HistoryReport): Pick<Outcome, 'confirmed' | 'confirmedLost'> {
  return { confirmed: report.confirmed, confirmedLost: report.lostConfirmed };
}

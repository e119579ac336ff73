import {
  RedisCommander,
  TestkitError,
  keysOf,
  waitForReplicas,
  type Cluster,
  type History,
  type Pod,
  type WriteRecord,
} from '@sentinel-micro/testkit';
import type { Tally } from './result.ts';

const BATCH_SIZE = 500;
const READ_TIMEOUT_MS = 10_000;
const CATCH_UP_TIMEOUT_MS = 30_000;
const FIRST_LOST_LIMIT = 5;

/** What reading everything back from every pod has shown. */
export interface ReadBack {
  /** By writer. */
  readonly tallies: ReadonlyMap<string, Tally>;
  /** Keys of which a replica has another value than the master, or none. */
  readonly disagreements: number;
  /** Keys per pod; the same everywhere when all is well. */
  readonly sizes: readonly number[];
  /** The first confirmed writes that are not there, for messages. */
  readonly firstLost: readonly WriteRecord[];
}

/**
 * Reads every value that a writer has tried to write from the master and from all replicas. The writers must have ended.
 * @throws TestkitError TIMEOUT when a replica does not catch up with the master, NOT_CONNECTED, BAD_ANSWER.
 */
export async function readBack(
  cluster: Cluster,
  master: Pod,
  histories: ReadonlyMap<string, History>,
): Promise<ReadBack> {
  const replicas = cluster.podsExcept(master);
  await waitForReplicas(cluster, master, CATCH_UP_TIMEOUT_MS);
  const commanders = [master, ...replicas].map((pod) => new RedisCommander(pod.redisTarget, READ_TIMEOUT_MS));
  try {
    const tallies = new Map<string, Tally>();
    const firstLost: WriteRecord[] = [];
    let disagreements = 0;
    for (const [writer, { records }] of histories) {
      const counter = new Counter();
      for (let start = 0; start < records.length; start += BATCH_SIZE) {
        const batch = records.slice(start, start + BATCH_SIZE);
        const [values = [], ...others] = await Promise.all(commanders.map((commander) => valuesOf(commander, batch)));
        for (const [index, record] of batch.entries()) {
          counter.add(record, values[index] === record.value);
          if (others.some((other) => other[index] !== values[index])) disagreements++;
        }
      }
      tallies.set(writer, counter.tally());
      firstLost.push(...counter.confirmedLost);
    }
    const sizes = await Promise.all(commanders.map(keysOf));
    return { tallies, disagreements, sizes, firstLost: firstLost.slice(0, FIRST_LOST_LIMIT) };
  } finally {
    for (const commander of commanders) commander.close();
  }
}

/** Counts what became of one writer's writes. */
class Counter {
  readonly confirmedLost: WriteRecord[] = [];
  #acknowledged = 0;
  #confirmed = 0;
  #unknown = 0;
  #lost = 0;
  #refusedButPresent = 0;

  add(record: WriteRecord, isPresent: boolean): void {
    const isConfirmed = record.outcome === 'confirmed';
    const isAcknowledged = record.acknowledgedAtMs !== undefined;
    if (isAcknowledged) this.#acknowledged++;
    if (isConfirmed) this.#confirmed++;
    if (record.outcome === 'unknown') this.#unknown++;
    if (isAcknowledged && !isPresent) this.#lost++;
    if (isConfirmed && !isPresent) this.confirmedLost.push(record);
    if (record.outcome === 'refused' && isPresent) this.#refusedButPresent++;
  }

  tally(): Tally {
    return {
      acknowledged: this.#acknowledged,
      confirmed: this.#confirmed,
      unknown: this.#unknown,
      lost: this.#lost,
      confirmedLost: this.confirmedLost.length,
      refusedButPresent: this.#refusedButPresent,
    };
  }
}

async function valuesOf(commander: RedisCommander, batch: readonly WriteRecord[]): Promise<readonly unknown[]> {
  const [first = '', ...rest] = batch.map(({ key }) => key);
  const values = await commander.command('MGET', first, ...rest);
  if (Array.isArray(values) && values.length === batch.length) return values as readonly unknown[];
  throw new TestkitError('BAD_ANSWER', `MGET was answered with ${JSON.stringify(values).slice(0, 200)}`);
}

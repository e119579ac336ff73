import { TestkitError } from './errors.ts';
import { RedisCommander, type RedisTarget } from './redis-client.ts';

/**
 * What the writer knows of one write:
 *
 * - confirmed: acknowledged, and WAIT reported enough replicas
 * - acknowledged: answered with OK; whether a replica has it is not known
 * - refused: certainly not done (an error reply, or never sent)
 * - unknown: sent, and no answer came
 */
export type WriteOutcome = 'confirmed' | 'acknowledged' | 'refused' | 'unknown';

export interface WriteRecord {
  readonly key: string;
  readonly value: string;
  /** On the clock of `nowMs`, as all times here. */
  readonly startedAtMs: number;
  /** When the SET itself was answered with OK; undefined when it was not. */
  readonly acknowledgedAtMs: number | undefined;
  readonly endedAtMs: number;
  readonly outcome: WriteOutcome;
  /** Why it was refused, not confirmed or left unknown. */
  readonly reason: string | undefined;
}

/** What one writer has tried to write, in order. */
export class History {
  readonly #records: WriteRecord[] = [];
  readonly #totals: Record<WriteOutcome, number> = { confirmed: 0, acknowledged: 0, refused: 0, unknown: 0 };

  get records(): readonly WriteRecord[] {
    return this.#records;
  }

  add(record: WriteRecord): void {
    this.#records.push(record);
    this.#totals[record.outcome]++;
  }

  /** How many writes ended so since the beginning. */
  total(outcome: WriteOutcome): number {
    return this.#totals[outcome];
  }

  /** How many writes ended so, of those that started in [fromMs, toMs). */
  count(outcome: WriteOutcome, fromMs: number, toMs: number): number {
    return this.between(fromMs, toMs).filter((record) => record.outcome === outcome).length;
  }

  /** The writes that started in [fromMs, toMs). */
  between(fromMs: number, toMs: number): WriteRecord[] {
    return this.#records.filter(({ startedAtMs }) => startedAtMs >= fromMs && startedAtMs < toMs);
  }

  /** When the first write that was started at `ms` or later was acknowledged; undefined when none was. */
  firstSuccessAfter(ms: number): number | undefined {
    const first = this.#records.find((record) => record.startedAtMs >= ms && record.acknowledgedAtMs !== undefined);
    return first?.acknowledgedAtMs;
  }

  /**
   * How long after a fault at `faultMs` the writer could write again: until the first acknowledged write after the
   * first one that failed (one that succeeded before the fault took effect says nothing). When none failed until
   * `toMs`, until the first success. Undefined when there was no success since.
   */
  writableAfterMs(faultMs: number, toMs = Infinity): number | undefined {
    const failed = this.#records.find(
      (record) => record.endedAtMs >= faultMs && record.startedAtMs < toMs && record.acknowledgedAtMs === undefined,
    );
    const success = this.firstSuccessAfter(Math.max(faultMs, failed?.startedAtMs ?? faultMs));
    return success === undefined ? undefined : success - faultMs;
  }

  /** The longest time within [fromMs, toMs] in which no write was acknowledged, the edges included. */
  longestGapMs(fromMs: number, toMs: number): number {
    let longestMs = 0;
    let lastMs = fromMs;
    for (const { acknowledgedAtMs } of this.#records) {
      if (acknowledgedAtMs === undefined || acknowledgedAtMs < fromMs) continue;
      if (acknowledgedAtMs > toMs) break;
      longestMs = Math.max(longestMs, acknowledgedAtMs - lastMs);
      lastMs = acknowledgedAtMs;
    }
    return Math.max(longestMs, toMs - lastMs);
  }

  /** How often each reason for not confirming a write occurred. */
  reasons(): ReadonlyMap<string, number> {
    const reasons = new Map<string, number>();
    for (const { reason } of this.#records) {
      if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    return reasons;
  }
}

/** What reading a history back has shown. */
export interface HistoryReport {
  /** Writes answered with OK, confirmed or not. */
  readonly acknowledged: number;
  readonly confirmed: number;
  readonly refused: number;
  readonly unknown: number;
  /** Acknowledged (confirmed or not) and not there, or there with another value. */
  readonly lostAcknowledged: number;
  /** Confirmed, and not there: this must never happen while a quorum keeps its data. */
  readonly lostConfirmed: number;
  /** Refused and there all the same: a client was told the wrong thing. */
  readonly refusedButPresent: number;
  /** The keys of the lost writes, confirmed and not. */
  readonly lostKeys: ReadonlySet<string>;
  /** The first few lost writes, for messages. */
  readonly firstLost: readonly WriteRecord[];
}

const BATCH_SIZE = 500;
const READ_TIMEOUT_MS = 5000;
const FIRST_LOST_LIMIT = 10;

/**
 * Reads everything that a history says was written back from `master`, in batches. Writes added while it reads are
 * left out.
 * @throws as `RedisCommander.command`; TestkitError BAD_ANSWER.
 */
export async function checkHistory(history: History, master: RedisTarget): Promise<HistoryReport> {
  const records = [...history.records];
  const count = (outcome: WriteOutcome): number => records.filter((record) => record.outcome === outcome).length;
  const lost: WriteRecord[] = [];
  let refusedButPresent = 0;
  const commander = new RedisCommander(master, READ_TIMEOUT_MS);
  try {
    for (let start = 0; start < records.length; start += BATCH_SIZE) {
      const batch = records.slice(start, start + BATCH_SIZE);
      const values = await readBatch(commander, batch);
      for (const [index, record] of batch.entries()) {
        const present = values[index] === record.value;
        if (record.acknowledgedAtMs !== undefined && !present) lost.push(record);
        if (record.outcome === 'refused' && present) refusedButPresent++;
      }
    }
  } finally {
    commander.close();
  }
  return {
    acknowledged: records.filter((record) => record.acknowledgedAtMs !== undefined).length,
    confirmed: count('confirmed'),
    refused: count('refused'),
    unknown: count('unknown'),
    lostAcknowledged: lost.length,
    lostConfirmed: lost.filter((record) => record.outcome === 'confirmed').length,
    refusedButPresent,
    lostKeys: new Set(lost.map((record) => record.key)),
    firstLost: lost.slice(0, FIRST_LOST_LIMIT),
  };
}

async function readBatch(commander: RedisCommander, batch: readonly WriteRecord[]): Promise<readonly unknown[]> {
  const values = await commander.command('MGET', ...batch.map((record) => record.key));
  if (Array.isArray(values) && values.length === batch.length) return values as readonly unknown[];
  throw new TestkitError(
    'BAD_ANSWER',
    `MGET of ${batch.length} keys was answered with ${JSON.stringify(values).slice(0, 200)}`,
  );
}

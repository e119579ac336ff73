import {
  END_LINE,
  formatLine,
  nowMs,
  sharedClockOffsetMs,
  sleep,
  withTimeout,
  type WriteOutcome,
  type WriteRecord,
} from '@sentinel-micro/testkit';
import type { ClientOrders } from './orders.ts';
import { isErrorReply, textOf, type CreateClient, type WriteClient } from './write-client.ts';

const FIND_TIMEOUT_MS = 10_000;
/** Bounds what a run leaves in memory and on disk. */
const MAX_WRITES = 200_000;

/**
 * Writes unique values one after the other, as a simple application would: a write that fails is an error that the
 * application sees; it waits a little and goes on with the next one. Prints each write, in the form of the testkit's writers.
 */
export class Application {
  readonly #offsetMs = sharedClockOffsetMs();
  readonly #print: (line: string) => void;
  readonly #writers: { readonly name: string; readonly orders: ClientOrders; readonly client: WriteClient }[];
  #isStopping = false;

  constructor(
    orders: Readonly<Record<string, ClientOrders>>,
    create: (name: string) => CreateClient,
    print: (line: string) => void,
  ) {
    this.#print = print;
    this.#writers = Object.entries(orders).map(([name, its]) => ({
      name,
      orders: its,
      client: create(its.client)(its),
    }));
  }

  /** Says whom the client finds, and writes until `stop`. */
  async run(): Promise<void> {
    const [first] = this.#writers;
    if (first === undefined) return;
    // Whom it finds is one question; that it does not find anybody must not keep it from writing.
    try {
      const found = await withTimeout(first.client.find(), FIND_TIMEOUT_MS, 'the client to find everybody');
      this.#print(JSON.stringify({ found }));
    } catch (error) {
      this.#print(JSON.stringify({ notFound: textOf(error) }));
    }
    await Promise.all(this.#writers.map(({ name, orders, client }) => this.#write(name, orders, client)));
    await Promise.allSettled(this.#writers.map(async ({ client }) => client.close()));
    this.#print(END_LINE);
  }

  stop(): void {
    this.#isStopping = true;
  }

  async #write(name: string, orders: ClientOrders, client: WriteClient): Promise<void> {
    const mark = `${process.pid}-${Math.round(nowMs())}`;
    for (let n = 0; n < MAX_WRITES && !this.#isStopping; n++) {
      const record = await writeOne(client, orders, `${orders.keyPrefix}:${n}`, `${mark}-${n}`);
      this.#print(formatLine(name, record, this.#offsetMs));
      await sleep(record.acknowledgedAtMs === undefined ? orders.pauseAfterErrorMs : orders.intervalMs);
    }
  }
}

async function writeOne(client: WriteClient, orders: ClientOrders, key: string, value: string): Promise<WriteRecord> {
  const { wait, patienceMs } = orders;
  const startedAtMs = nowMs();
  const record = (outcome: WriteOutcome, isAcknowledged: boolean, reason?: string): WriteRecord => {
    const endedAtMs = nowMs();
    const acknowledgedAtMs = isAcknowledged ? endedAtMs : undefined;
    return { key, value, startedAtMs, acknowledgedAtMs, endedAtMs, outcome, reason };
  };
  try {
    if (wait === undefined) {
      await withTimeout(client.set(key, value), patienceMs, 'the client to end a write');
      return record('acknowledged', true);
    }
    const waited = await withTimeout(client.setAndWait(key, value, wait), patienceMs, 'the client to end a write');
    if (waited.replicas >= wait.replicas) return record('confirmed', true);
    return record('acknowledged', true, waited.reason ?? `WAIT reported ${waited.replicas} replicas`);
  } catch (error) {
    return record(isErrorReply(error) ? 'refused' : 'unknown', false, textOf(error));
  }
}

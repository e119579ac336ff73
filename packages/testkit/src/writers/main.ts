// A process of writers, for a host of its own: `node writer.mjs ORDERS.json`. Prints each write; SIGTERM ends it.
import { readFileSync } from 'node:fs';
import { Writer } from '../writer.ts';
import { END_LINE, formatLine, sharedClockOffsetMs, type WriterOrders } from './protocol.ts';

const [, , ordersFile = ''] = process.argv;
const orders = JSON.parse(readFileSync(ordersFile, 'utf8')) as WriterOrders;
const offsetMs = sharedClockOffsetMs();

const writers = Object.entries(orders).map(([name, options]) =>
  Writer.start({
    ...options,
    onRecord: (record) => process.stdout.write(`${formatLine(name, record, offsetMs)}\n`),
  }),
);

async function end(): Promise<void> {
  await Promise.all(writers.map((writer) => writer.stop()));
  process.stdout.write(`${END_LINE}\n`);
}

process.once('SIGTERM', () => {
  end().catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});

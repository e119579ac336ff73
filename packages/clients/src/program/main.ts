// An application of one client library: `node client.mjs ORDERS.json`. Prints whom it finds, then each write; SIGTERM ends it.
import { readFileSync } from 'node:fs';
import { Application } from './application.ts';
import { createFor } from './create.ts';
import type { ClientOrders } from './orders.ts';

const [, , ordersFile = ''] = process.argv;
const orders = JSON.parse(readFileSync(ordersFile, 'utf8')) as Record<string, ClientOrders>;
const application = new Application(orders, createFor, (line) => process.stdout.write(`${line}\n`));
process.once('SIGTERM', () => application.stop());

application.run().then(
  // Some clients leave timers behind.
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);

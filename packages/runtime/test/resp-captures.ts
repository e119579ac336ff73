import { connect, createServer } from 'node:net';
import { asPodName, type PeerRequest, type PeerStatus } from '@sentinel-micro/core';
import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { array, bulk, bulks, encodeMessage, integer, OK, PeerTransport, serveResp, simple } from '../src/index.ts';
import type { CommandHandler, Reply } from '../src/index.ts';
import { requests, status } from './peer-arbitraries.ts';
import { until, type Place } from './support.ts';

const PORT = 26379;
const SEED = 7;

/** What a client has sent over one connection, as it came. */
export type Capture = readonly Buffer[];

const [oneStatus] = fc.sample(status, { numRuns: 1, seed: SEED }) as [PeerStatus];
/** One message of each kind, the same ones in every run. */
const messages: readonly PeerRequest[] = requests.flatMap(([, arbitrary]) =>
  fc.sample(arbitrary, { numRuns: 1, seed: SEED }),
);

function confirmations(kind: string, names: readonly string[], session: Parameters<CommandHandler>[0]): Reply {
  for (const name of names) session.push({ type: 'push', items: [bulk(kind), bulk(name), integer(1)] });
  return { type: 'none' };
}

/** As much of a sidecar's port as clients need to go on talking. */
function answer(session: Parameters<CommandHandler>[0], words: readonly string[]): Reply {
  const [command = '', subcommand] = words.map((word) => word.toUpperCase());
  switch (command) {
    case 'PEER':
      return bulk(encodeMessage(oneStatus));
    case 'SENTINEL':
      return subcommand === 'GET-MASTER-ADDR-BY-NAME' ? bulks(['192.0.2.1', '6379']) : array([]);
    case 'SUBSCRIBE':
    case 'PSUBSCRIBE':
      return confirmations(command.toLowerCase(), words.slice(1), session);
    case 'INFO':
      return bulk('redis_mode:sentinel\r\n');
    case 'PING':
      return simple('PONG');
    default:
      return OK;
  }
}

/** Stands between a client and the port, and keeps what the client sends. */
async function recorder(place: Place): Promise<{ host: string; captures: Buffer[][] }> {
  const [host, behind] = [await place.host(PORT), await place.host(PORT)];
  place.closing(await serveResp(behind, PORT, answer), (server) => server.close());
  const captures: Buffer[][] = [];
  const proxy = createServer((client) => {
    const capture: Buffer[] = [];
    captures.push(capture);
    const server = connect({ host: behind, port: PORT });
    place.closing(client, () => client.destroy());
    client.on('data', (chunk: Buffer) => capture.push(chunk));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.pipe(other);
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen({ host, port: PORT }, resolve));
  place.closing(proxy, () => proxy.close());
  return { host, captures };
}

async function talkAsClient(host: string): Promise<void> {
  const client = new Redis({ host, port: PORT, password: 'open-sesame-7', connectionName: 'app', retryStrategy: null });
  client.on('error', () => undefined);
  await client.call('SENTINEL', 'get-master-addr-by-name', 'mymaster');
  await Promise.all([client.call('SENTINEL', 'sentinels', 'mymaster'), client.call('PING', 'größe 🧪'), client.info()]);
  await client.subscribe('+switch-master', '+sdown');
  await client.psubscribe('*');
  client.disconnect();
}

async function talkAsPeer(place: Place, host: string): Promise<void> {
  const { from, cluster } = oneStatus;
  const transport = new PeerTransport({
    self: { ...from, pod: asPodName('redis-99'), ip: '192.0.2.2' },
    cluster,
    username: undefined,
    password: 'open-sesame-7',
    timeoutMs: 2000,
    leaseMs: 4000,
    newestTerm: () => oneStatus.term,
    onMet: () => undefined,
    onLost: () => undefined,
    onTrouble: () => undefined,
  });
  place.closing(transport, () => transport.close());
  transport.learn({ ip: host, port: PORT });
  await until('the peers to meet', () => transport.connected().length === 1);
  for (const message of messages) await transport.ask(from.pod, message);
}

/** Real conversations, recorded now: a Sentinel client's, and a peer's with a message of each kind. */
export async function recordCaptures(place: Place): Promise<readonly Capture[]> {
  const { host, captures } = await recorder(place);
  await talkAsClient(host);
  await talkAsPeer(place, host);
  await place.tidy();
  return captures.filter((capture) => capture.length > 0);
}

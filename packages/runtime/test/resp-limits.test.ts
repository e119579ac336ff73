// What one connection, and all of them together, may cost: each bound on a real server.
import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import {
  bulk,
  failed,
  OK,
  serveResp,
  simple,
  type CommandHandler,
  type Reply,
  type RespServer,
  type RespServerOptions,
  type Session,
} from '../src/index.ts';
import { PORT_LIMITS } from '../src/resp-limits.ts';
import { encodeRequest, RawClient } from './raw-client.ts';
import { deferred, place, until, usePlace } from './support.ts';

const PORT = 26379;
let host: string;
let troubles: string[];

usePlace();

async function serve(handle: CommandHandler, options: RespServerOptions = {}): Promise<RespServer> {
  host = await place.host(PORT);
  troubles = [];
  const server = await serveResp(host, PORT, handle, { onTrouble: (text) => troubles.push(text), ...options });
  return place.closing(server, () => server.close());
}

/** A client, from any address of this machine. */
async function client(from?: string): Promise<RawClient> {
  return place.closing(await RawClient.connect(host, PORT, from), (raw) => raw.close());
}

const clients = (count: number, from?: string): Promise<RawClient[]> =>
  Promise.all(Array.from({ length: count }, () => client(from)));

const echo: CommandHandler = (session, words) => {
  if (words[0] === 'AUTH') session.isAuthenticated = true;
  if (words[0] === 'SUBSCRIBE') session.channels.add('c');
  if (words[0] === 'PEER') session.peer = words[1] ?? null;
  return bulk(words.join(' '));
};

const numbered = (count: number): string[][] => Array.from({ length: count }, (_, index) => ['N', String(index)]);
const isClosed = (raw: RawClient): boolean => raw.isClosed;

describe('a pipeline of any length is answered', () => {
  test('when it comes in one chunk', async () => {
    await serve(echo);
    const requests = numbered(20_000);
    const replies = await (await client()).send(...requests).replies(requests.length);
    expect(replies).toEqual(requests.map((words) => bulk(words.join(' '))));
  });

  test('also when the answers are late: no more is taken on than a bounded number', async () => {
    let open = 0;
    let most = 0;
    const full = deferred<undefined>();
    await serve(async (_session, words) => {
      most = Math.max(most, (open += 1));
      if (open === PORT_LIMITS.waiting) full.resolve(undefined);
      // So late that all that may be taken on has been.
      await full.promise;
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
      return bulk(words.join(' '));
    });
    const requests = numbered(2000);
    const replies = await (await client()).send(...requests).replies(requests.length);
    expect(replies).toEqual(requests.map((words) => bulk(words.join(' '))));
    expect(most).toBe(PORT_LIMITS.waiting);
  });

  test('and others have their turns meanwhile', async () => {
    let handled = 0;
    await serve((_session, words) => {
      if (words[0] === 'N') handled += 1;
      const endMs = performance.now() + 0.2;
      while (performance.now() < endMs);
      return OK;
    });
    const [greedy, modest] = [await client(), await client()];
    greedy.send(...numbered(5000));
    await until('the pipeline to be under way', () => handled > 0);
    for (let count = 0; count < 5; count += 1) await modest.ask('PING');
    // In the order in which they came it would have been behind all of them.
    expect(handled).toBeLessThan(2500);
  });

  test('and the loop goes around often enough to accept newcomers: one each time', async () => {
    await serve(() => {
      const endMs = performance.now() + 0.05;
      while (performance.now() < endMs);
      return OK;
    });
    const raw = await client();
    raw.discard();
    raw.send(...numbered(50_000));
    let rounds = 0;
    let isOver = false;
    const goAround = (): void => {
      rounds += 1;
      if (!isOver) setImmediate(goAround);
    };
    goAround();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    isOver = true;
    // More than 1500; with turns of 5 ms less than 200.
    expect(rounds).toBeGreaterThan(400);
  });

  test('two pipelines are served in turns, a bounded number of requests each', async () => {
    const order: number[] = [];
    const late = deferred<Reply>();
    const handle: CommandHandler = (session, words) =>
      words[0] === 'LATE' ? late.promise : (order.push(session.id), OK);
    // Both wait until all is there. Time alone would not make them take turns.
    await serve(handle, { limits: { waiting: 1, turnMs: 60_000 } });
    const both = await clients(2);
    for (const raw of both) raw.send(['LATE'], ...numbered(1000));
    await new Promise((resolve) => setTimeout(resolve, 200));
    late.resolve(OK);
    for (const raw of both) await raw.replies(1001);
    const runs = order.filter((id, index) => id !== order[index + 1]).length;
    expect(runs).toBeGreaterThanOrEqual(Math.floor(2000 / PORT_LIMITS.requestsInTurn));
  });

  test('and slow requests end a turn early', async () => {
    const busy = 500;
    await serve(
      () => {
        const endMs = performance.now() + 1;
        while (performance.now() < endMs);
        return OK;
      },
      // Their number alone would not end it.
      { limits: { requestsInTurn: 1_000_000 } },
    );
    const raw = await client();
    raw.send(...numbered(busy));
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    await raw.replies(busy);
    clearInterval(timer);
    // One for every five milliseconds or so; a single one when all are handled at once.
    expect(ticks).toBeGreaterThan(20);
  });

  test('and timers run on time meanwhile', async () => {
    const server = await serve(echo);
    const flooding = await clients(20);
    let isOver = false;
    let lastMs = performance.now();
    let worstMs = 0;
    const timer = setInterval(() => {
      worstMs = Math.max(worstMs, performance.now() - lastMs);
      lastMs = performance.now();
    }, 10);
    const chunk = Buffer.from('PING\r\n'.repeat(10_000));
    for (const raw of flooding) raw.discard();
    const flood = async (raw: RawClient): Promise<void> => {
      while (!isOver && !raw.isClosed) await raw.writeAndWait(chunk);
    };
    const all = Promise.all(flooding.map(flood));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    isOver = true;
    for (const raw of flooding) raw.close();
    await all;
    clearInterval(timer);
    expect(server.sessions.size).toBeLessThanOrEqual(20);
    // The flood itself comes from this process too. Handling each chunk at once it was more than a second.
    expect(worstMs).toBeLessThan(400);
  });
});

describe('who does not read', () => {
  const text = 'x'.repeat(50_000);

  test('its own answers is not answered any further, and costs no more than a batch', async () => {
    let handled = 0;
    const server = await serve(() => ((handled += 1), bulk(text)));
    const raw = await client();
    raw.stopReading();
    // Gigabytes, if they were all answered.
    raw.send(...numbered(20_000));
    await until('it to be made to wait', async () => {
      const before = handled;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return handled > 0 && handled === before;
    });
    // Some megabytes fit into the system's own buffers.
    expect(handled).toBeLessThan(2000);
    expect([...server.sessions].map(bufferedBytes)[0]).toBeLessThan(400_000);
    raw.resumeReading();
    expect(await raw.replies(300)).toEqual(Array.from({ length: 300 }, () => bulk(text)));
    await until('the rest to be handled', () => handled > 300);
  });

  test('is closed after a while', async () => {
    const server = await serve(() => bulk(text), { limits: { stallMs: 1000 } });
    const raw = await client();
    raw.stopReading();
    raw.send(...numbered(20_000));
    await until('it to be closed', () => server.sessions.size === 0);
    expect(troubles).toEqual([
      expect.stringMatching(/^a connection was closed because it did not read its answers: 127\./),
    ]);
  });

  test('what is published is closed when too much is unread; a reader beside it is not', async () => {
    const server = await serve(echo);
    const [deaf, reader] = await clients(2);
    for (const raw of [deaf!, reader!]) await raw.ask('SUBSCRIBE');
    deaf!.stopReading();
    let sent = 0;
    await until('the deaf one to be closed', async () => {
      for (const session of server.sessions) session.push(bulk(text));
      sent += 1;
      await reader!.reply();
      return server.sessions.size === 1;
    });
    expect(isClosed(reader!)).toBe(false);
    expect(sent).toBeLessThan(2000);
    expect(troubles).toEqual([expect.stringMatching(/^a subscriber was closed because it did not read/)]);
  });
});

describe('who takes its time', () => {
  test('half a request: closed in time, also when a byte comes now and then', async () => {
    const server = await serve(echo, { limits: { requestMs: 2000 } });
    const [stuck, dripping] = await clients(2);
    stuck!.send(['A']).write('*1\r\n$100\r\nabc');
    dripping!.send(['A']).write('*1\r\n$100\r\n');
    const drip = setInterval(() => dripping!.write('x'), 100);
    await until('both to be closed', () => server.sessions.size === 0);
    clearInterval(drip);
    expect(troubles).toEqual([
      expect.stringMatching(/^a connection was closed because its request did not arrive whole: .*, for 2000 ms$/),
    ]);
  });

  test('nothing at all: closed', async () => {
    const server = await serve(echo, { limits: { handshakeMs: 1000 } });
    await clients(3);
    await until('them to be served', () => server.sessions.size === 3);
    await until('them to be closed', () => server.sessions.size === 0);
  });

  test('asks, but does not log in where that is needed: closed', async () => {
    await serve(echo, { needsLogin: true, limits: { handshakeMs: 2000 } });
    const [stranger, member] = await clients(2);
    await member!.ask('AUTH');
    await until('the stranger to be closed', async () => {
      if (!stranger!.isClosed) stranger!.send(['PING']);
      await new Promise((resolve) => setTimeout(resolve, 100));
      return stranger!.isClosed;
    });
    expect(await member!.ask('PING')).toEqual(bulk('PING'));
  });

  test('idle clients and subscribers are left alone, and so is whoever waits for a late answer', async () => {
    const late = deferred<Reply>();
    await serve((session, words) => (words[0] === 'LATE' ? late.promise : echo(session, words)), {
      limits: { handshakeMs: 1000, requestMs: 1000, stallMs: 1000 },
    });
    const [idle, subscriber, waiting] = await clients(3);
    await idle!.ask('A');
    await subscriber!.ask('SUBSCRIBE');
    // More than are handled at a time: the rest waits, and that is not its client's fault.
    waiting!.send(...Array.from({ length: 100 }, () => ['LATE'])).write('*1\r\n');
    await new Promise((resolve) => setTimeout(resolve, 500));
    waiting!.write('$1\r\nA\r\n');
    await new Promise((resolve) => setTimeout(resolve, 3500));
    late.resolve(simple('at last'));
    const replies = await waiting!.replies(101);
    expect([replies[0], replies[99], replies[100]]).toEqual([simple('at last'), simple('at last'), bulk('A')]);
    expect(await idle!.ask('B')).toEqual(bulk('B'));
    expect(await subscriber!.ask('B')).toEqual(bulk('B'));
    expect(troubles).toEqual([]);
  });
});

describe('too many connections', () => {
  const STRANGER = '127.0.0.77';
  const OTHER = '127.0.0.78';
  const full = { limits: { connections: 20, perPeer: 2 } };

  test('one address with very many displaces itself; who came before from elsewhere stays, and who comes gets in', async () => {
    const server = await serve(echo, full);
    const before = await clients(3, OTHER);
    for (const raw of before) await raw.ask('SUBSCRIBE');
    const flood = await clients(200, STRANGER);
    await until('most of them to be closed', () => flood.filter(isClosed).length === 183);
    expect(server.sessions.size).toBe(20);
    const later = await clients(2, OTHER);
    for (const raw of [...before, ...later]) expect(await raw.ask('A')).toEqual(bulk('A'));
    expect(troubles).toEqual([expect.stringMatching(/because there were too many: 127\.0\.0\.77, more than 20$/)]);
  });

  test('all from one address, as behind a service mesh: a newcomer gets in, and who has shown to be a peer stays', async () => {
    await serve(echo, full);
    const peer = await client();
    await peer.ask('PEER', 'redis-1');
    const flood: RawClient[] = [];
    for (let wave = 0; wave < 10; wave += 1) {
      flood.push(...(await clients(20)));
      for (const raw of flood) if (!raw.isClosed) raw.send(['A']);
      const newcomer = await client();
      expect(await newcomer.ask('PEER', 'redis-2')).toEqual(bulk('PEER redis-2'));
    }
    expect(await peer.ask('A')).toEqual(bulk('A'));
  });

  test('an address of the own set gets in beyond all bounds, but not with any number', async () => {
    const PEER = '127.0.0.79';
    const server = await serve(echo, { ...full, isPeerAddress: (address) => address === PEER });
    // Twenty addresses with one connection each: nobody has more than the others.
    const strangers = await Promise.all(Array.from({ length: 20 }, (_, index) => client(`127.0.1.${index + 1}`)));
    for (const raw of strangers) await raw.ask('A');
    const refused = await client('127.0.2.1');
    expect(await refused.reply()).toEqual(failed('ERR max number of clients reached'));
    await refused.closed();
    const peers = await clients(2, PEER);
    for (const raw of peers) expect(await raw.ask('A')).toEqual(bulk('A'));
    expect(server.sessions.size).toBe(22);
    const more = await clients(30, PEER);
    await until('the bound to hold again', () => [...peers, ...more].filter((raw) => !raw.isClosed).length === 2);
    expect(server.sessions.size).toBe(22);
    for (const raw of strangers) expect(await raw.ask('B')).toEqual(bulk('B'));
  });

  test('the default number is really served', async () => {
    const server = await serve(echo);
    const all = await clients(PORT_LIMITS.connections + 50);
    await until('the number to be reached', () => all.filter(isClosed).length === 50);
    expect(server.sessions.size).toBe(PORT_LIMITS.connections);
    for (const raw of all) if (!raw.isClosed) raw.send(['A']);
    for (const raw of all) if (!raw.isClosed) expect(await raw.reply()).toEqual(bulk('A'));
  });
});

test('all together keep a bounded number of bytes: the greediest go, the others do not notice', async () => {
  const bufferedMax = 1024 * 1024;
  const server = await serve(echo, { limits: { bufferedBytes: bufferedMax } });
  const modest = await client();
  await modest.ask('A');
  const greedy = await clients(60);
  const half = Buffer.from(encodeRequest(['x'.repeat(60_000)])).subarray(0, 50_000);
  for (const raw of greedy) raw.write(half);
  await until('some to be closed', () => greedy.some(isClosed));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const kept = [...server.sessions].reduce((sum, session) => sum + bufferedBytes(session), 0);
  expect(kept).toBeLessThanOrEqual(bufferedMax);
  expect(kept).toBeGreaterThan(bufferedMax / 4);
  expect(await modest.ask('B')).toEqual(bulk('B'));
  expect(troubles).toEqual([expect.stringMatching(/because all together kept too much in memory/)]);
});

test('a client that asks and goes away at once leaves nothing behind', async () => {
  const server = await serve(echo);
  for (let wave = 0; wave < 20; wave += 1) {
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const socket = connect({ host, port: PORT });
        socket.on('error', () => undefined);
        await new Promise((resolve) => socket.once('connect', resolve));
        socket.write('PING\r\n'.repeat(100 * (index % 5)));
        if (index % 2 === 0) socket.resetAndDestroy();
        else socket.destroy();
      }),
    );
  }
  await until('all to be forgotten', () => server.sessions.size === 0);
  expect(await (await client()).ask('A')).toEqual(bulk('A'));
});

/** What the server keeps for a session; not part of what commands see. */
function bufferedBytes(session: Session): number {
  return (session as Session & { bufferedBytes: number }).bufferedBytes;
}

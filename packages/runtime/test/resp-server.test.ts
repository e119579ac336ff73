import { createServer, type Server } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import {
  bulk,
  failed,
  integer,
  OK,
  serveResp,
  simple,
  type CommandHandler,
  type Reply,
  type RespServer,
  type Session,
} from '../src/index.ts';
import { RawClient } from './raw-client.ts';
import { deferred, place, until, usePlace } from './support.ts';

const PORT = 26379;
let host: string;

usePlace();

async function serve(handle: CommandHandler): Promise<RespServer> {
  host = await place.host(PORT);
  return place.closing(await serveResp(host, PORT, handle), (server) => server.close());
}

async function client(): Promise<RawClient> {
  return place.closing(await RawClient.connect(host, PORT), (raw) => raw.close());
}

const echo: CommandHandler = (_session, words) => bulk(words.join(' '));

/** Answers `SLOW` when it is told to, everything else at once. */
function withSlow(others: CommandHandler = echo): { handle: CommandHandler; finish: (reply: Reply) => void } {
  const { promise, resolve } = deferred<Reply>();
  return {
    handle: (session, words) => (words[0] === 'SLOW' ? promise : others(session, words)),
    finish: resolve,
  };
}

describe('answers', () => {
  test('come in the order of the requests', async () => {
    await serve(echo);
    const requests = Array.from({ length: 100 }, (_, index) => ['N', String(index)]);
    expect(await (await client()).send(...requests).replies(100)).toEqual(
      requests.map((words) => bulk(words.join(' '))),
    );
  });

  test('also when an early one is late; meanwhile the later requests are handled', async () => {
    const handled: string[] = [];
    const { handle, finish } = withSlow((_session, words) => (handled.push(words[0]!), OK));
    await serve(handle);
    const raw = await client();
    raw.send(['SLOW'], ['A'], ['B']);
    await until('the later requests to be handled', () => handled.length === 2);
    expect(raw.received).toBe('');
    finish(simple('at last'));
    expect(await raw.replies(3)).toEqual([simple('at last'), OK, OK]);
  });

  test('one connection does not wait for another one', async () => {
    const { handle } = withSlow();
    await serve(handle);
    (await client()).send(['SLOW']);
    expect(await (await client()).ask('A')).toEqual(bulk('A'));
  });

  test('a handler that fails, at once or later, is an error to its client and nothing else', async () => {
    await serve((session, words) => {
      if (words[0] === 'LATER') return Promise.reject(new Error('went wrong\r\n+OK'));
      if (words[0] === 'NOW') throw new Error('a bug');
      return echo(session, words);
    });
    const raw = (await client()).send(['LATER'], ['NOW'], ['A']);
    expect(await raw.replies(3)).toEqual([failed('ERR went wrong +OK'), failed('ERR a bug'), bulk('A')]);
  });
});

describe('what is pushed keeps its place among the answers', () => {
  const subscribing: CommandHandler = (session, words) => {
    if (words[0] !== 'SUBSCRIBE') return echo(session, words);
    session.push({ type: 'push', items: [bulk('subscribe'), bulk('c'), integer(1)] });
    return { type: 'none' };
  };
  const confirmation: Reply = { type: 'array', items: [bulk('subscribe'), bulk('c'), integer(1)] };

  test('behind the answers to what was asked before it in the same breath', async () => {
    await serve(subscribing);
    const raw = (await client()).send(['A'], ['SUBSCRIBE'], ['B']);
    expect(await raw.replies(3)).toEqual([bulk('A'), confirmation, bulk('B')]);
  });

  test('also when such an answer is late', async () => {
    const { handle, finish } = withSlow(subscribing);
    await serve(handle);
    const raw = (await client()).send(['SLOW'], ['SUBSCRIBE'], ['B']);
    finish(OK);
    expect(await raw.replies(3)).toEqual([OK, confirmation, bulk('B')]);
  });

  test('a message reaches a connection that waits for nothing', async () => {
    const server = await serve(echo);
    const raw = await client();
    await raw.ask('A');
    for (const session of server.sessions) session.push(simple('news'));
    expect(await raw.reply()).toEqual(simple('news'));
  });
});

test('an answer is written in the protocol that was spoken when it was asked for', async () => {
  const map: Reply = { type: 'map', entries: [['k', bulk('v')]] };
  const { handle, finish } = withSlow((session, words) => {
    if (words[0] === 'HELLO') session.protocol = words[1] === '3' ? 3 : 2;
    return map;
  });
  await serve(handle);
  const raw = (await client()).send(['MAP'], ['SLOW'], ['HELLO', '3'], ['MAP'], ['HELLO', '2']);
  finish(map);
  const resp2 = { type: 'array', items: [bulk('k'), bulk('v')] };
  expect(await raw.replies(5)).toEqual([resp2, resp2, map, map, resp2]);
});

describe('a connection ends', () => {
  test('after a protocol error, which is answered, behind the answers to what came before', async () => {
    const { handle, finish } = withSlow();
    await serve(handle);
    const raw = (await client()).send(['SLOW'], ['A']).write('*1\r\n!bad\r\n*1\r\n$1\r\nB\r\n');
    finish(OK);
    expect(await raw.replies(3)).toEqual([OK, bulk('A'), failed("ERR Protocol error: expected '$', got '!'")]);
    await raw.closed();
    expect(raw.received).toBe('');
  });

  test('after a protocol error nothing more is handled, however much comes', async () => {
    const handled: string[] = [];
    await serve((session, words) => (handled.push(words[0]!), echo(session, words)));
    const raw = (await client()).write('*x\r\n');
    expect(await raw.reply()).toMatchObject({ type: 'error' });
    raw.send(['A'], ['B']);
    await raw.closed();
    expect(handled).toEqual([]);
  });

  test('when a command says so, behind all answers; what comes after that command is not handled', async () => {
    const handled: string[] = [];
    const { handle, finish } = withSlow((session, words) => {
      handled.push(words[0]!);
      if (words[0] === 'QUIT') session.end();
      return OK;
    });
    await serve(handle);
    const raw = (await client()).send(['SLOW'], ['QUIT'], ['A']);
    await until('QUIT to be handled', () => handled.length > 0);
    finish(simple('late'));
    expect(await raw.replies(2)).toEqual([simple('late'), OK]);
    await raw.closed();
    expect(handled).toEqual(['QUIT']);
  });
});

describe('the server', () => {
  test('knows its sessions, and forgets those that are gone', async () => {
    const seen: Session[] = [];
    const server = await serve((session) => (seen.push(session), OK));
    const [one, two] = [await client(), await client()];
    await one.ask('A');
    await two.ask('A');
    expect(new Set(seen.map(({ id }) => id)).size).toBe(2);
    expect([...server.sessions]).toEqual(seen);
    one.close();
    await until('the session to be forgotten', () => server.sessions.size === 1);
    expect(server.sessions).toContain(seen[1]);
  });

  test('close() ends connections, also those that wait or are subscribed, and frees the port', async () => {
    const { handle, finish } = withSlow((session) => (session.channels.add('c'), OK));
    const server = await serve(handle);
    const [idle, waiting] = [await client(), await client()];
    await idle.ask('A');
    waiting.send(['SLOW']);
    await until('both to be served', () => server.sessions.size === 2);
    await server.close();
    await idle.closed();
    await waiting.closed();
    expect(server.sessions.size).toBe(0);
    // An answer that is ready only now has nowhere to go, and does no harm.
    finish(OK);
    await (await serveResp(host, PORT, echo)).close();
  });

  test('says which address it can not have', async () => {
    await serve(echo);
    await expect(serveResp(host, PORT, echo)).rejects.toMatchObject({
      name: 'OperationError',
      code: 'EADDRINUSE',
      message: expect.stringMatching(`can not listen on ${host}:${PORT}: .*EADDRINUSE`),
    });
    await expect(serveResp('192.0.2.1', PORT, echo)).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });

  test('IPv6', async () => {
    const isThere = await new Promise<Server | null>((resolve) => {
      const probe = createServer().once('error', () => resolve(null));
      probe.listen({ host: '::1', port: 0 }, () => resolve(probe));
    });
    if (isThere === null) return;
    const { port } = isThere.address() as { port: number };
    await new Promise((resolve) => isThere.close(resolve));
    place.closing(await serveResp('::1', port, echo), (server) => server.close());
    const raw = place.closing(await RawClient.connect('::1', port), (open) => open.close());
    expect(await raw.ask('A')).toEqual(bulk('A'));
  });
});

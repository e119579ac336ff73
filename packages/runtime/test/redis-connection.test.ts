import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { readCommandCounts, type RedisProcess } from '@sentinel-micro/testkit';
import { connectRedis, serveResp, simple, type RedisConnection, type RedisTarget } from '../src/index.ts';
import { place, SHORT, TIMEOUTS, until, usePlace } from './support.ts';

const PASSWORD = 'open-sesame-7';
let redis: RedisProcess;
let target: RedisTarget;

usePlace();
beforeEach(async () => {
  redis = await place.redis({ password: PASSWORD });
  target = redis.target;
});

/** The error of connecting, with everything that a log could show of it. */
async function failureOf(
  to: RedisTarget,
  timeouts = TIMEOUTS,
): Promise<{ code: string; message: string; all: string }> {
  const error: unknown = await connectRedis(to, timeouts).then(
    (connection) => connection.close(),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error('the connection was made');
  const { code } = error as Error & { code: string };
  return { code, message: error.message, all: `${JSON.stringify(error)} ${inspect(error, { depth: 10 })}` };
}

describe('connecting', () => {
  test('with password, or user and password, or to a Redis without one', async () => {
    await redis.command('ACL', 'SETUSER', 'app', 'on', '>secret', '+@all');
    expect(await (await place.connect(target)).call('ACL', 'WHOAMI')).toBe('default');
    expect(await (await place.connect({ ...target, username: 'app', password: 'secret' })).call('ACL', 'WHOAMI')).toBe(
      'app',
    );
    expect(await (await place.connect((await place.redis()).target)).call('PING')).toBe('PONG');
  });

  test('a Redis that has no password is not of a set that has one', async () => {
    const { host, port } = (await place.redis()).target;
    const { code, all } = await failureOf({ host, port, password: PASSWORD });
    expect(code).toBe('NOPASSWORD');
    expect(all).not.toContain(PASSWORD);
  });

  test('refused: nobody listens', async () => {
    await redis.killAndWait();
    const { code, message } = await failureOf(target);
    expect(code).toBe('ECONNREFUSED');
    expect(message).toMatch(`connecting to ${target.host}:6379: `);
  });

  test('wrong password: the code says so, and the password is told to nobody', async () => {
    const { code, all } = await failureOf({ ...target, password: 'wrong-one-8' });
    expect(code).toBe('WRONGPASS');
    expect(all).not.toContain('wrong-one-8');
    expect((await failureOf({ ...target, username: 'nobody', password: PASSWORD })).all).not.toContain(PASSWORD);
  });

  test('no password where one is needed: the first command says so', async () => {
    const connection = await place.connect({ host: target.host, port: target.port });
    await expect(connection.call('PING')).rejects.toMatchObject({ code: 'NOAUTH' });
  });

  test('a frozen Redis: accepts, but never answers', async () => {
    redis.pause();
    expect(await failureOf(target, SHORT)).toMatchObject({
      code: 'TIMEOUT',
      message: `connecting to ${target.host}:6379: no answer in time`,
    });
    redis.resume();
  });

  test('an address that does not answer at all', async () => {
    // A listener whose queue is full drops what comes: as silent as a cut network.
    const host = await place.host(6379);
    const full = place.closing(createServer({ pauseOnConnect: true }), (server) => server.close());
    await new Promise<void>((resolve) => full.listen({ host, port: 6379, backlog: 1 }, resolve));
    full.maxConnections = 1;
    const { code } = await failureOf({ host, port: 6379, password: PASSWORD }, SHORT);
    expect(code).toBe('TIMEOUT');
  });

  test('what talks no RESP', async () => {
    const host = await place.host(6379);
    const web = createServer((socket) => socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    place.closing(web, (server) => server.close());
    await new Promise<void>((resolve) => web.listen({ host, port: 6379 }, resolve));
    const { all } = await failureOf({ host, port: 6379, password: PASSWORD });
    expect(all).not.toContain(PASSWORD);
  });
});

describe('a command', () => {
  let connection: RedisConnection;
  beforeEach(async () => {
    connection = await place.connect(target);
  });

  test("an error keeps Redis's own code, and names command and address", async () => {
    await expect(connection.call('NONSENSE')).rejects.toMatchObject({
      name: 'OperationError',
      code: 'ERR',
      message: expect.stringMatching(`^NONSENSE at ${target.host}:6379: ERR unknown command`),
    });
    await connection.call('SET', 'text', 'a');
    await expect(connection.call('LPUSH', 'text', 'b')).rejects.toMatchObject({ code: 'WRONGTYPE' });
    expect(connection.isOpen).toBe(true);
  });

  test('its arguments are not part of the error', async () => {
    const error = await connection
      .call('CONFIG', 'SET', 'no-such-thing', 'very-secret')
      .catch((reason: unknown) => reason);
    expect(inspect(error, { depth: 10 })).toMatch('OperationError: CONFIG at ');
    expect(inspect(error, { depth: 10 })).not.toContain('very-secret');
  });

  test('a frozen Redis does not answer in time; afterwards answers still belong to their questions', async () => {
    const quick = await place.connect(target, { ...TIMEOUTS, commandTimeoutMs: 150 });
    redis.pause();
    await expect(quick.call('ECHO', 'one')).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(quick.isOpen).toBe(true);
    redis.resume();
    expect(await quick.call('ECHO', 'two')).toBe('two');
  });

  test('the Redis dies while it is on its way', async () => {
    redis.pause();
    const answer = connection.call('ECHO', 'one');
    redis.kill('SIGKILL');
    await expect(answer).rejects.toMatchObject({ code: expect.stringMatching(/^(CLOSED|ECONNRESET)$/) });
    await until('the connection to be closed', () => !connection.isOpen);
  });
});

describe('nothing is repeated', () => {
  /** What this test itself asks of the successor. */
  const ONLY_ASKED = ['auth', 'get', 'info'];

  test('a connection that is gone stays gone, and says so', async () => {
    const connection = await place.connect(target);
    let closed = 0;
    connection.onClose(() => closed++);
    await redis.killAndWait();
    await until('the connection to be closed', () => closed > 0);
    expect(connection.isOpen).toBe(false);
    const orders = [connection.call('SET', 'a', 1), connection.call('REPLICAOF', 'NO', 'ONE')];
    for (const order of orders) await expect(order).rejects.toMatchObject({ name: 'OperationError' });

    const { host, port } = target;
    const next = await place.redis({ host, port, password: PASSWORD });
    expect(await next.command('GET', 'a')).toBeNull();
    expect([...(await readCommandCounts(next)).calls.keys()].sort()).toEqual(ONLY_ASKED);
    expect(connection.isOpen).toBe(false);
    await expect(connection.call('PING')).rejects.toMatchObject({ name: 'OperationError' });
    expect(closed).toBe(1);
    const clients = String(await next.command('CLIENT', 'LIST'))
      .trim()
      .split('\n');
    expect(clients).toHaveLength(1);
  });

  test('what was on its way when the Redis died is not sent to its successor', async () => {
    const connection = await place.connect(target);
    redis.pause();
    const orders = Array.from({ length: 20 }, () => connection.call('INCR', 'n').catch((error: unknown) => error));
    redis.kill('SIGKILL');
    await Promise.all(orders);
    const { host, port } = target;
    const next = await place.redis({ host, port, password: PASSWORD });
    expect(await next.command('GET', 'n')).toBeNull();
    expect([...(await readCommandCounts(next)).calls.keys()].sort()).toEqual(ONLY_ASKED);
  });

  test('what was called after close() is not sent', async () => {
    const connection = await place.connect(target);
    connection.close();
    await expect(connection.call('SET', 'a', 1)).rejects.toMatchObject({ name: 'OperationError' });
    expect(await redis.command('EXISTS', 'a')).toBe(0);
    connection.close();
  });

  test('no command but those that were asked for: no INFO, no CLIENT SETINFO, no HELLO', async () => {
    const host = await place.host(6379);
    const seen: string[] = [];
    const server = await serveResp(host, 6379, (_session, words) => (seen.push(words.join(' ')), simple('OK')));
    place.closing(server, () => server.close());
    const connection = await place.connect({ host, port: 6379, username: 'u', password: 'p' });
    await connection.call('PING');
    expect(seen).toEqual(['AUTH u p', 'PING']);
  });
});

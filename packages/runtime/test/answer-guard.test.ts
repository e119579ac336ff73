// Whoever answers may be hostile, or no Redis at all: what it sends must not grow in this process without bound.
import { createServer, type Server, type Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { fetchStatus, type RedisConnection } from '../src/index.ts';
import { place, until, usePlace } from './support.ts';

const MIB = 1024 * 1024;
const PORT = 6379;
/** An answer may take as long as this; a bound of memory must not depend on a time-out. */
const PATIENT = { connectTimeoutMs: 5000, commandTimeoutMs: 10_000 };
usePlace();

interface Hostile {
  readonly host: string;
  /** What all connections have taken of it so far. */
  readonly taken: () => number;
}

/** A server that talks as it likes, from the moment it is asked something, or at once. */
async function serve(talk: (socket: Socket) => void, atOnce = false): Promise<Hostile> {
  const host = await place.host(PORT);
  const sockets = new Set<Socket>();
  let closedBytes = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      closedBytes += socket.bytesWritten;
    });
    if (atOnce) talk(socket);
    else socket.once('data', () => talk(socket));
  });
  place.closing(server, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen({ host, port: PORT }, resolve));
  return { host, taken: () => closedBytes + [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0) };
}

/** Writes the same bytes again and again, as fast as they are taken. */
function endlessly(socket: Socket, bytes: Buffer | string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(bytes));
    if (!socket.destroyed) socket.once('drain', more);
  };
  more();
}

const open = (host: string): Promise<RedisConnection> => place.connect({ host, port: PORT }, PATIENT);
const residentBytes = (): number => process.memoryUsage.rss();

describe('an answer without end', () => {
  const kinds: readonly (readonly [string, (socket: Socket) => void, string])[] = [
    [
      'a bulk string of which more and more comes',
      (socket) => {
        socket.write('$1048576\r\n');
        endlessly(socket, Buffer.alloc(64 * 1024, 'x'));
      },
      'EMSGSIZE',
    ],
    ['a bulk string that is to be very long', (socket) => socket.write('$9999999999\r\n'), 'EMSGSIZE'],
    [
      'a line that does not end',
      (socket) => {
        socket.write('+');
        endlessly(socket, Buffer.alloc(64 * 1024, 'x'));
      },
      'EMSGSIZE',
    ],
    ['an array that is to have very many items', (socket) => socket.write('*33554431\r\n'), 'EMSGSIZE'],
    ['arrays in arrays in arrays', (socket) => endlessly(socket, '*1\r\n'.repeat(1000)), 'EMSGSIZE'],
    ['what is no RESP', (socket) => endlessly(socket, 'HTTP/1.1 200 OK\r\n'), 'EPROTO'],
    ['RESP3, which was not asked for', (socket) => endlessly(socket, '%1\r\n+a\r\n+b\r\n'), 'EPROTO'],
    ['a length that is none', (socket) => socket.write('$12x\r\n'), 'EPROTO'],
    ['a length without end', (socket) => endlessly(socket, '$'.concat('1'.repeat(60_000))), 'EPROTO'],
  ];

  test.each(kinds)('%s: it is told, and the connection is closed', async (_, talk, code) => {
    const hostile = await serve(talk);
    const connection = await open(hostile.host);
    const before = residentBytes();
    await expect(connection.call('INFO')).rejects.toMatchObject({ name: 'OperationError', code });
    await until('the connection to be closed', () => !connection.isOpen);
    // What the system had in its buffers already comes on top.
    expect(hostile.taken()).toBeLessThan(16 * MIB);
    expect(residentBytes() - before).toBeLessThan(64 * MIB);
  });

  test('of one who answers without being asked: the first answer ends it', async () => {
    const hostile = await serve((socket) => endlessly(socket, Buffer.alloc(64 * 1024, '+x\r\n')), true);
    const connection = await open(hostile.host);
    await until('the connection to be closed', () => !connection.isOpen);
    await expect(connection.call('INFO')).rejects.toMatchObject({ code: 'EPROTO' });
    expect(hostile.taken()).toBeLessThan(16 * MIB);
  });

  test('of a wrong peer: its status is not had', async () => {
    const hostile = await serve((socket) => {
      socket.write('$900000000\r\n');
      endlessly(socket, Buffer.alloc(64 * 1024, ' '));
    });
    await expect(fetchStatus({ host: hostile.host, port: PORT }, 5000)).rejects.toMatchObject({
      name: 'OperationError',
    });
    expect(hostile.taken()).toBeLessThan(16 * MIB);
  });
});

describe('what is long, and right', () => {
  test('answers up to the bound, one after the other, in pieces and many at once', async () => {
    const text = 'x'.repeat(900_000);
    const hostile = await serve((socket) => {
      socket.on('data', () => {
        const answer = `$${String(text.length)}\r\n${text}\r\n`;
        for (let at = 0; at < answer.length; at += 100_000) socket.write(answer.slice(at, at + 100_000));
      });
      socket.write(`$${String(text.length)}\r\n${text}\r\n`);
    });
    const connection = await open(hostile.host);
    for (let round = 0; round < 5; round++) expect(await connection.call('INFO')).toBe(text);
    expect(connection.isOpen).toBe(true);
  });

  test("the longest INFO that is asked for is far below: 16 databases with keys, and everybody's commands", async () => {
    const redis = await place.redis();
    const connection = await place.connect(redis.target);
    for (let db = 0; db < 16; db++) {
      await connection.call('SELECT', db);
      await connection.call('SET', 'key', db);
    }
    const text = String(await connection.call('INFO', 'server', 'replication', 'persistence', 'keyspace'));
    expect(text).toContain('db15:');
    expect(text.length).toBeLessThan(MIB / 64);
    // What an older Redis answers to INFO without sections.
    expect(String(await connection.call('INFO', 'everything')).length).toBeLessThan(MIB / 16);
  });
});

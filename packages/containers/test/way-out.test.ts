// The way from a network that leads nowhere to a registry, and what that network answers instead of DNS.
import { mkdtempSync, rmSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { request } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { answerNobody, connectTarget, noSuchName, openFarEnd, openNearEnd } from '../src/index.ts';

describe('what a CONNECT asks for', () => {
  const targets: readonly (readonly [string, ReturnType<typeof connectTarget>])[] = [
    ['registry.example:443', { host: 'registry.example', port: 443 }],
    ['[fd00::1]:8443', { host: 'fd00::1', port: 8443 }],
    ['registry.example', undefined],
    ['registry.example:0', undefined],
    ['registry.example:65536', undefined],
    ['http://registry.example/', undefined],
    ['', undefined],
  ];
  test.each(targets)('%s', (text, target) => {
    expect(connectTarget(text)).toEqual(target);
  });
});

describe('both ends', () => {
  let dir: string;
  let upstream: Server;
  let far: Server;
  let near: Awaited<ReturnType<typeof openNearEnd>>;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sm-way-'));
    upstream = createServer((socket) => void socket.on('data', (data) => socket.end(`heard ${data.toString()}`)));
    await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done));
    far = await openFarEnd(join(dir, 'out.sock'));
    near = await openNearEnd(join(dir, 'out.sock'));
  });
  afterAll(() => {
    near.close();
    far.close();
    upstream.close();
    rmSync(dir, { recursive: true, force: true });
  });

  /** What a CONNECT is answered with, and then `hello`. */
  async function through(target: string): Promise<{ status: number | undefined; heard: string }> {
    const { hostname, port } = new URL(near.url);
    const asked = request({ host: hostname, port, method: 'CONNECT', path: target, agent: false });
    const [status, socket] = await new Promise<[number | undefined, Duplex]>((done, failed) => {
      asked.once('error', failed).once('connect', (response, stream) => done([response.statusCode, stream]));
      asked.end();
    });
    if (status !== 200) {
      socket.destroy();
      return { status, heard: '' };
    }
    socket.write('hello');
    let heard = '';
    for await (const chunk of socket) heard += String(chunk);
    return { status, heard };
  }

  test('lead to whom is asked for', async () => {
    const { port } = upstream.address() as AddressInfo;
    expect(await through(`127.0.0.1:${port}`)).toEqual({ status: 200, heard: 'heard hello' });
  });

  test('say when nobody is there', async () => {
    const nobody = createServer();
    await new Promise<void>((done) => nobody.listen(0, '127.0.0.1', done));
    const { port } = nobody.address() as AddressInfo;
    await new Promise((done) => nobody.close(done));
    expect(await through(`127.0.0.1:${port}`)).toEqual({ status: 502, heard: '' });
  });

  test('refuse what names no host and port', async () => {
    expect((await through('nonsense')).status).toBe(400);
  });
});

describe('names that the engine does not know', () => {
  test('there is no such name, at once', async () => {
    const probe = createSocket('udp4');
    const port = await new Promise<number>((done) => probe.bind(0, () => done(probe.address().port)));
    await new Promise<void>((done) => probe.close(done));
    const server = await answerNobody(port);
    const resolver = new Resolver({ timeout: 5000, tries: 1 });
    resolver.setServers([`127.0.0.1:${port}`]);
    await expect(resolver.resolveSrv('redis.demo')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(resolver.resolve4('nobody')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    server.close();
  });

  test('what is no question gets no answer', () => {
    const answer = Buffer.from([0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
    expect(noSuchName(answer)).toBeUndefined();
    expect(noSuchName(Buffer.from([1, 2, 3]))).toBeUndefined();
    const cutOff = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63, 65]);
    expect(noSuchName(cutOff)).toBeUndefined();
  });
});

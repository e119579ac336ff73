// The HTTP port: what it answers to what it was made for, and to everything else.
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { OperationError } from '@sentinel-micro/runtime';
import { waitUntilTrue } from '@sentinel-micro/testkit';
import { serveHttp, textAnswer, type Answer, type HttpServer, type HttpServerOptions } from '../src/http/server.ts';

const HOST = '127.0.0.1';

const opened: { destroy(): void }[] = [];
const servers: HttpServer[] = [];

afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

interface Served {
  readonly port: number;
  readonly troubles: string[];
}

async function serve(change: Partial<HttpServerOptions> = {}): Promise<Served> {
  const troubles: string[] = [];
  const pages: HttpServerOptions['pages'] = {
    '/page': (parameters) => textAnswer(200, `page ${parameters.get('x') ?? '-'}`),
    '/broken': () => Promise.reject(new Error('open-sesame-7 does not fit')),
    '/long': () => textAnswer(200, 'x'.repeat(2000)),
  };
  const limits = { answerBytes: 1000, ...change.limits };
  const server = await serveHttp(HOST, 0, {
    pages,
    onTrouble: (text) => troubles.push(text),
    ...change,
    limits,
  });
  servers.push(server);
  return { port: server.port, troubles };
}

/** A client that sends exactly what it is told. */
class Raw {
  readonly socket: Socket;
  text = '';
  isClosed = false;

  private constructor(port: number) {
    this.socket = connect({ host: HOST, port });
    opened.push(this.socket);
    this.socket.setEncoding('latin1');
    this.socket.on('data', (chunk: string) => (this.text += chunk));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.isClosed = true));
  }

  static async to(port: number): Promise<Raw> {
    const raw = new Raw(port);
    await new Promise((resolve) => raw.socket.once('connect', resolve));
    return raw;
  }

  closed(): Promise<void> {
    return waitUntilTrue(() => this.isClosed, { what: 'the connection to be closed', timeoutMs: 5000 });
  }

  answered(pattern: RegExp): Promise<void> {
    return waitUntilTrue(() => pattern.test(this.text), { what: `an answer like ${String(pattern)}`, timeoutMs: 5000 });
  }
}

/** Sends one request and reads until the connection ends. */
async function exchange(port: number, request: string): Promise<string> {
  const raw = await Raw.to(port);
  raw.socket.write(request.replaceAll('\n', '\r\n'));
  await raw.closed();
  return raw.text;
}

const HEAD_END = 'Host: x\nConnection: close\n\n';

describe('what it is for', () => {
  test('GET, with parameters', async () => {
    const { port } = await serve();
    const response = await fetch(`http://${HOST}:${port}/page?x=1`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.text()).toBe('page 1\n');
  });

  test('HEAD: the same without a body', async () => {
    const { port } = await serve();
    const text = await exchange(port, `HEAD /page HTTP/1.1\n${HEAD_END}`);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).toMatch(/content-length: 7\r\n/i);
    expect(text).toMatch(/\r\n\r\n$/);
  });

  test('many requests on one connection', async () => {
    const { port } = await serve();
    const raw = await Raw.to(port);
    raw.socket.write('GET /page?x=1 HTTP/1.1\r\nHost: x\r\n\r\nGET /page?x=2 HTTP/1.1\r\nHost: x\r\n\r\n');
    await raw.answered(/page 1\n[^]*page 2\n/);
  });
});

describe('what it is not for', () => {
  test.each(['/', '/other', '/page/', '/__proto__', '/toString', '//page', '/%70age'])('no page: %s', async (path) => {
    const { port } = await serve();
    const text = await exchange(port, `GET ${path} HTTP/1.1\n${HEAD_END}`);
    expect(text).toMatch(/^HTTP\/1\.1 404 /);
    expect(text).toContain('there are /page, /broken, /long');
  });

  test.each(['GET http://elsewhere/page', 'OPTIONS *', 'CONNECT elsewhere:80'])('no path: %s', async (request) => {
    const { port } = await serve();
    expect(await exchange(port, `${request} HTTP/1.1\n${HEAD_END}`)).not.toMatch(/^HTTP\/1\.1 200 /);
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])('%s: 405, and what is allowed', async (method) => {
    const { port } = await serve();
    const text = await exchange(port, `${method} /page HTTP/1.1\n${HEAD_END}`);
    expect(text).toMatch(/^HTTP\/1\.1 405 /);
    expect(text).toMatch(/\r\nallow: GET, HEAD\r\n/);
  });

  test.each(['Content-Length: 5', 'Transfer-Encoding: chunked', 'Content-Length: 5\nExpect: 100-continue'])(
    'a body is not read, and ends the connection: %s',
    async (header) => {
      const { port } = await serve();
      const text = await exchange(port, `GET /page HTTP/1.1\nHost: x\n${header}\n\n`);
      expect(text).toMatch(/^HTTP\/1\.1 413 /);
      expect(text).not.toContain('100 Continue');
    },
  );

  test('another protocol is not spoken', async () => {
    const { port } = await serve();
    expect(await exchange(port, 'GET /page HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\n\n')).toBe('');
    expect(await exchange(port, '*1\n$4\nPING\n')).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('what goes wrong inside', () => {
  test('the client learns that it did, and no more; the log learns what', async () => {
    const { port, troubles } = await serve();
    const response = await fetch(`http://${HOST}:${port}/broken`);
    expect(response.status).toBe(500);
    expect(await response.text()).toBe('it went wrong; the log of the sidecar says why\n');
    expect(troubles).toEqual(['/broken: open-sesame-7 does not fit']);
  });

  // Fails when nobody catches it: in a sidecar that would end the process.
  test('an answer that can not even be sent costs its connection, and no more', async () => {
    const unsendable = (): Answer => ({ ...textAnswer(200, 'x'), type: 'two\nlines' });
    const { port, troubles } = await serve({ pages: { '/bad': unsendable, '/page': () => textAnswer(200, 'page') } });
    expect(await exchange(port, 'GET /bad HTTP/1.1\nHost: a\n\n')).toBe('');
    expect(troubles).toEqual([expect.stringContaining('Invalid character in header content')]);
    expect(await exchange(port, 'GET /page HTTP/1.1\nHost: a\nConnection: close\n\n')).toContain('page');
  });

  test('an answer beyond the bound is not sent', async () => {
    const { port } = await serve();
    const response = await fetch(`http://${HOST}:${port}/long`);
    expect(response.status).toBe(500);
    expect(await response.text()).toBe('the answer is too long\n');
  });

  test('a port that is taken is an error that names it', async () => {
    const { port } = await serve();
    const again = serveHttp(HOST, port, { pages: {}, onTrouble: () => undefined });
    await expect(again).rejects.toThrow(OperationError);
    await expect(again).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: expect.stringContaining(`HTTP can not listen on ${HOST}:${port}`),
    });
  });
});

describe('bounds', () => {
  test('headers beyond the bound: 431', async () => {
    const { port } = await serve();
    const text = await exchange(port, `GET /page HTTP/1.1\nX: ${'y'.repeat(9000)}\n${HEAD_END}`);
    expect(text).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('a request that does not arrive whole is given up', async () => {
    const { port } = await serve({ limits: { requestMs: 100, sweepMs: 20 } });
    const raw = await Raw.to(port);
    raw.socket.write('GET /page HTTP/1.1\r\nHost:');
    await raw.closed();
    expect(raw.text).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('who says nothing at all is closed', async () => {
    const { port } = await serve({ limits: { idleMs: 50, answerMs: 50 } });
    const raw = await Raw.to(port);
    await raw.closed();
    expect(raw.text).toBe('');
  });

  test('who has been answered, and asks no more, is closed', async () => {
    const { port } = await serve({ limits: { idleMs: 50, answerMs: 10_000, sweepMs: 20 } });
    const raw = await Raw.to(port);
    raw.socket.write('GET /page HTTP/1.1\r\nHost: x\r\n\r\n');
    await raw.closed();
    expect(raw.text).toContain('page -');
  });

  // Fails when newcomers are turned away: whoever fills the port would have the kubelet kill the sidecar.
  test('a port full of idle connections still answers: the oldest has to go', async () => {
    const { port } = await serve({ limits: { connections: 3 } });
    const [first, second, third] = [await Raw.to(port), await Raw.to(port), await Raw.to(port)];
    const fourth = await Raw.to(port);
    fourth.socket.write('GET /page HTTP/1.1\r\nHost: x\r\n\r\n');
    await fourth.answered(/page -/);
    await first.closed();
    expect([second.isClosed, third.isClosed]).toEqual([false, false]);
  });

  test('closing ends connections that are open', async () => {
    const { port } = await serve();
    const raw = await Raw.to(port);
    await servers.pop()?.close();
    await raw.closed();
  });
});

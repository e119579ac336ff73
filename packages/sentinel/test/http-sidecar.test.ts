// A whole sidecar with its HTTP port: a set of one, with a real Redis that has a password, and a real DNS.
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { RedisProcess } from '@sentinel-micro/testkit';
import { until } from '../../runtime/test/support.ts';
import { serveHttp } from '../src/http/server.ts';
import { PORT } from './commands-support.ts';
import { useSidecarPlace, type SidecarPlace } from './sidecar-place.ts';

const HTTP_PORT = 18_080;
const PASSWORD = 'open-sesame-7';
const FOR_CLIENTS = 'for-clients-8-Xy';

let there: SidecarPlace;
useSidecarPlace((made) => (there = made));

let redis: RedisProcess;
beforeEach(async () => {
  const host = await there.place.host(6379, PORT, HTTP_PORT);
  redis = await there.place.redis({ host, password: PASSWORD });
  await there.dns.setPods([{ name: 'redis-0', ip: host }]);
});

/** Starts the sidecar of redis-0, the only pod. */
function start(httpPort: number): Promise<void> {
  const { host } = redis.target;
  const own = { 'pod-name': 'redis-0', 'pod-uid': 'uid-0', 'pod-ip': host, listen: host };
  const passwords = { 'redis-password': PASSWORD, 'sentinel-password': FOR_CLIENTS };
  return there.start({ ...own, ...passwords, replicas: '1', 'http-port': httpPort });
}

async function get(path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://${redis.target.host}:${HTTP_PORT}${path}`);
  return { status: response.status, body: await response.text() };
}

const isServed = (): Promise<boolean> =>
  get('/livez').then(
    () => true,
    () => false,
  );
const untilServed = (): Promise<void> => until('HTTP to be there', isServed);

describe('with --http-port', () => {
  test('alive from the start, ready when it is master', async () => {
    await start(HTTP_PORT);
    await untilServed();
    expect((await get('/livez')).status).toBe(200);
    const first = await get('/readyz');
    expect(first).toMatchObject({ status: 503, body: expect.stringContaining('[-]vote failed') });
    await until('it to be started', async () => (await get('/startupz')).status === 200);
    await until('it to be ready', async () => (await get('/readyz')).status === 200);
    expect((await get('/readyz?maxLagBytes=0')).body).toContain('[+]role ok: master of term 1');
    const { body } = await get('/metrics');
    expect(body).toContain('\nsentinel_micro_leading 1\n');
    expect(body).toContain('\nsentinel_micro_failovers_total{cause="bootstrap"} 1\n');
    expect(body).toContain('\nsentinel_micro_failover_duration_seconds_count 1\n');
    expect(JSON.parse((await get('/topology')).body)).toMatchObject({ ok: true, pods: [{ pod: 'redis-0' }] });
  });

  // Fails when the topology asks without the password, or tells it.
  test('no page has the password in it, and none asks for it', async () => {
    await start(HTTP_PORT);
    await untilServed();
    await until('it to be ready', async () => (await get('/readyz')).status === 200);
    for (const path of ['/livez', '/readyz', '/startupz', '/metrics', '/topology', '/']) {
      const { body } = await get(path);
      expect(body).not.toContain(PASSWORD);
      expect(body).not.toContain(FOR_CLIENTS);
    }
    expect(JSON.parse((await get('/topology')).body)).toMatchObject({ pods: [{ error: null }] });
  });

  // Fails when whoever reaches this port can have the sidecar ask as many as a wrong DNS answer names.
  test('the topology asks 64 addresses at most', async () => {
    const { host } = redis.target;
    const others = Array.from({ length: 70 }, (_, index) => ({ name: `other-${index}`, ip: `127.0.1.${index + 1}` }));
    await there.dns.setPods([{ name: 'redis-0', ip: host }, ...others]);
    await start(HTTP_PORT);
    await untilServed();
    await until('DNS to have answered', async () => (await get('/topology')).status === 200);
    const { pods } = JSON.parse((await get('/topology')).body) as { pods: unknown[] };
    expect(pods).toHaveLength(64);
  });

  // Fails when the sidecar ends, or waits: a port that another container has would cost the set a voter.
  test('a port that is taken is no obstacle: the sidecar works, and has it as soon as it is free', async () => {
    const { host } = redis.target;
    const taken = await serveHttp(host, HTTP_PORT, { pages: {}, onTrouble: () => undefined });
    await start(HTTP_PORT);
    await until('it to be master', async () => /role:master/.test(await redis.text('INFO', 'replication')));
    expect(there.textsOf('http')).toEqual([
      expect.stringMatching(/^HTTP can not listen on .*EADDRINUSE.*set --http-port, .* to another one \(0 for none\)/),
    ]);
    await taken.close();
    await until('HTTP to be ready', async () => (await isServed()) && (await get('/readyz')).status === 200);
    expect(there.textsOf('http').slice(1)).toEqual([`HTTP listens on port ${HTTP_PORT} now`]);
    // Told late, and not lost: it became master before there was a port.
    expect((await get('/metrics')).body).toContain('\nsentinel_micro_failovers_total{cause="bootstrap"} 1\n');
  });
});

test('with --http-port 0 nobody listens', async () => {
  await start(0);
  await expect(get('/livez')).rejects.toThrow('fetch failed');
});

// A whole sidecar with its HTTP port: a set of one, with a real Redis that has a password, and a real DNS.
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DnsServer, loadTools, type RedisProcess } from '@sentinel-micro/testkit';
import { Place, until } from '../../runtime/test/support.ts';
import { parseRunConfig, RUN_FLAGS } from '../src/config.ts';
import { startSidecar } from '../src/run.ts';
import { serveHttp } from '../src/http/server.ts';

const PORT = 26379;
const HTTP_PORT = 18_080;
const PASSWORD = 'open-sesame-7';

let place: Place;
let dns: DnsServer;
let redis: RedisProcess;
beforeAll(async () => {
  place = await Place.make();
  const where = { host: place.addresses.dnsHost, port: 10053, dir: join(place.dir, 'dns') };
  const service = { service: 'redis', namespace: 'shop', redisPort: 6379, sentinelPort: PORT };
  dns = await DnsServer.start({ tool: loadTools().dnsmasq, ...where, ...service });
});
beforeEach(async () => {
  const host = await place.host(6379, PORT, HTTP_PORT);
  redis = await place.redis({ host, password: PASSWORD });
  await dns.setPods([{ name: 'redis-0', ip: host }]);
});
afterEach(() => place.tidy());
afterAll(async () => {
  await dns.stop();
  await place.remove();
});

const defaults = Object.fromEntries(
  Object.entries(RUN_FLAGS).flatMap(([flag, spec]) => ('default' in spec ? [[flag, spec.default] as const] : [])),
);

/** Starts the sidecar of redis-0, the only pod. */
async function start(httpPort: number): Promise<void> {
  const { host } = redis.target;
  const own = { 'pod-name': 'redis-0', 'pod-uid': 'uid-0', 'pod-ip': host, namespace: 'shop', listen: host };
  const set = { service: 'redis', replicas: '1', port: PORT, 'http-port': httpPort, 'dns-servers': dns.address };
  const flags = { ...defaults, ...own, ...set, 'redis-password': PASSWORD, 'log-level': 'error' };
  const config = parseRunConfig({ ...flags, 'rendered-config': '/not/mounted/redis.conf' }, '0'.repeat(40));
  const sidecar = await startSidecar(config);
  place.closing(sidecar, () => sidecar.stop());
}

async function get(path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://${redis.target.host}:${HTTP_PORT}${path}`);
  return { status: response.status, body: await response.text() };
}

describe('with --http-port', () => {
  test('alive from the start, ready when it is master', async () => {
    await start(HTTP_PORT);
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
    await until('it to be ready', async () => (await get('/readyz')).status === 200);
    for (const path of ['/livez', '/readyz', '/startupz', '/metrics', '/topology', '/']) {
      expect((await get(path)).body).not.toContain(PASSWORD);
    }
    expect(JSON.parse((await get('/topology')).body)).toMatchObject({ pods: [{ error: null }] });
  });

  test('a port that is taken is an error, and leaves nothing behind', async () => {
    const taken = await serveHttp(redis.target.host, HTTP_PORT, { pages: {}, onTrouble: () => undefined });
    await expect(start(HTTP_PORT)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await taken.close();
    await start(HTTP_PORT);
  });
});

test('with --http-port 0 nobody listens', async () => {
  await start(0);
  await expect(get('/livez')).rejects.toThrow('fetch failed');
});

import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { DnsServer, loadTools, type RedisProcess } from '@sentinel-micro/testkit';
import { RawClient } from '../../runtime/test/raw-client.ts';
import { Place, until } from '../../runtime/test/support.ts';
import { parseRunConfig } from '../src/config.ts';
import { startSidecar } from '../src/run.ts';
import { PORT } from './commands-support.ts';

const PASSWORD = 'open-sesame-7';
const WRONG = 'wrong-one-8';
const FOR_CLIENTS = 'for-clients-8-Xy';
/** Where winston's Console transport writes to. */
const sink = console as unknown as { _stderr: { write(text: string): unknown } };
const original = sink._stderr;

let place: Place;
let dns: DnsServer;
let log: string[];

beforeAll(async () => {
  place = await Place.make();
  const where = { host: place.addresses.dnsHost, port: 10053, dir: join(place.dir, 'dns') };
  const service = { service: 'redis', namespace: 'shop', redisPort: 6379, sentinelPort: PORT };
  dns = await DnsServer.start({ tool: loadTools().dnsmasq, ...where, ...service });
});
afterEach(async () => {
  await place.tidy();
  sink._stderr = original;
});
afterAll(async () => {
  await dns.stop();
  await place.remove();
});

/** One pod of a set with the given password; everything that it logs goes to `log`. */
async function startPod(index: number, redis: RedisProcess, password: string, format: string): Promise<void> {
  log = [];
  sink._stderr = { write: (text) => log.push(text) };
  const { host } = redis.target;
  const flags = {
    service: 'redis',
    namespace: 'shop',
    replicas: '2',
    'pod-name': `redis-${index}`,
    'pod-uid': `uid-${index}`,
    'pod-ip': host,
    listen: host,
    'redis-port': 6379,
    port: PORT,
    'http-port': 0,
    'master-name': 'mymaster',
    'redis-password': password,
    'lease-ms': 1000,
    'guard-ms': 150,
    'heartbeat-ms': 100,
    'down-after-ms': 300,
    'data-wait-ms': 3000,
    'write-quorum': 'auto',
    durability: 'available',
    'sentinel-auth': 'on',
    'sentinel-password': FOR_CLIENTS,
    'rendered-config': '/not/mounted/redis.conf',
    'dns-servers': dns.address,
    'log-level': 'debug',
    'log-format': format,
  };
  const sidecar = await startSidecar(parseRunConfig(flags, String(index).repeat(40)));
  place.closing(sidecar, () => sidecar.stop());
}

test.each(['json', 'pretty'])(
  'the password is never printed (%s): login works, is refused, by Redis and by peers',
  async (format) => {
    const redis = await place.redis({ password: PASSWORD });
    const other = await place.redis({ password: PASSWORD });
    await dns.setPods([
      { name: 'redis-0', ip: redis.target.host },
      { name: 'redis-1', ip: other.target.host },
    ]);
    await startPod(0, redis, PASSWORD, format);
    const first = log;
    await startPod(1, other, WRONG, format);
    await until('the peer to be refused', () => log.some((line) => line.includes('it refuses the password')));
    await until('the Redis to be known as unusable', () => log.some((line) => line.includes('WRONGPASS')));
    const client = place.closing(await RawClient.connect(redis.target.host, PORT), (raw) => raw.close());
    await client.ask('AUTH', WRONG);
    await client.ask('AUTH', FOR_CLIENTS);
    await client.ask('AUTH', PASSWORD);
    const told = [
      await client.ask('PEER', 'STATUS'),
      await client.ask('INFO'),
      await client.ask('SENTINEL', 'CONFIG', 'GET', '*'),
      await client.ask('CLIENT', 'LIST'),
      await client.ask('PEER', 'ACQUIRE', PASSWORD),
    ];
    await place.tidy();
    const all = [...first, ...log, JSON.stringify(told)].join('');
    expect(all).toContain('redis-0');
    expect(all).not.toContain(PASSWORD);
    expect(all).not.toContain(WRONG);
    expect(all).not.toContain(FOR_CLIENTS);
  },
);

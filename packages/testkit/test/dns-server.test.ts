import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DnsServer, liveProcesses, loadTools } from '../src/index.ts';
import { makePlace, type Place } from './helpers.ts';

const POD_0 = { name: 'redis-0', ip: '127.9.9.1' };
const POD_1 = { name: 'redis-1', ip: '127.9.9.2' };
const FQDN = 'redis.shop.svc.cluster.local';

let place: Place;
let dns: DnsServer;
let started = 0;

beforeAll(async () => {
  place = await makePlace();
});

beforeEach(async () => {
  dns = await DnsServer.start(
    {
      tool: loadTools().dnsmasq,
      host: place.addresses.dnsHost,
      port: 10053,
      service: 'redis',
      namespace: 'shop',
      redisPort: 6379,
      sentinelPort: 26379,
      dir: join(place.dir, `dns-${String(started++)}`),
    },
    [POD_0, POD_1],
  );
});

afterEach(async () => {
  await dns.stop();
});

afterAll(async () => {
  expect(liveProcesses()).toEqual([]);
  await place.remove();
});

describe('the DNS of a headless Service', () => {
  test('A records: the Service names all pods, each pod its own address', async () => {
    const resolver = dns.resolver();
    expect((await resolver.resolve4(FQDN)).sort()).toEqual(['127.9.9.1', '127.9.9.2']);
    expect(await resolver.resolve4(`redis-1.${FQDN}`)).toEqual(['127.9.9.2']);
    expect(await resolver.resolve4(FQDN, { ttl: true })).toContainEqual({ address: '127.9.9.1', ttl: 0 });
  });

  test('SRV records: named ports, and both ports under the Service itself', async () => {
    const resolver = dns.resolver();
    const targets = async (name: string): Promise<string[]> =>
      (await resolver.resolveSrv(name)).map((srv) => `${srv.name}:${String(srv.port)}`).sort();
    expect(await targets(`_redis._tcp.${FQDN}`)).toEqual([`redis-0.${FQDN}:6379`, `redis-1.${FQDN}:6379`]);
    expect(await targets(`_sentinel._tcp.${FQDN}`)).toEqual([`redis-0.${FQDN}:26379`, `redis-1.${FQDN}:26379`]);
    expect(await targets(FQDN)).toEqual([
      `redis-0.${FQDN}:26379`,
      `redis-0.${FQDN}:6379`,
      `redis-1.${FQDN}:26379`,
      `redis-1.${FQDN}:6379`,
    ]);
  });

  test('what is not listed does not exist', async () => {
    const resolver = dns.resolver();
    for (const name of [`redis-7.${FQDN}`, 'other.shop.svc.cluster.local', 'example.com', 'redis']) {
      await expect(resolver.resolve4(name)).rejects.toMatchObject({ code: 'ENOTFOUND' });
    }
    await expect(resolver.resolveSrv(`_http._tcp.${FQDN}`)).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(resolver.resolve6(FQDN)).rejects.toMatchObject({ code: 'ENODATA' });
  });

  test('changed records are served as soon as the change resolves', async () => {
    const resolver = dns.resolver();
    await dns.setPod({ name: 'redis-1', ip: '127.9.9.3' });
    expect(await resolver.resolve4(`redis-1.${FQDN}`)).toEqual(['127.9.9.3']);
    await dns.removePod('redis-0');
    expect(await resolver.resolve4(FQDN)).toEqual(['127.9.9.3']);
    await dns.setPods([]);
    await expect(resolver.resolve4(FQDN)).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  test('changes made at once are all there in the end', async () => {
    const pods = Array.from({ length: 8 }, (_, index) => ({
      name: `redis-${String(index)}`,
      ip: `127.9.9.${String(index + 1)}`,
    }));
    await Promise.all(pods.map((pod) => dns.setPod(pod)));
    expect(await dns.resolver().resolve4(FQDN)).toHaveLength(8);
  });

  test('paused it is silent; resumed it knows what changed meanwhile', async () => {
    await dns.pause();
    await dns.setPods([POD_0]);
    await expect(dns.resolver(200).resolve4(FQDN)).rejects.toMatchObject({ code: 'ETIMEOUT' });
    await dns.resume();
    expect(await dns.resolver().resolve4(FQDN)).toEqual([POD_0.ip]);
  });

  test('stopped it refuses, and can be started again', async () => {
    await dns.stop();
    await expect(dns.resolver().resolve4(FQDN)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await dns.start();
    expect(await dns.resolver().resolve4(FQDN)).toHaveLength(2);
  });
});

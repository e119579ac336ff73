import { createSocket, type Socket } from 'node:dgram';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { DnsServer, loadTools, type DnsPod } from '@sentinel-micro/testkit';
import {
  candidateNames,
  createResolver,
  OperationError,
  parseSearchDomains,
  type ResolverOptions,
  type ServiceAddress,
} from '../src/index.ts';
import { Place } from './support.ts';

const searchLists: readonly (readonly [string, string, string[]])[] = [
  ['nothing', '', []],
  ['a list', 'search shop.svc.cluster.local svc.cluster.local', ['shop.svc.cluster.local', 'svc.cluster.local']],
  ['blanks and tabs', '\tsearch \t a.example   b.example ', ['a.example', 'b.example']],
  ['the last of two lists counts', 'search a.example\nsearch b.example\n', ['b.example']],
  ['domain is a list of one', 'domain a.example\nnameserver 10.0.0.10\n', ['a.example']],
  ['the last of both counts', 'search a.example b.example\ndomain c.example\n', ['c.example']],
  ['dots at the end', 'search a.example. b.example.', ['a.example', 'b.example']],
  ['the root alone adds nothing', 'search a.example .', ['a.example']],
  ['comments and other lines', '# search a\n; search b\noptions ndots:5\nsearched c\nsearch d', ['d']],
  ['line ends of another world', 'search a.example b.example\r\nnameserver 10.0.0.10\r\n', ['a.example', 'b.example']],
];

describe('parseSearchDomains', () => {
  test.each(searchLists)('%s', (_, text, domains) => {
    expect(parseSearchDomains(text)).toEqual(domains);
  });
});

const LIST = ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'];
const FQDN = 'redis.shop.svc.cluster.local';

const names: readonly (readonly [string, string, readonly string[], string | undefined, string[]])[] = [
  ['a short name', 'redis', LIST, undefined, [FQDN, 'redis.svc.cluster.local', 'redis.cluster.local', 'redis']],
  ['a short name and nothing else', 'redis', [], undefined, ['redis']],
  ['a short name and the namespace', 'redis', [], 'shop', [FQDN, 'redis']],
  ['no name twice', 'redis', LIST, 'shop', [FQDN, 'redis.svc.cluster.local', 'redis.cluster.local', 'redis']],
  ['the search list comes first', 'redis', ['x.example'], 'shop', ['redis.x.example', FQDN, 'redis']],
  [
    'a name with its namespace',
    'redis.shop',
    ['svc.cluster.local'],
    'shop',
    ['redis.shop.svc.cluster.local', 'redis.shop'],
  ],
  ['a full name is tried as it is first', FQDN, ['x.example'], 'shop', [FQDN, `${FQDN}.x.example`]],
  ['a name that ends with a dot is complete', `${FQDN}.`, LIST, 'shop', [FQDN]],
];

describe('candidateNames', () => {
  test.each(names)('%s', (_, service, domains, namespace, expected) => {
    expect(candidateNames(service, domains, namespace)).toEqual(expected);
  });
});

const POD_0 = { name: 'redis-0', ip: '127.9.8.1' };
const POD_1 = { name: 'redis-1', ip: '127.9.8.2' };
const POD_V6 = { name: 'redis-2', ip: 'fd00::2' };
const PORT = 10053;

describe('against a real DNS server', () => {
  let place: Place;
  let dns: DnsServer;

  beforeAll(async () => {
    place = await Place.make();
    const service = { service: 'redis', namespace: 'shop', redisPort: 6379, sentinelPort: 26379 };
    const { dnsmasq: tool } = loadTools();
    const host = place.addresses.dnsHost;
    dns = await DnsServer.start({ tool, host, port: PORT, ...service, dir: join(place.dir, 'dns') }, [POD_0, POD_1]);
  });
  afterEach(() => place.tidy());
  afterAll(async () => {
    await dns.stop();
    await place.remove();
  });

  async function resolve(service: string, change: Partial<ResolverOptions> = {}): Promise<ServiceAddress[]> {
    const options = { service, servers: [dns.address], timeoutMs: 2000, searchDomains: [], ...change };
    const found = await createResolver(options).resolve();
    return [...found].sort((a, b) => a.ip.localeCompare(b.ip));
  }

  const pods = (...all: DnsPod[]): ServiceAddress[] => all.map(({ name, ip }) => ({ ip, podName: name }));

  test("SRV of the Service's own name: each pod once, although it has two ports", async () => {
    expect(await resolve(FQDN)).toEqual(pods(POD_0, POD_1));
  });

  test('a name with only A records: the addresses without names', async () => {
    expect(await resolve(`redis-1.${FQDN}`)).toEqual([{ ip: POD_1.ip, podName: null }]);
  });

  test('a short name is completed from the search list, or from the namespace', async () => {
    expect(await resolve('redis', { searchDomains: LIST })).toEqual(pods(POD_0, POD_1));
    expect(await resolve('redis', { namespace: 'shop' })).toEqual(pods(POD_0, POD_1));
    expect(await resolve('redis.shop', { searchDomains: ['svc.cluster.local'] })).toEqual(pods(POD_0, POD_1));
  });

  test('IPv6 pods, and a set with both', async () => {
    await dns.setPods([POD_V6]);
    expect(await resolve(FQDN)).toEqual(pods(POD_V6));
    expect(await resolve(`redis-2.${FQDN}`)).toEqual([{ ip: POD_V6.ip, podName: null }]);
    await dns.setPods([POD_0, POD_V6]);
    expect(await resolve(FQDN)).toEqual(pods(POD_0, POD_V6));
    await dns.setPods([POD_0, POD_1]);
  });

  test('changed records are seen by the same resolver', async () => {
    const resolver = createResolver({ service: FQDN, servers: [dns.address], timeoutMs: 2000, searchDomains: [] });
    expect(await resolver.resolve()).toHaveLength(2);
    await dns.setPods([{ name: 'redis-0', ip: '127.9.8.77' }]);
    expect(await resolver.resolve()).toEqual([{ ip: '127.9.8.77', podName: 'redis-0' }]);
    await dns.setPods([POD_0, POD_1]);
  });

  test('an IP address as Service stands for itself', async () => {
    expect(await resolve('127.9.8.1')).toEqual([{ ip: '127.9.8.1', podName: null }]);
  });

  test('a name that does not exist: an error that names everything that was tried', async () => {
    await expect(resolve('valkey', { namespace: 'shop' })).rejects.toMatchObject({
      code: 'DNS',
      message: expect.stringMatching(
        /^DNS has no pods for --service valkey \(tried valkey\.shop\.svc\.cluster\.local, valkey\): .*ENOTFOUND/,
      ),
    });
  });

  test('a Service without pods', async () => {
    await dns.setPods([]);
    await expect(resolve(FQDN)).rejects.toBeInstanceOf(OperationError);
    await dns.setPods([POD_0, POD_1]);
  });

  test('no DNS at all: refused at once', async () => {
    await dns.stop();
    await expect(resolve(FQDN)).rejects.toMatchObject({ code: 'DNS' });
    await dns.start();
  });

  test('a silent DNS: an error, after a bounded time', async () => {
    await dns.pause();
    await expect(resolve(FQDN, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'DNS',
      message: expect.stringContaining('ETIMEOUT'),
    });
    await dns.resume();
    expect(await resolve(FQDN)).toHaveLength(2);
  });

  test('of two servers the silent one does not matter', async () => {
    const silent = await forward(() => false);
    expect(await resolve(FQDN, { servers: [silent, dns.address], timeoutMs: 100 })).toEqual(pods(POD_0, POD_1));
  });

  test('a later name that nobody answers for is not waited for', async () => {
    const asked: string[] = [];
    const address = await forward((query) => (asked.push(query), !query.includes('example')));
    const found = resolve('redis', {
      servers: [address],
      searchDomains: [LIST[0]!, 'corp.example'],
      timeoutMs: 600_000,
    });
    expect(await found).toEqual(pods(POD_0, POD_1));
    expect(asked.some((query) => query.includes('example'))).toBe(true);
  });

  test('addresses that are there are not given up because nobody answers for their names', async () => {
    const srv = Buffer.from([0, 33, 0, 1]).toString('latin1');
    const silentForSrv = await forward((query) => !query.includes(srv));
    // The question about SRV is asked twice, and longer the second time; whoever waits for that waits for 1.5 s and more.
    const startMs = performance.now();
    const found = await resolve(FQDN, { servers: [silentForSrv], timeoutMs: 500 });
    expect(found).toEqual([POD_0, POD_1].map(({ ip }) => ({ ip, podName: null })));
    expect(performance.now() - startMs).toBeLessThan(1000);
  });

  /** A DNS server that passes on to the real one the queries that `isAnswered` says, and is silent for all others. */
  async function forward(isAnswered: (query: string) => boolean): Promise<string> {
    const host = await place.host(PORT);
    const upstreams: Socket[] = [];
    const front = createSocket('udp4');
    front.on('message', (query, from) => {
      if (!isAnswered(query.toString('latin1'))) return;
      const upstream = createSocket('udp4');
      upstreams.push(upstream);
      upstream.on('message', (answer) => front.send(answer, from.port, from.address));
      upstream.send(query, PORT, place.addresses.dnsHost);
    });
    await new Promise<void>((resolve) => front.bind(PORT, host, resolve));
    place.closing(front, () => [front, ...upstreams].forEach((socket) => socket.close()));
    return `${host}:${PORT}`;
  }
});

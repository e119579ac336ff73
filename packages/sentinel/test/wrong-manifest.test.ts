// A manifest that is wrong leaves traces that a running sidecar sees. It has to say so in words that name the fix.
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { DnsServer, loadTools } from '@sentinel-micro/testkit';
import { Place, until } from '../../runtime/test/support.ts';
import { parseRunConfig, RUN_FLAGS } from '../src/config.ts';
import { startSidecar } from '../src/run.ts';
import { PORT } from './commands-support.ts';

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

const defaults = Object.fromEntries(
  Object.entries(RUN_FLAGS).flatMap(([flag, spec]) => ('default' in spec ? [[flag, spec.default] as const] : [])),
);

/** The sidecar of redis-0; everything that it logs goes to `log`. */
async function startPod(service: string, redisConfig: readonly string[] = []): Promise<string> {
  log = [];
  sink._stderr = { write: (text) => log.push(text) };
  const redis = await place.redis({ config: [...redisConfig] });
  const { host } = redis.target;
  await dns.setPods([{ name: 'redis-0', ip: host }]);
  const own = { 'pod-name': 'redis-0', 'pod-uid': 'uid-0', 'pod-ip': host, namespace: 'shop', listen: host };
  const set = { service, replicas: '3', port: PORT, 'http-port': 0, 'dns-servers': dns.address };
  const flags = { ...defaults, ...own, ...set, 'rendered-config': '/not/mounted/redis.conf' };
  const sidecar = await startSidecar(parseRunConfig(flags, '0'.repeat(40)));
  place.closing(sidecar, () => sidecar.stop());
  return host;
}

const textsOf = (event: string): string[] =>
  log
    .map((line) => JSON.parse(line) as { event: string; message: string })
    .filter((line) => line.event === event)
    .map(({ message }) => message);

test('a Redis that was not started from the rendered config, in a pod without its volume', async () => {
  await startPod('redis');
  await until('both to be said', () => textsOf('boot-fence').length > 0 && textsOf('rendered-config').length > 0);
  expect(textsOf('boot-fence')).toEqual([
    expect.stringContaining('start it with: redis-server /not/mounted/redis.conf'),
  ]);
  expect(textsOf('rendered-config')).toEqual([expect.stringContaining('mount the volume here, too')]);
});

test('a Service that is not there, or finds nobody', async () => {
  await startPod('other');
  await until('it to be said', () => textsOf('dns').length > 0);
  expect(textsOf('dns')[0]).toMatch(/--service other.*does its selector match.*publishNotReadyAddresses: true\?/);
});

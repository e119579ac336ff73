import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { DnsServer, loadTools } from '@sentinel-micro/testkit';
import { Place } from '../../runtime/test/support.ts';
import { parseRunConfig, RUN_FLAGS } from '../src/config.ts';
import { startSidecar } from '../src/run.ts';
import { PORT } from './commands-support.ts';

/** Where winston's Console transport writes to. */
const sink = console as unknown as { _stderr: { write(text: string): unknown } };
const original = sink._stderr;

/** Where sidecars of the Service `redis` are started in the process of the tests, with a real DNS; what they log can be read. */
export interface SidecarPlace {
  readonly place: Place;
  readonly dns: DnsServer;
  /** The lines of this test. */
  readonly log: readonly string[];
  /** Starts a sidecar with default flags, as far as they are not given here; it is stopped after the test. `digit` makes its incarnation. */
  readonly start: (flags: Readonly<Record<string, unknown>>, digit?: string) => Promise<void>;
  /** What was logged with this event, as long as the format is JSON. */
  readonly textsOf: (event: string) => string[];
}

const defaults = Object.fromEntries(
  Object.entries(RUN_FLAGS).flatMap(([flag, spec]) => ('default' in spec ? [[flag, spec.default] as const] : [])),
);

/** One for all tests of a file; to be called once in the file, and `use` before its first test. */
export function useSidecarPlace(use: (there: SidecarPlace) => void): void {
  let place: Place;
  let dns: DnsServer;
  const log: string[] = [];

  beforeAll(async () => {
    place = await Place.make();
    const where = { host: place.addresses.dnsHost, port: 10053, dir: join(place.dir, 'dns') };
    const service = { service: 'redis', namespace: 'shop', redisPort: 6379, sentinelPort: PORT };
    dns = await DnsServer.start({ tool: loadTools().dnsmasq, ...where, ...service });
    use({ place, dns, log, start, textsOf });
  });
  afterEach(async () => {
    await place.tidy();
    sink._stderr = original;
    log.length = 0;
  });
  afterAll(async () => {
    await dns.stop();
    await place.remove();
  });

  async function start(flags: Readonly<Record<string, unknown>>, digit = '0'): Promise<void> {
    sink._stderr = { write: (text) => log.push(text) };
    const set = { service: 'redis', namespace: 'shop', port: PORT, 'dns-servers': dns.address };
    const all = { ...defaults, ...set, 'rendered-config': '/not/mounted/redis.conf', ...flags };
    const sidecar = await startSidecar(parseRunConfig(all, digit.repeat(40)));
    place.closing(sidecar, () => sidecar.stop());
  }

  function textsOf(event: string): string[] {
    const lines = log.map((line) => JSON.parse(line) as { event: string; message: string });
    return lines.filter((line) => line.event === event).map(({ message }) => message);
  }
}

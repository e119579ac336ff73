import { expect, test } from '@jest/globals';
import type { RedisProcess } from '@sentinel-micro/testkit';
import { RawClient } from '../../runtime/test/raw-client.ts';
import { until } from '../../runtime/test/support.ts';
import { PORT } from './commands-support.ts';
import { useSidecarPlace, type SidecarPlace } from './sidecar-place.ts';

const PASSWORD = 'open-sesame-7';
const WRONG = 'wrong-one-8';
const FOR_CLIENTS = 'for-clients-8-Xy';

let there: SidecarPlace;
useSidecarPlace((made) => (there = made));

/** One pod of a set with the given password. */
async function startPod(index: number, redis: RedisProcess, password: string, format: string): Promise<void> {
  const { host } = redis.target;
  const own = { 'pod-name': `redis-${index}`, 'pod-uid': `uid-${index}`, 'pod-ip': host, listen: host };
  const passwords = { 'redis-password': password, 'sentinel-password': FOR_CLIENTS };
  const timings = { 'lease-ms': 1000, 'guard-ms': 150, 'heartbeat-ms': 100, 'down-after-ms': 300 };
  const log = { 'log-level': 'debug', 'log-format': format };
  await there.start({ ...own, ...passwords, ...timings, ...log, replicas: '2', 'http-port': 0 }, String(index));
}

test.each(['json', 'pretty'])(
  'the password is never printed (%s): login works, is refused, by Redis and by peers',
  async (format) => {
    const { place, dns, log } = there;
    const redis = await place.redis({ password: PASSWORD });
    const other = await place.redis({ password: PASSWORD });
    await dns.setPods([
      { name: 'redis-0', ip: redis.target.host },
      { name: 'redis-1', ip: other.target.host },
    ]);
    await startPod(0, redis, PASSWORD, format);
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
    const all = [...log, JSON.stringify(told)].join('');
    expect(all).toContain('redis-0');
    expect(all).not.toContain(PASSWORD);
    expect(all).not.toContain(WRONG);
    expect(all).not.toContain(FOR_CLIENTS);
  },
);

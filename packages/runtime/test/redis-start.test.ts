import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { RedisProcess } from '@sentinel-micro/testkit';
import { systemClock, watchOwnRedis, type OwnRedisOptions } from '../src/index.ts';
import { bootFenceDoubt } from '../src/redis-start.ts';
import { Place, TIMEOUTS, until } from './support.ts';

const FILE = '/redis-config/redis.conf';
let place: Place;

beforeAll(async () => {
  place = await Place.make();
});
afterEach(() => place.tidy());
afterAll(() => place.remove());

async function doubtOf(config: readonly string[], announcedIp: string): Promise<string | null> {
  const redis = await place.redis({ config: [...config] });
  return bootFenceDoubt(await place.connect(redis.target), { announcedIp, file: FILE });
}

describe('was this Redis started from what make-slave has rendered for its pod', () => {
  test('yes, when it announces the address of the pod', async () => {
    expect(await doubtOf(['replica-announce-ip 10.0.0.7'], '10.0.0.7')).toBeNull();
  });

  test('no, when it announces none: the file, the danger and the remedy are named', async () => {
    const doubt = await doubtOf([], '10.0.0.7');
    expect(doubt).toMatch(
      /^Redis was started from \/\S+\.conf, which is not what make-slave has rendered for this pod/,
    );
    expect(doubt).toContain('may come back as a master without a lease');
    expect(doubt).toContain(`start it with: redis-server ${FILE}`);
  });

  test('no, when it announces another one: the file of another pod, or of another life', async () => {
    expect(await doubtOf(['replica-announce-ip 10.0.0.8'], '10.0.0.7')).toContain(
      'is not what make-slave has rendered',
    );
  });

  test('nobody knows, when the user may not ask', async () => {
    const redis = await place.redis({ config: ['user default on nopass ~* +@all -config'] });
    const connection = await place.connect(redis.target);
    expect(await bootFenceDoubt(connection, { announcedIp: '10.0.0.7', file: FILE })).toBeNull();
  });
});

describe('the sidecar says so', () => {
  interface Watched {
    readonly redis: RedisProcess;
    /** How often it was said. */
    readonly said: () => number;
    readonly samples: () => number;
  }

  async function watch(bootFence: OwnRedisOptions['bootFence']): Promise<Watched> {
    const redis = await place.redis();
    let [samples, said] = [0, 0];
    const own = watchOwnRedis({
      target: redis.target,
      timeouts: TIMEOUTS,
      sampleEveryMs: 20,
      downAfterMs: 1000,
      clock: systemClock,
      bootFence,
      onSample: ({ outcome }) => (samples += outcome === 'info' ? 1 : 0),
      onNews: (level, event) => (said += level === 'warn' && event === 'boot-fence' ? 1 : 0),
    });
    place.closing(own, () => own.stop());
    await until('some samples', () => samples > 10);
    return { redis, said: () => said, samples: () => samples };
  }

  const FENCE = { announcedIp: '10.0.0.7', file: FILE };

  test('once, and not with every look, and not on every connection', async () => {
    const { redis, said, samples } = await watch(FENCE);
    expect(said()).toBe(1);
    expect(Number(await redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'))).toBeGreaterThan(0);
    const before = samples();
    await until('more samples', () => samples() > before + 10);
    expect(said()).toBe(1);
  });

  test('and again when another process has been started the same way', async () => {
    const { redis, said } = await watch(FENCE);
    await redis.killAndWait();
    await place.redis({ host: redis.target.host });
    await until('it to be said again', () => said() === 2);
  });

  test('and not when it was not told what to expect', async () => {
    expect((await watch(undefined)).said()).toBe(0);
  });
});

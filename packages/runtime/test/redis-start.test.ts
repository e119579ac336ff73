import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
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
  async function newsOf(bootFence: OwnRedisOptions['bootFence']): Promise<string[]> {
    const redis = await place.redis();
    const news: string[] = [];
    let samples = 0;
    const own = watchOwnRedis({
      target: redis.target,
      timeouts: TIMEOUTS,
      sampleEveryMs: 20,
      clock: systemClock,
      bootFence,
      onSample: () => (samples += 1),
      onNews: (level, event) => news.push(`${level} ${event}`),
    });
    place.closing(own, () => own.stop());
    await until('some samples', () => samples > 10);
    return news.filter((line) => line.endsWith('boot-fence'));
  }

  test('once for each process, and not with every look', async () => {
    expect(await newsOf({ announcedIp: '10.0.0.7', file: FILE })).toEqual(['warn boot-fence']);
  });

  test('and not when it was not told what to expect', async () => {
    expect(await newsOf(undefined)).toEqual([]);
  });
});

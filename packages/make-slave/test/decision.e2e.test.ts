import { describe, expect, test } from '@jest/globals';
import { arePortsFree, waitUntil } from '@sentinel-micro/testkit';
import {
  ip1,
  ip2,
  network,
  newPods,
  REDIS_PORT,
  runIdOf,
  self,
  SIDECAR_PORT,
  threePods,
  useNetwork,
  type Run,
} from './e2e-support.ts';

const LIMBO = 'replicaof 127.0.0.1 1';
const replicaof = (ip: string): string => `replicaof ${ip} ${String(REDIS_PORT)}`;

useNetwork();

function expectLimbo(run: Run, reason: RegExp): void {
  expect(run.reason).toMatch(reason);
  expect(run.reason).toMatch(/^starts in limbo/);
  expect(run.code).toBe(0);
  expect(network.written(self)).toContain(LIMBO);
}

function expectReplica(run: Run, ip: string, reason: RegExp): void {
  expect(run.reason).toMatch(reason);
  expect(run.code).toBe(0);
  expect(network.written(self)).toContain(replicaof(ip));
  expect(network.written(self)).not.toContain(LIMBO);
}

describe('the master is found', () => {
  test('through the sidecars', async () => {
    await threePods();
    const master = await network.redis(ip1);
    const named = { pod: 'redis-1', ip: ip1, runId: await runIdOf(master), term: 4 };
    await network.sidecar(ip1, { pod: 'redis-1', master: named });
    await network.sidecar(ip2, { pod: 'redis-2', master: named });
    expectReplica(await network.run(self), ip1, /2 of 3 sidecars name redis-1 .* as master of term 4/);
  });

  test('through one sidecar, although DNS does not list the master', async () => {
    await threePods();
    await network.redis(ip1);
    await network.sidecar(ip2, { pod: 'redis-2', master: { pod: 'redis-1', ip: ip1, term: 4 } });
    await network.dns.removePod('redis-1');
    expectReplica(await network.run(self), ip1, /1 of 3 sidecars name/);
  });

  test('through the Redis instances alone, with user and password', async () => {
    await threePods();
    const config = ['user app on >secret ~* &* +@all'];
    await network.redis(ip1, { password: 'secret', config });
    await network.redis(ip2, { password: 'secret', masterIp: ip1, config });
    const env = { SENTINEL_MICRO_REDIS_PASSWORD: 'secret' };
    const run = await network.run(self, { 'redis-username': 'app' }, env);
    expectReplica(run, ip1, /no sidecar names a master, but .* that 1 other instance/);
    expect(network.written(self)).toEqual(expect.arrayContaining(['masteruser app', 'masterauth secret']));
    expect(run.stderr).not.toContain('secret');
  });

  test('by a full Service name, and by plain addresses when there is no SRV record', async () => {
    await threePods();
    await network.redis(ip1);
    await network.sidecar(ip2, { pod: 'redis-2', master: { pod: 'redis-1', ip: ip1, term: 1 } });
    const byName = await network.run(self, { service: network.dns.serviceFqdn });
    expectReplica(byName, ip1, /redis-1/);
    // The name of one pod has only an A record.
    const byAddress = await network.run(self, { service: `redis-2.${network.dns.serviceFqdn}`, namespace: 'shop' });
    expect(byAddress.code).toBe(0);
    // Another Service is another cluster: its sidecar does not count.
    expectLimbo(byAddress, /no sidecar names a master/);
    expect(byAddress.log).toContainEqual(expect.objectContaining({ event: 'stranger', level: 'warn' }));
  });

  test('at an IPv6 address', async () => {
    if (!(await arePortsFree('::1', [REDIS_PORT, SIDECAR_PORT]))) return;
    await threePods();
    await network.redis('::1');
    const cluster = '::1.shop/mymaster';
    await network.sidecar('::1', { pod: 'redis-1', cluster, master: { pod: 'redis-1', ip: '0:0::1', term: 1 } });
    const run = await network.run(self, { service: '::1', 'pod-ip': 'FD00:0::A' });
    expectReplica(run, '::1', /redis-1 at \[::1\]:6379/);
    expect(network.written(self)).toContain('replica-announce-ip fd00::a');
  });
});

describe('limbo, exit 0, and the log says why', () => {
  test('DNS is down', async () => {
    await threePods();
    await network.dns.stop();
    const run = await network.run(self);
    await network.dns.start();
    expectLimbo(run, /DNS has no pods for --service redis .*ECONNREFUSED.*does DNS answer at all/);
  });

  test('DNS is silent: the time is bounded', async () => {
    await threePods();
    await network.dns.pause();
    const run = await network.run(self);
    await network.dns.resume();
    expectLimbo(run, /DNS does not tell who the peers are: no answer within 1000 ms/);
    expect(run.tookMs).toBeLessThan(5000);
  });

  test('the Service is not known', async () => {
    await threePods();
    expectLimbo(
      await network.run(self, { service: 'other' }),
      /DNS has no pods for --service other .*ENOTFOUND.*publishNotReadyAddresses: true/,
    );
  });

  test('it finds only itself', async () => {
    await newPods(1);
    expectLimbo(await network.run(self), /DNS names no other pod than this one; is publishNotReadyAddresses set/);
  });

  test('nobody answers', async () => {
    await threePods();
    expectLimbo(await network.run(self), /no Redis is a master \(no INFO from .*ECONNREFUSED/);
  });

  test('a Redis hangs: the time is bounded', async () => {
    await threePods();
    const redis = await network.redis(ip1);
    redis.pause();
    const run = await network.run(self);
    redis.resume();
    expectLimbo(run, /no INFO from .*no answer/);
    expect(run.tookMs).toBeLessThan(5000);
  });

  test('the sidecar belongs to another cluster', async () => {
    await threePods();
    await network.redis(ip1);
    await network.redis(ip2, { masterIp: ip1 });
    await network.sidecar(ip1, {
      pod: 'redis-1',
      cluster: 'redis.other/mymaster',
      master: { pod: 'redis-1', ip: ip1, term: 9 },
    });
    const run = await network.run(self);
    expectLimbo(run, /no sidecar names a master, and no Redis is a master/);
    expect(run.log).toContainEqual(
      expect.objectContaining({
        event: 'stranger',
        message: `${ip1} is ignored: its sidecar belongs to another cluster (redis.other/mymaster, this one is redis.shop/mymaster)`,
      }),
    );
  });

  test('the sidecar belongs to no pod of this set', async () => {
    await threePods();
    await network.redis(ip1);
    await network.sidecar(ip1, { pod: 'redis-7', master: { pod: 'redis-1', ip: ip1, term: 9 } });
    const run = await network.run(self);
    expectLimbo(run, /no sidecar names a master/);
    expect(run.log).toContainEqual(expect.objectContaining({ event: 'stranger', ip: ip1 }));
  });

  test('the password is wrong', async () => {
    await threePods();
    await network.redis(ip1, { password: 'right' });
    await network.redis(ip2, { password: 'right', masterIp: ip1 });
    await network.sidecar(ip1, { pod: 'redis-1', password: 'right', master: { pod: 'redis-1', ip: ip1, term: 1 } });
    const wrong = await network.run(self, {}, { SENTINEL_MICRO_REDIS_PASSWORD: 'wrong' });
    expectLimbo(wrong, /WRONGPASS/);
    expectLimbo(await network.run(self), /NOAUTH/);
  });

  test('the others need no password, but this set has one', async () => {
    await threePods();
    await network.redis(ip1);
    await network.redis(ip2, { masterIp: ip1 });
    const run = await network.run(self, {}, { SENTINEL_MICRO_REDIS_PASSWORD: 'ours' });
    expectLimbo(run, /it has no password, but this set has one/);
  });

  test.each(['a dead', 'a replica', 'a restarted', 'its own', 'its former'])(
    'the named master is %s one',
    async (what) => {
      await threePods();
      const named = {
        'a dead': { pod: 'redis-1', ip: ip1 },
        'a replica': { pod: 'redis-1', ip: ip1 },
        'a restarted': { pod: 'redis-1', ip: ip1, runId: 'f'.repeat(40) },
        'its own': { pod: 'redis-1', ip: self.ip },
        'its former': { pod: 'redis-0', ip: ip1 },
      }[what]!;
      if (what === 'a replica') {
        await network.redis(ip2);
        await network.redis(ip1, { masterIp: ip2 });
      } else if (what !== 'a dead') await network.redis(ip1);
      await network.sidecar(ip2, { pod: 'redis-2', master: { ...named, term: 3 } });
      const why = {
        'a dead': /ECONNREFUSED/,
        'a replica': /but it is a replica of/,
        'a restarted': /but it is another process than the one that was promoted/,
        'its own': /but that is this pod's own address/,
        'its former': /but that is an earlier life of this pod/,
      }[what]!;
      expectLimbo(await network.run(self), why);
    },
  );

  test('the named master is still loading its data', async () => {
    await threePods();
    const first = await network.redis(ip1);
    await first.command('EVAL', "for i = 1, 20000 do redis.call('set', 'key' .. i, i) end", 0);
    await first.command('SAVE');
    await first.killAndWait();
    const loading = await network.redis(ip1, {
      config: ['key-load-delay 1000', 'loading-process-events-interval-bytes 1024'],
    });
    await waitUntil(async () => ((await loading.text('INFO')).includes('\nloading:1') ? true : undefined), {
      what: 'Redis to be loading',
      timeoutMs: 5000,
    });
    await network.sidecar(ip2, { pod: 'redis-2', master: { pod: 'redis-1', ip: ip1, term: 3 } });
    expectLimbo(await network.run(self), /but it is still loading its data/);
  });

  test('there are two masters', async () => {
    const [, one, two, three, four] = (await newPods(5)).map(({ ip }) => ip);
    await network.redis(one!);
    await network.redis(two!);
    await network.redis(three!, { masterIp: one! });
    await network.redis(four!, { masterIp: two! });
    expectLimbo(await network.run(self, { replicas: '5' }), /several masters have followers/);
  });

  test('nobody follows the master', async () => {
    await threePods();
    await network.redis(ip1);
    await network.redis(ip2);
    expectLimbo(await network.run(self), /nobody follows the master/);
  });
});

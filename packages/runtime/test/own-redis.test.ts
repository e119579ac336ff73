import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { RedisCommander, type RedisProcess } from '@sentinel-micro/testkit';
import type { RedisSample } from '@sentinel-micro/core';
import {
  bulk,
  bulks,
  serveResp,
  systemClock,
  watchOwnRedis,
  type OwnRedis,
  type OwnRedisOptions,
  type RedisTarget,
  type Reply,
} from '../src/index.ts';
import { deferred, place, SHORT, TIMEOUTS, until, usePlace } from './support.ts';

const HOUR_MS = 3_600_000;
const SET_MIN_0 = { kind: 'set-min-replicas', count: 0, deadlineMs: Number.MAX_SAFE_INTEGER } as const;
usePlace();

interface Watched {
  readonly own: OwnRedis;
  readonly samples: { readonly sample: RedisSample; readonly minReplicas: number | null }[];
  /** Waits for one more sample of this kind. */
  next(outcome: RedisSample['outcome']): Promise<RedisSample>;
}

/** Without a heartbeat unless told otherwise: what is seen then is seen by events alone. */
function watch(target: RedisTarget, change: Partial<OwnRedisOptions> = {}): Watched {
  const samples: Watched['samples'] = [];
  const own = watchOwnRedis({
    target,
    timeouts: TIMEOUTS,
    sampleEveryMs: HOUR_MS,
    downAfterMs: HOUR_MS,
    clock: systemClock,
    onSample: (sample, minReplicas) => samples.push({ sample, minReplicas }),
    ...change,
  });
  place.closing(own, () => own.stop());
  return {
    own,
    samples,
    async next(outcome) {
      const from = samples.length;
      const found = (): RedisSample | undefined =>
        samples.slice(from).find(({ sample }) => sample.outcome === outcome)?.sample;
      await until(`a sample "${outcome}"`, () => found() !== undefined);
      return found()!;
    },
  };
}

function runIdIn(sample: RedisSample): string | null {
  if (sample.outcome !== 'info') throw new Error(`no INFO: ${JSON.stringify(sample)}`);
  return sample.info.runId;
}

async function again(redis: RedisProcess): Promise<RedisProcess> {
  const { host, port } = redis.target;
  // It is known to be dead a moment before the kernel has closed all that it had, the port among them.
  await redis.process.exited;
  return place.redis({ host, port });
}

describe('the life of a Redis', () => {
  test('it is there: INFO at once, with min-replicas-to-write as it is', async () => {
    const redis = await place.redis({ config: ['min-replicas-to-write 2'] });
    const watched = watch(redis.target);
    await watched.next('info');
    expect(watched.samples).toEqual([
      { sample: expect.objectContaining({ outcome: 'info' }) as unknown, minReplicas: 2 },
    ]);
  });

  test.each([undefined, 'open-sesame-7'])('it is killed: refused, without waiting (password %s)', async (password) => {
    const redis = await place.redis({ password });
    const watched = watch(redis.target);
    await watched.next('info');
    const refused = watched.next('refused');
    redis.kill('SIGKILL');
    await refused;
    // The closed socket alone says nothing; what came of connecting again is the fact.
    expect(watched.samples.map(({ sample }) => sample.outcome).slice(0, 2)).toEqual(['info', 'refused']);
  });

  test('it comes back: another run id, and its settings are read anew', async () => {
    const redis = await place.redis();
    const watched = watch(redis.target);
    const first = runIdIn(await watched.next('info'));
    const refused = watched.next('refused');
    redis.kill('SIGKILL');
    await refused;
    const back = watched.next('info');
    const { host, port } = redis.target;
    await place.redis({ host, port, config: ['min-replicas-to-write 1'] });
    expect(runIdIn(await back)).not.toBe(first);
    expect(watched.samples.at(-1)!.minReplicas).toBe(1);
  });

  test('it is not there yet: refused, until it is', async () => {
    const redis = await place.redis();
    await redis.killAndWait();
    const watched = watch(redis.target);
    await watched.next('refused');
    const info = watched.next('info');
    await again(redis);
    await info;
  });

  test('it freezes: silent; it runs again: INFO, over the same connection', async () => {
    const redis = await place.redis();
    const watched = watch(redis.target, { timeouts: SHORT, sampleEveryMs: 20 });
    const first = runIdIn(await watched.next('info'));
    const silent = watched.next('silent');
    redis.pause();
    await silent;
    const info = watched.next('info');
    redis.resume();
    expect(runIdIn(await info)).toBe(first);
    expect(watched.samples.map(({ sample }) => sample.outcome)).not.toContain('refused');
    expect(Number(/total_connections_received:(\d+)/.exec(await redis.text('INFO', 'stats'))?.[1])).toBe(2);
  });

  test('it freezes, and counts as hung: silent at that moment, though nobody asks again', async () => {
    const redis = await place.redis();
    const watched = watch(redis.target, { timeouts: SHORT, downAfterMs: 600 });
    await watched.next('info');
    redis.pause();
    const silent = watched.next('silent');
    watched.own.sample();
    await silent;
    await watched.next('silent');
    expect(watched.samples.map(({ sample }) => sample.outcome)).toEqual(['info', 'silent', 'silent']);
    redis.resume();
  });

  test('it was frozen before it was ever reached: silent', async () => {
    const redis = await place.redis();
    redis.pause();
    await watch(redis.target, { timeouts: SHORT, sampleEveryMs: 20 }).next('silent');
    redis.resume();
  });

  test('it freezes, and is killed then: refused', async () => {
    const redis = await place.redis();
    const watched = watch(redis.target, { timeouts: SHORT, sampleEveryMs: 20 });
    await watched.next('info');
    const silent = watched.next('silent');
    redis.pause();
    await silent;
    const refused = watched.next('refused');
    redis.kill('SIGKILL');
    await refused;
  });
});

describe('an answer is an answer, also when it is an error', () => {
  test('wrong password', async () => {
    const redis = await place.redis({ password: 'open-sesame-7' });
    const watched = watch({ ...redis.target, password: 'wrong-one-8' });
    expect(await watched.next('error')).toEqual({ outcome: 'error', code: 'WRONGPASS' });
    expect(JSON.stringify(watched.samples)).not.toContain('wrong-one-8');
  });

  test('no right to ask', async () => {
    const redis = await place.redis();
    await redis.command('ACL', 'SETUSER', 'app', 'on', '>secret', '+auth');
    const watched = watch({ ...redis.target, username: 'app', password: 'secret' });
    expect(await watched.next('error')).toEqual({ outcome: 'error', code: 'NOPERM' });
  });

  test.each([undefined, 'open-sesame-7'])(
    'too many clients: alive, and asked no more often than need be (%s)',
    async (password) => {
      const redis = await place.redis({ password });
      await redis.command('CONFIG', 'SET', 'maxclients', 1);
      const watched = watch(redis.target);
      expect(await watched.next('error')).toEqual({ outcome: 'error', code: 'ERR' });
      const rejected = async (): Promise<number> =>
        Number(/rejected_connections:(\d+)/.exec(await redis.text('INFO', 'stats'))?.[1]);
      const [samples, before] = [watched.samples.length, await rejected()];
      await until('some more attempts', () => watched.samples.length >= samples + 4);
      // One sample for each attempt: it does not try again and again behind the back of whoever watches.
      expect((await rejected()) - before).toBeLessThanOrEqual(watched.samples.length - samples + 2);
      const info = watched.next('info');
      await redis.command('CONFIG', 'SET', 'maxclients', 100);
      await info;
    },
  );
});

test('what takes connections only to close them is not asked in a tight loop', async () => {
  const host = await place.host(6379);
  let taken = 0;
  const rude = createServer((socket) => {
    taken += 1;
    socket.on('error', () => undefined).destroy();
  });
  place.closing(rude, (server) => server.close());
  await new Promise<void>((resolve) => rude.listen({ host, port: 6379 }, resolve));
  const watched = watch({ host, port: 6379 });
  await until('some samples', () => watched.samples.length >= 4);
  expect(new Set(watched.samples.map(({ sample }) => sample.outcome))).toEqual(new Set(['silent']));
  expect(taken).toBeLessThanOrEqual(watched.samples.length + 8);
});

describe('min-replicas-to-write', () => {
  test('is told also when INFO was asked before the answer to it came', async () => {
    const redis = await place.redis();
    const text = await redis.text('INFO');
    const [config, info] = [deferred<Reply>(), deferred<Reply>()];
    let asked = 0;
    const host = await place.host(6379);
    const server = await serveResp(host, 6379, (_session, words) => {
      if (words[0] === 'CONFIG') return config.promise;
      asked += 1;
      return asked === 1 ? info.promise : bulk(text);
    });
    place.closing(server, () => server.close());
    const watched = watch({ host, port: 6379 }, { sampleEveryMs: 10 });
    await until('the heartbeat to ask for INFO, if it does', () => asked > 0).catch(() => undefined);
    config.resolve(bulks(['min-replicas-to-write', '2']));
    await until('INFO to be asked', () => asked > 0);
    info.resolve(bulk(text));
    await until('min-replicas-to-write to be told', () => watched.samples.some(({ minReplicas }) => minReplicas === 2));
    expect(watched.samples.filter(({ minReplicas }) => minReplicas !== null)).toHaveLength(1);
  });

  test('is unknown when it may not be asked; INFO is told all the same', async () => {
    const redis = await place.redis();
    await redis.command('ACL', 'SETUSER', 'app', 'on', '>secret', '+@all', '-config');
    const watched = watch({ ...redis.target, username: 'app', password: 'secret' });
    await watched.next('info');
    expect(watched.samples[0]!.minReplicas).toBeNull();
  });
});

describe('orders', () => {
  test('go to the connected Redis, and to none that comes later', async () => {
    const redis = await place.redis();
    const watched = watch(redis.target);
    expect(await watched.own.execute(SET_MIN_0)).toMatchObject({ ok: false, error: 'not connected to the own Redis' });
    await watched.next('info');
    expect(await watched.own.execute({ ...SET_MIN_0, count: 1 })).toEqual({ ok: true, info: null });
    const refused = watched.next('refused');
    redis.kill('SIGKILL');
    await refused;
    expect(await watched.own.execute({ ...SET_MIN_0, count: 2 })).toMatchObject({ ok: false });
    const info = watched.next('info');
    const next = await again(redis);
    await info;
    expect(await next.command('CONFIG', 'GET', 'min-replicas-to-write')).toEqual(['min-replicas-to-write', '0']);
  });

  test('sample(): INFO ahead of the heartbeat, and harmless when there is nobody', async () => {
    const redis = await place.redis();
    const watched = watch(redis.target);
    watched.own.sample();
    await watched.next('info');
    const info = watched.next('info');
    watched.own.sample();
    await info;
  });
});

describe('stop', () => {
  test('closes the connection, and nothing more is told', async () => {
    const redis = await place.redis();
    const watched = watch(redis.target, { sampleEveryMs: 10 });
    await watched.next('info');
    watched.own.stop();
    const told = watched.samples.length;
    await until('the connection to be closed', async () => (await clientsOf(redis)) === 1);
    expect(watched.samples).toHaveLength(told);
  });

  test('also while it connects', async () => {
    const redis = await place.redis();
    const watched = watch(redis.target);
    watched.own.stop();
    // This client connects later; when it is served, the watcher's attempt has been as well.
    const later = place.closing(new RedisCommander(redis.target), (commander) => commander.close());
    await later.command('PING');
    await until('the connection to be closed', async () => (await clientsOf(redis)) === 2);
    expect(watched.samples).toEqual([]);
  });

  test('also while it logs in to a Redis that does not answer', async () => {
    const host = await place.host(6379);
    let open = 0;
    const mute = createServer((socket) => {
      open += 1;
      socket.on('error', () => undefined).on('close', () => (open -= 1));
      socket.resume();
    });
    place.closing(mute, (server) => server.close());
    await new Promise<void>((resolve) => mute.listen({ host, port: 6379 }, resolve));
    const watched = watch({ host, port: 6379, password: 'p' }, { timeouts: SHORT });
    await until('it to connect', () => open === 1);
    watched.own.stop();
    await until('the connection to be closed', () => open === 0);
    expect(watched.samples).toEqual([]);
  });

  async function clientsOf(redis: RedisProcess): Promise<number> {
    return (await redis.text('CLIENT', 'LIST')).trim().split('\n').length;
  }
});

describe('a pod that has lost its address', () => {
  test('its Redis is asked where it is reached now, on a connection of its own: the old one would never answer', async () => {
    const redis = await place.redis();
    const { host, port } = redis.target;
    const lost = await place.host(port);
    let isLost = false;
    const sockets: Socket[] = [];
    // As long as the address is there it leads to the Redis; what is sent there afterwards is never answered.
    const way = createServer((socket) => {
      sockets.push(socket.on('error', () => undefined));
      const behind = connect({ host, port }).on('error', () => undefined);
      socket.on('data', (chunk) => (isLost ? undefined : behind.write(chunk)));
      behind.on('data', (chunk) => socket.write(chunk));
      socket.on('close', () => behind.destroy());
    });
    place.closing(way, (server) => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    await new Promise<void>((resolve) => way.listen({ host: lost, port }, resolve));
    const news: string[] = [];
    const watched = watch(
      { host: lost, port },
      {
        ...{ timeouts: SHORT, sampleEveryMs: 20, hostNow: () => (isLost ? host : lost) },
        onNews: (_level, _event, text) => news.push(text),
      },
    );
    const before = runIdIn(await watched.next('info'));
    isLost = true;
    await watched.next('silent');
    expect(runIdIn(await watched.next('info'))).toBe(before);
    expect(
      await watched.own.execute({ kind: 'limbo', why: 'no lease', cutClients: false, atOnce: true }),
    ).toMatchObject({ ok: true });
    await watched.next('info');
    expect(await watched.next('info')).toMatchObject({ outcome: 'info', info: { role: 'replica' } });
    expect(news).toContainEqual(expect.stringContaining(`does not have the address ${lost}`));
  });

  test('that nobody takes connections elsewhere does not say that it is dead', async () => {
    const redis = await place.redis();
    const { host, port } = redis.target;
    const nobody = await place.host(port);
    let now = host;
    const watched = watch(redis.target, { timeouts: SHORT, sampleEveryMs: 20, hostNow: () => now });
    await watched.next('info');
    now = nobody;
    redis.pause();
    await watched.next('silent');
    await watched.next('silent');
    expect(watched.samples.map(({ sample }) => sample.outcome)).not.toContain('refused');
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  SERVER_NAMES,
  RedisProcess,
  findServers,
  loadTools,
  parseInfo,
  parseRole,
  waitUntil,
  type ServerName,
} from '../src/index.ts';
import { makePlace, type Place } from './helpers.ts';

/** What each says of itself; Valkey says for whose sake it stands in as `redis_version`. */
const VERSIONS: Record<ServerName, { field: string; version: string }> = {
  'redis-7.0': { field: 'redis_version', version: '7.0.' },
  'valkey-8.0': { field: 'valkey_version', version: '8.0.' },
  'redis-8.0': { field: 'redis_version', version: '8.0.' },
};

let place: Place;
const running: RedisProcess[] = [];

beforeAll(async () => {
  place = await makePlace();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((redis) => redis.killAndWait()));
});

afterAll(() => place.remove());

async function start(server: ServerName): Promise<RedisProcess> {
  const host = await place.addresses.take([6379]);
  const dir = join(place.dir, host);
  const redis = await RedisProcess.start({ tool: loadTools({ server }).redisServer, host, port: 6379, dir });
  running.push(redis);
  return redis;
}

describe('a server by version', () => {
  const present = findServers();
  for (const server of SERVER_NAMES) {
    const isHere = present.includes(server);
    if (!isHere) console.log(`${server} skipped: not fetched (node scripts/tools.mjs --server ${server})`);
    (isHere ? test : test.skip)(
      `${server} is the version in its name, replicates, and dies when it is killed`,
      async () => {
        const [master, replica] = [await start(server), await start(server)];
        const { field, version } = VERSIONS[server];
        expect(parseInfo(await master.text('INFO', 'server')).get(field)).toMatch(new RegExp(`^${version}`));
        await replica.command('REPLICAOF', master.target.host, 6379);
        await waitUntil(
          async () => (parseRole(await replica.text('INFO', 'replication')).linkUp === true ? true : undefined),
          { what: 'the link', timeoutMs: 10_000 },
        );
        // Whatever starts it must have become it: a signal to a shell or a linker in between would kill the wrong one.
        expect(readFileSync(`/proc/${String(master.pid)}/cmdline`, 'utf8')).toContain(`${master.target.host}:6379`);
        await master.killAndWait();
        await waitUntil(
          async () => (parseRole(await replica.text('INFO', 'replication')).linkUp === false ? true : undefined),
          { what: 'the end of the link', timeoutMs: 2000 },
        );
      },
    );
  }

  test('one that was never fetched is an error that says how to get it', () => {
    const missing = { server: 'redis-0.1' as ServerName };
    expect(() => loadTools(missing)).toThrow(/no redis-0\.1.*node scripts\/tools\.mjs --server redis-0\.1/);
  });
});

import { RECOMMENDED as RECOMMENDED_IO, ioredis } from './ioredis.ts';
import { iovalkey } from './iovalkey.ts';
import { RECOMMENDED as RECOMMENDED_NODE_REDIS, nodeRedis } from './node-redis.ts';
import { redisCli } from './redis-cli.ts';
import type { CreateClient } from './write-client.ts';

const CLIENTS: Readonly<Record<string, CreateClient>> = {
  ioredis: ioredis(RECOMMENDED_IO, 'ioredis 6.0.0'),
  'ioredis-detector': ioredis({ ...RECOMMENDED_IO, failoverDetector: true }, 'ioredis 6.0.0'),
  'ioredis-default': ioredis({}, 'ioredis 6.0.0'),
  iovalkey: iovalkey(RECOMMENDED_IO, 'iovalkey 0.4.0'),
  'iovalkey-default': iovalkey({}, 'iovalkey 0.4.0'),
  'node-redis': nodeRedis(RECOMMENDED_NODE_REDIS, 'node-redis 6.3.1'),
  'node-redis-default': nodeRedis({}, 'node-redis 6.3.1'),
  'redis-cli': redisCli(),
};

/** How a client of the catalogue is made that runs in Node. @throws Error when there is none of that name. */
export function createFor(name: string): CreateClient {
  const create = CLIENTS[name];
  if (create === undefined) throw new Error(`there is no client ${name}`);
  return create;
}

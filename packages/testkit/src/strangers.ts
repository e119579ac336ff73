import { writeKeys } from './keys.ts';
import { parseInfo } from './redis-info.ts';
import { RedisProcess, type RedisProcessOptions } from './redis-process.ts';
import type { TextSource } from './command-audit.ts';

/** How many keys a stranger's Redis has of its own: `foreign:0` and so on. */
export const FOREIGN_KEYS = 7;

/** A Redis of somebody else, a master with data of its own. @throws as `RedisProcess.start` and `command` */
export async function startForeignRedis(options: RedisProcessOptions): Promise<RedisProcess> {
  const redis = await RedisProcess.start(options);
  try {
    await writeKeys(redis, 'foreign', FOREIGN_KEYS);
    return redis;
  } catch (error) {
    await redis.killAndWait();
    throw error;
  }
}

/** How many replicas this Redis has given its data to since it was started, full or in part. @throws as `text` */
export async function syncsServedBy(redis: TextSource): Promise<number> {
  const stats = parseInfo(await redis.text('INFO', 'stats'));
  return Number(stats.get('sync_full')) + Number(stats.get('sync_partial_ok'));
}

/** Every request that a sidecar of another cluster would send, in a term that is newer than any; it calls itself `pod`. */
export function foreignMessages(pod: string, ip: string): ({ readonly type: string } & Record<string, unknown>)[] {
  const history = { replid: 'f'.repeat(40), replid2: null, secondReplOffset: null, offset: 1, ancestors: [] };
  const from = { pod, uid: 'u', incarnation: 'i', ip, redisPort: 6379, port: 26379, replicas: 3 };
  const announcement = { term: 99, pod, uid: 'u', ip, port: 6379, runId: 'r', history, isFounded: false };
  const envelope = { v: 1, cluster: 'redis.other/mymaster', from, term: 99 };
  return [
    { type: 'PREVOTE' },
    { type: 'ACQUIRE' },
    { type: 'RENEW', announcement, ranking: [], members: [] },
    { type: 'FREEZE' },
    { type: 'RELEASE', to: null, cause: 'fenced' },
    { type: 'ANNOUNCE', announcement },
  ].map((body) => ({ ...envelope, ...body }));
}

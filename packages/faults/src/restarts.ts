import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '@sentinel-micro/testkit';
import { until } from './looks.ts';

export type Disk = 'kept' | 'emptied';

/**
 * Kills a Redis (SIGKILL) and starts it again as soon as it is gone, without make-slave: what the kubelet does at its quickest.
 * A replica keeps the file of its last full sync, whatever `save` says, and comes back with it: to be empty takes an empty disk.
 */
export async function restartRedis(pod: Pod, disk: Disk): Promise<void> {
  pod.killRedis();
  await until(`${pod.name}'s Redis to be gone`, () => !pod.isRedisAlive());
  if (disk === 'emptied') rmSync(join(pod.files.dataDir, 'dump.rdb'), { force: true });
  await pod.startRedis();
}

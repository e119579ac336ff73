import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from './pod.ts';
import { sleep, waitUntilTrue } from './time.ts';

/** What a Redis finds when it is back. */
export type Disk = 'kept' | 'emptied';

/** A killed process is gone within milliseconds; a large one takes the kernel a second or two. */
const GONE_TIMEOUT_MS = 30_000;

/**
 * Kills a Redis (SIGKILL) and starts it again as soon as it is gone, without make-slave: what the kubelet does at its quickest.
 * A replica keeps the file of its last full sync, whatever `save` says, and comes back with it: to be empty takes an empty disk.
 * @throws TestkitError PROCESS_FAILED, TIMEOUT
 */
export async function restartRedis(pod: Pod, disk: Disk): Promise<void> {
  pod.killRedis();
  await startRedisWhenGone(pod, disk);
}

/**
 * Starts a Redis that was killed, as soon as it is gone: with the same configuration, and what is on its disk.
 * @throws as `restartRedis`
 */
export async function startRedisWhenGone(pod: Pod, disk: Disk = 'kept'): Promise<void> {
  await gone(`${pod.name}'s Redis`, () => pod.isRedisAlive());
  if (disk === 'emptied') emptyFolder(pod.files.dataDir);
  await pod.startRedis();
}

/** Kills a sidecar (SIGKILL) and starts it again as soon as it is gone, or after a while. @throws as `restartRedis` */
export async function restartSidecar(pod: Pod, afterMs = 0): Promise<void> {
  pod.killSidecar();
  await gone(`${pod.name}'s sidecar`, () => pod.isSidecarAlive());
  await sleep(afterMs);
  await pod.startSidecar();
}

/** Kills the sidecars of these pods (SIGKILL). Waits until they are gone. @throws as `restartRedis` */
export async function killSidecars(pods: readonly Pod[]): Promise<void> {
  for (const pod of pods) pod.killSidecar();
  await gone('the sidecars', () => pods.some((pod) => pod.isSidecarAlive()));
}

/** Kills both containers of these pods (SIGKILL), as a power cut would. Waits until they are gone. @throws as `restartRedis` */
export async function killContainers(pods: readonly Pod[]): Promise<void> {
  for (const pod of pods) {
    pod.killSidecar();
    pod.killRedis();
  }
  await gone('what was killed', () => pods.some((pod) => pod.isRedisAlive() || pod.isSidecarAlive()));
}

async function gone(what: string, isAlive: () => boolean): Promise<void> {
  // Each millisecond: stories are told of a Redis that is back before anybody has noticed.
  await waitUntilTrue(() => !isAlive(), { what: `${what} to be gone`, timeoutMs: GONE_TIMEOUT_MS, intervalMs: 1 });
}

/** The folder itself stays: it may be a volume. */
function emptyFolder(dir: string): void {
  for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true, force: true });
}

import { logged, parseInfo, waitUntilTrue, type Pod } from '@sentinel-micro/testkit';

const PATIENCE_MS = 10_000;
/** Where a Redis in limbo looks for its master. */
export const LIMBO_HOST = '127.0.0.1';

/** How many bytes the sidecars have said to be thrown away, all of them together. */
export function discardedBytes(pods: readonly Pod[]): number {
  return logged(pods, 'repoint', 'repair').reduce((sum, { discardedBytes: bytes }) => sum + Number(bytes ?? 0), 0);
}

/** Gives a Redis this priority for promotion (0: never), and waits until its sidecar tells so. @throws TestkitError */
export async function setPriority(pod: Pod, priority: number): Promise<void> {
  await pod.command('CONFIG', 'SET', 'replica-priority', priority);
  await until(`the sidecar of ${pod.name} to tell its priority`, async () => {
    const { position } = (await pod.peerStatus()).raw['redis'] as { position: { priority: number } | null };
    return position?.priority === priority;
  });
}

/** Waits until this Redis follows that one, by its own word. @throws as `until` */
export async function untilFollowing(pod: Pod, master: Pod): Promise<void> {
  await until(`${pod.name} to follow ${master.name}`, async () => (await pod.role()).masterHost === master.ip);
}

/** Whether this Redis follows nobody and takes no writes. */
export async function isInLimbo(pod: Pod): Promise<boolean> {
  const { role, masterHost } = await pod.role();
  return role === 'replica' && masterHost === LIMBO_HOST;
}

/** One field of INFO, all sections. */
export async function infoOf(pod: Pod, field: string): Promise<string | undefined> {
  return parseInfo(await pod.text('INFO', 'everything')).get(field);
}

/** Waits until this is so. @throws TestkitError TIMEOUT after 10 s */
export async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  await waitUntilTrue(isSo, { what, timeoutMs: PATIENCE_MS });
}

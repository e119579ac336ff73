import { parseInfo, waitUntil, type Pod } from '@sentinel-micro/testkit';

const PATIENCE_MS = 10_000;
/** Where a Redis in limbo looks for its master. */
export const LIMBO_HOST = '127.0.0.1';

/** The lines with one of these events in the logs of these sidecars. */
export function logged(pods: readonly Pod[], ...events: readonly string[]): Record<string, unknown>[] {
  return pods.flatMap((pod) => pod.sidecarLog(5000)).filter(({ event }) => events.includes(String(event)));
}

/** How many bytes the sidecars have said to be thrown away, all of them together. */
export function discardedBytes(pods: readonly Pod[]): number {
  return logged(pods, 'repoint', 'repair').reduce((sum, { discardedBytes: bytes }) => sum + Number(bytes ?? 0), 0);
}

/** Gives a Redis this priority for promotion (0: never), and waits until its sidecar tells so. @throws TestkitError */
export async function setPriority(pod: Pod, priority: number): Promise<void> {
  await pod.command('CONFIG', 'SET', 'replica-priority', priority);
  const isTold = async (): Promise<true | undefined> => {
    const { position } = (await pod.peerStatus()).raw['redis'] as { position: { priority: number } | null };
    return position?.priority === priority ? true : undefined;
  };
  await waitUntil(isTold, { what: `the sidecar of ${pod.name} to tell its priority`, timeoutMs: PATIENCE_MS });
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
  const probe = async (): Promise<true | undefined> => ((await isSo()) ? true : undefined);
  await waitUntil(probe, { what, timeoutMs: PATIENCE_MS });
}

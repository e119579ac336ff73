import { nowMs, sleep, TestkitError, type ClusterOptions, type Pod } from '@sentinel-micro/testkit';
import { PATIENCE_MS } from './cluster-helpers.ts';

const HTTP_PORT = 18_080;
const PROBE_TIMEOUT_MS = 1000;
/** How often a kubelet that is in a hurry probes. */
export const PROBE_EVERY_MS = 50;

export const HTTP_FLAGS: NonNullable<ClusterOptions['sentinelFlags']> = ['--http-port', String(HTTP_PORT)];

export interface Probe {
  /** 0 when there was no answer in time. */
  readonly status: number;
  readonly body: string;
}

export async function probe(pod: Pod, path: string): Promise<Probe> {
  try {
    const response = await fetch(`http://${pod.ip}:${HTTP_PORT}${path}`, {
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    return { status: 0, body: String(error) };
  }
}

export async function isReady(pod: Pod): Promise<boolean> {
  return (await probe(pod, '/readyz')).status === 200;
}

/** What the controller waits for before it goes on. @throws TestkitError TIMEOUT with the reasons that the pod has given last */
export async function untilReady(pod: Pod): Promise<void> {
  const untilMs = nowMs() + PATIENCE_MS;
  let last = await probe(pod, '/readyz');
  while (last.status !== 200) {
    if (nowMs() > untilMs) throw new TestkitError('TIMEOUT', `${pod.name} does not get ready:\n${last.body}`);
    await sleep(PROBE_EVERY_MS);
    last = await probe(pod, '/readyz');
  }
}

import type { Input, NodeState } from '@sentinel-micro/core';
import type { Logger } from '@sentinel-micro/runtime';
import type { RunConfig } from '../config.ts';
import type { KubeSide } from './kube-side.ts';

const NONE: KubeSide = {
  onDecided: () => undefined,
  leave: () => Promise.resolve(),
  failures: {},
  close: () => Promise.resolve(),
};

/**
 * Keeps labels and writes Events, when a flag asks for it: only then is the code for it loaded.
 * @param state that of the loop, now; null while the sidecar is being put together
 * @param feed the loop, for what the StatefulSet says
 * @throws UsageError when it is not given how the API is reached.
 */
export async function startKube(
  { kube, node }: Pick<RunConfig, 'kube' | 'node'>,
  logger: Logger,
  state: () => NodeState | null,
  feed: (input: Input) => void,
): Promise<KubeSide> {
  if (kube === null) return NONE;
  const { openKube } = await import('./open.ts');
  return openKube(kube, node, logger, { state, feed });
}

import type { Decision, NodeState } from '@sentinel-micro/core';
import type { KubeFailureCounts } from './failure-kinds.ts';

/** What the sidecar does with the Kubernetes API, as the sidecar sees it. */
export interface KubeSide {
  onDecided(decision: Decision, before: NodeState): void;
  /** To be awaited before a stop is begun; takes a moment at most. */
  leave(): Promise<void>;
  /** Calls that have failed. */
  readonly failures: KubeFailureCounts;
  /** Takes a moment at most. */
  close(): Promise<void>;
}

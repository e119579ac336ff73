import type { PodProgram } from '@sentinel-micro/testkit';

/** Differences from the usual set. */
export interface Setup {
  readonly sentinelFlags?: readonly string[];
  readonly makeSlaveFlags?: readonly string[];
  readonly baseConfig?: readonly string[];
  readonly password?: string;
  /** What runs in the pods beside redis-server. */
  readonly program?: PodProgram;
}

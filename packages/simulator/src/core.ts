import * as core from '@sentinel-micro/core';

/** The part of the core that a simulated sidecar turns on; a planted fault is a core with one of these, or what is behind it, changed. */
export type Core = Pick<
  typeof core,
  | 'decide'
  | 'startNode'
  | 'memoryOf'
  | 'statusOf'
  | 'heldUntilMs'
  | 'introductions'
  | 'isPodOfSet'
  | 'decideBootstrap'
  | 'quorumOf'
  | 'deriveTimings'
  | 'sharesAncestry'
>;

/** The core as it is. */
export const realCore: Core = core;

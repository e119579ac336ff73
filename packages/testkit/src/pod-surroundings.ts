import type { Home } from './ground.ts';
import type { PodProgram } from './pod-program.ts';
import type { RedisTarget } from './redis-client.ts';

/** What a pod needs from the cluster around it. */
export interface PodSurroundings {
  /** What runs beside redis-server. */
  readonly program: PodProgram;
  /** A home at a fresh address with both ports free, or at this one. */
  readonly settle: (podName: string, ip?: string) => Promise<Home>;
  /** Gives a home back when nothing runs in it any more. */
  readonly leave: (home: Home) => Promise<void>;
  /** Puts the pod into DNS (with its IP) or takes it out (undefined); resolves when that is served. */
  readonly publish: (podName: string, ip: string | undefined) => Promise<void>;
  /** Where the sidecars of the other pods are that exist at the moment. */
  readonly otherSidecars: (podName: string) => readonly RedisTarget[];
}

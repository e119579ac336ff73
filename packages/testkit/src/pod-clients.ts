import { RedisCommander, type RedisTarget } from './redis-client.ts';

const COMMAND_TIMEOUT_MS = 500;

/** Where a pod's two ports are; both throw while the pod does not exist. */
interface PodTargets {
  readonly redisTarget: RedisTarget;
  readonly sidecarTarget: RedisTarget;
}

/** Connections to the Redis and to the sidecar of one pod (500 ms for each answer), made when they are first used. */
export class PodClients {
  readonly #targets: PodTargets;
  #redis: RedisCommander | undefined;
  #sidecar: RedisCommander | undefined;

  constructor(targets: PodTargets) {
    this.#targets = targets;
  }

  get redis(): RedisCommander {
    this.#redis ??= new RedisCommander(this.#targets.redisTarget, COMMAND_TIMEOUT_MS);
    return this.#redis;
  }

  get sidecar(): RedisCommander {
    this.#sidecar ??= new RedisCommander(this.#targets.sidecarTarget, COMMAND_TIMEOUT_MS);
    return this.#sidecar;
  }

  /** The next use connects anew, to wherever the pod is then. */
  close(): void {
    this.#redis?.close();
    this.#sidecar?.close();
    this.#redis = undefined;
    this.#sidecar = undefined;
  }
}

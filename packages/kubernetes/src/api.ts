import type { EventObject, LeaseObject, PodObject, PodPatch, StatefulSetObject, Stored } from './objects.ts';

/**
 * The Kubernetes API of one namespace. Every call ends within the time-out, with an answer or with a KubeError; none is
 * repeated, because only the caller knows what a repetition would mean.
 */
export interface KubeApi {
  readonly namespace: string;

  /** @throws KubeError with status 404 when there is none. */
  readLease(name: string): Promise<Stored<LeaseObject>>;
  /** @throws KubeError with status 409 and reason AlreadyExists when there is one. */
  createLease(lease: LeaseObject): Promise<Stored<LeaseObject>>;
  /**
   * Compare and swap: is refused when the lease has changed since it was read.
   * @throws KubeError with status 409 and reason Conflict then, and 404 when it is gone.
   */
  replaceLease(lease: Stored<LeaseObject>): Promise<Stored<LeaseObject>>;

  readPod(name: string): Promise<Stored<PodObject>>;
  /** @throws KubeError with status 409 and reason Conflict when the patch names another uid or resourceVersion than the pod has. */
  patchPod(name: string, patch: PodPatch): Promise<Stored<PodObject>>;

  readStatefulSet(name: string): Promise<Stored<StatefulSetObject>>;
  /**
   * Tells what the StatefulSet is now, and each time when it has changed, until it is stopped. What goes wrong is told, and
   * tried again for ever. A StatefulSet that does not exist is told as a trouble with status 404, and looked for again.
   */
  watchStatefulSet(
    name: string,
    onChange: (now: Stored<StatefulSetObject>) => void,
    onTrouble: (error: KubeError) => void,
  ): KubeWatch;

  createEvent(event: EventObject): Promise<Stored<EventObject>>;
  /** Merges the fields into the event, for instance a new count and lastTimestamp. */
  patchEvent(name: string, patch: Partial<EventObject>): Promise<Stored<EventObject>>;

  /** Ends all connections, calls and watches. What is under way fails; nothing is told any more. */
  close(): void;
}

export interface KubeWatch {
  stop(): void;
}

/** What stands in a KubeError beside its message. */
export interface KubeErrorDetails {
  /** The HTTP status, or null when there was no (whole) answer. */
  readonly status: number | null;
  /** The server's word for it, such as `Conflict` or `AlreadyExists`; without an answer, that of the system, or `Timeout`. */
  readonly reason: string;
  /** How long the server asked to be left alone, in milliseconds; null when it did not ask. */
  readonly retryAfterMs?: number | null;
  /** False when what was asked for has surely not been done, and will not be. */
  readonly mayHaveBeenDone: boolean;
}

/** A call that failed. Its message holds no secret. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly status: number | null;
  readonly reason: string;
  readonly retryAfterMs: number | null;
  /**
   * False when what was asked for has surely not been done, and will not be: the server refused it, or was never reached.
   * Otherwise it may have been done, or may still be done later on: read before doing anything that builds on it.
   */
  readonly mayHaveBeenDone: boolean;

  constructor(message: string, { status, reason, retryAfterMs = null, mayHaveBeenDone }: KubeErrorDetails) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
    this.mayHaveBeenDone = mayHaveBeenDone;
  }
}

export interface KubeOptions {
  readonly source: InClusterSource | { readonly kubeconfig: string };
  /** Default: that of the service account, or of the kubeconfig's current context. */
  readonly namespace?: string;
  /** Of every call, from its start to the end of its answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Between 0 (included) and 1 (not included): spreads what is repeated. Default: Math.random. */
  readonly random?: () => number;
  /** The wall clock, in milliseconds since 1970, for a server that names a date to come back at. Default: Date.now. */
  readonly wallMs?: () => number;
}

/** Who we are, as a pod. */
export interface InClusterSource {
  /** The environment of the process: Kubernetes names the API's address in it. */
  readonly inCluster: Readonly<Record<string, string | undefined>>;
  /** Where the service account's files are. Default: where Kubernetes mounts them. */
  readonly folder?: string;
}

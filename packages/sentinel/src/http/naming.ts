import type { PodName, Surroundings } from '@sentinel-micro/core';

/** No cache of DNS is older than this, in milliseconds. */
export const OLDEST_ANSWER_MS = 60_000;

type Named = NonNullable<Surroundings['named']>;

/** What DNS has said, and since when it has left somebody out. */
export class Naming {
  #named: Named | null = null;
  /** When each pod was named last; the pods of a set are few. */
  readonly #namedAtMs = new Map<string, number>();
  #firstAtMs = 0;

  get named(): Named | null {
    return this.#named;
  }

  found(addresses: Named, nowMs: number): void {
    if (this.#named === null || this.#named.length === 0) this.#firstAtMs = nowMs;
    this.#named = addresses;
    for (const pod of this.#namedAtMs.keys()) {
      if (nowMs - (this.#namedAtMs.get(pod) ?? 0) > OLDEST_ANSWER_MS) this.#namedAtMs.delete(pod);
    }
    for (const { podName } of addresses) if (podName !== null) this.#namedAtMs.set(podName, nowMs);
  }

  /** DNS has answered that there is nobody. */
  foundNobody(): void {
    // What was named before may be out of reach for a moment, but was there.
    this.#named ??= [];
  }

  /**
   * Of the pods that are connected those that exist: behind a node that has vanished a connection stays open, and a pod that DNS has left
   * out for longer than any answer is kept is gone. Where DNS tells no names, all of them.
   */
  existing(connected: readonly PodName[], nowMs: number): readonly PodName[] {
    const named = this.#named ?? [];
    if (!named.some(({ podName }) => podName !== null)) return connected;
    return connected.filter((pod) => nowMs - (this.#namedAtMs.get(pod) ?? this.#firstAtMs) <= OLDEST_ANSWER_MS);
  }
}

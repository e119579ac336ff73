import { eventsBetween, nothingSeen, tellable, type SentinelEvent } from './events.ts';
import type { SetView } from './sentinel-view.ts';

/** Compares what clients are told with what they were told before, and publishes what has changed. */
export class Announcer {
  readonly #publish: (event: SentinelEvent) => void;
  readonly #downSinceMs = new Map<string, number>();
  #told: SetView | null = null;

  constructor(publish: (event: SentinelEvent) => void) {
    this.#publish = publish;
  }

  /**
   * To be called when the answers of this sidecar are those of `view` already.
   * @param nowMs monotonic milliseconds
   */
  look(view: SetView, nowMs: number): void {
    const before = this.#told ?? nothingSeen(view);
    const after = tellable(before, view);
    this.#told = after;
    this.#remember(after, nowMs);
    for (const event of eventsBetween(before, after)) this.#publish(event);
  }

  /** Since when an instance (a replica's name, or a sidecar's id) is down, in milliseconds; null when it is not. */
  downSinceMs(instance: string): number | null {
    return this.#downSinceMs.get(instance) ?? null;
  }

  #remember({ replicas, sentinels }: SetView, nowMs: number): void {
    const down = new Set([
      ...replicas.flatMap(({ name, isUp }) => (isUp ? [] : [name])),
      ...sentinels.flatMap(({ id, isUp }) => (isUp ? [] : [id])),
    ]);
    for (const instance of this.#downSinceMs.keys()) if (!down.has(instance)) this.#downSinceMs.delete(instance);
    for (const instance of down) if (!this.#downSinceMs.has(instance)) this.#downSinceMs.set(instance, nowMs);
  }
}

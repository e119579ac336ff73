import type { Session } from '@sentinel-micro/runtime';
import type { SentinelEvent } from './events.ts';
import { isSubscriber, publish } from './pubsub.ts';

/**
 * So long +switch-master, and what comes after it, waits. ioredis and iovalkey end for good when it arrives while they ask for the
 * master, and in a failover they all ask: they are answered first (see Hold).
 */
const SWITCH_DELAY_MS = 50;
/** Events that wait; in a failover there are some ten and one for each pod. */
const MAX_WAITING = 1024;

/** Delivers events in their order to those who had subscribed when they happened. */
export class EventPost {
  readonly #sessions: () => Iterable<Session>;
  #waiting: { readonly event: SentinelEvent; readonly to: readonly Session[] }[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(sessions: () => Iterable<Session>) {
    this.#sessions = sessions;
  }

  send(event: SentinelEvent): void {
    // Who subscribes later has asked later, and knows already.
    const to = [...this.#sessions()].filter(isSubscriber);
    if (event.channel === '+switch-master') this.#timer ??= setTimeout(() => this.#deliver(), SWITCH_DELAY_MS);
    if (this.#timer === null) publish(to, event.channel, event.message);
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ event, to });
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #deliver(): void {
    this.#timer = null;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { event, to } of waiting) publish(to, event.channel, event.message);
  }
}

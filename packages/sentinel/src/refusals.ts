import { failed, Tally, type Reply, type Session } from '@sentinel-micro/runtime';
import type { PeerRequest } from '@sentinel-micro/core';

/** Why somebody was refused. */
type Refusal = 'a login failed' | 'a message was not valid' | 'a message was of a stranger';

export const WRONG_PASSWORD = failed('WRONGPASS invalid username-password pair or user is disabled.');

/** Counts and tells who was refused, and knows the number of messages that did not even get to the core. */
export class Refusals {
  readonly #tally: Tally<Refusal>;
  #badMessages = 0;

  /** @param now monotonic milliseconds */
  constructor(tell: (text: string) => void, now: () => number) {
    this.#tally = new Tally<Refusal>(tell, now);
  }

  get badMessages(): number {
    return this.#badMessages;
  }

  login({ address }: Session): Reply {
    this.#tally.count('a login failed', `from ${address}`);
    return WRONG_PASSWORD;
  }

  message({ address }: Session, why: string): Reply {
    this.#badMessages += 1;
    this.#tally.count('a message was not valid', `from ${address}: ${why}`);
    return failed(`ERR ${why}`);
  }

  stranger({ address }: Session, { cluster, from }: PeerRequest, reason: string): void {
    this.#tally.count('a message was of a stranger', `from ${address}: ${from.pod} of ${cluster}, ${reason}`);
  }
}

import { sleep } from '../time.ts';

/** What a server, or the way to it, can do instead of answering. */
export type KubeFault =
  /** The request is done, and answered, so much later. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Nothing is done and nothing is answered; the connection stays open. */
  | { readonly kind: 'silent' }
  /** Nothing is done, and this is answered. 429 and 503 are in plain text, as from the server's own limits. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string; readonly body?: string }
  /** Nothing is done, and the connection is cut. */
  | { readonly kind: 'cut' }
  /** It is done, and the connection is cut in the middle of the answer. */
  | { readonly kind: 'cut-answer' }
  /** It is done, and the connection is cut without a byte of the answer. */
  | { readonly kind: 'lost-answer' }
  /** It waits at the server, and is done when it is let go, whether or not whoever sent it is still there. */
  | { readonly kind: 'held' };

/** Which requests: those that have all that is given. */
export interface FaultScope {
  readonly method?: string;
  /** `leases`, `pods`, ... */
  readonly resource?: string;
  readonly name?: string;
  /** The user, as in `system:serviceaccount:shop:redis-0`. */
  readonly user?: string;
  readonly isWatch?: boolean;
  /** How many requests; default: all until it is ended. */
  readonly times?: number;
}

export interface FaultHandle {
  /** How many requests it has met. */
  readonly met: number;
  /** Lets go of all that are held, in the order in which they came. */
  end(): void;
}

export interface Faulted {
  readonly method: string;
  readonly resource: string;
  readonly name: string;
  readonly user: string;
  readonly isWatch: boolean;
}

class Order implements FaultHandle {
  met = 0;
  readonly #held: (() => void)[] = [];
  readonly fault: KubeFault;
  readonly #scope: FaultScope;
  #isEnded = false;

  constructor(fault: KubeFault, scope: FaultScope) {
    this.fault = fault;
    this.#scope = scope;
  }

  meets(request: Faulted): boolean {
    const { times = Infinity, ...scope } = this.#scope;
    if (this.#isEnded || this.met >= times) return false;
    return Object.entries(scope).every(([key, value]) => request[key as keyof Faulted] === value);
  }

  hold(): Promise<void> {
    return new Promise((resolve) => this.#held.push(resolve));
  }

  end(): void {
    this.#isEnded = true;
    for (const letGo of this.#held.splice(0)) letGo();
  }
}

/** The faults that are ordered; the one that was ordered last counts. */
export class Faults {
  readonly #orders: Order[] = [];

  add(fault: KubeFault, scope: FaultScope = {}): FaultHandle {
    const order = new Order(fault, scope);
    this.#orders.unshift(order);
    return order;
  }

  /** Waits as long as the fault of this request says, and returns what is to be done with it. */
  async meet(request: Faulted): Promise<KubeFault | null> {
    const order = this.#orders.find((it) => it.meets(request));
    if (!order) return null;
    order.met += 1;
    if (order.fault.kind === 'slow') await sleep(order.fault.delayMs);
    if (order.fault.kind === 'held') await order.hold();
    return order.fault;
  }

  endAll(): void {
    for (const order of this.#orders.splice(0)) order.end();
  }
}

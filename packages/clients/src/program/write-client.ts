import type { ClientOrders, Found, Wait } from './orders.ts';

/** What became of a SET that was acknowledged, and of the WAIT behind it. */
export interface Waited {
  readonly replicas: number;
  /** Why nothing is known of the replicas; undefined when WAIT was answered. */
  readonly reason?: string | undefined;
}

/** One client library as an application would use it. */
export interface WriteClient {
  /** Asks whom the client finds: the master it writes to, the replicas it would read from. */
  find(): Promise<Found>;
  /** Resolves when the SET is acknowledged. @throws what the library throws. */
  set(key: string, value: string): Promise<void>;
  /** SET and WAIT on one connection. @throws what the library throws when the SET is not acknowledged. */
  setAndWait(key: string, value: string, wait: Wait): Promise<Waited>;
  close(): Promise<void> | void;
}

export type CreateClient = (orders: ClientOrders) => WriteClient;

/**
 * Whether the server has answered with an error, so that the write was not done; all other errors leave open whether it was. Each
 * library has a class of its own for them, but each such answer begins with a word in capitals.
 */
export function isErrorReply(error: unknown): boolean {
  return error instanceof Error && /^[A-Z]{3,} /.test(error.message);
}

export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Some clients give up with several errors at once, and no text of their own.
  const message = error instanceof AggregateError ? error.errors.map(textOf).join('; ') : error.message;
  return `${error.name}: ${message}`;
}

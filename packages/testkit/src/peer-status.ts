import { TestkitError, messageOf } from './errors.ts';

/** What `PEER STATUS` answers, as far as the testkit reads it; the rest is in `raw`. */
export interface PeerStatus {
  readonly pod: string;
  readonly uid: string;
  readonly term: number;
  readonly leaseHolder: { readonly pod: string; readonly uid: string } | undefined;
  readonly master: { readonly pod: string; readonly ip: string; readonly port: number } | undefined;
  readonly raw: Readonly<Record<string, unknown>>;
}

/**
 * Reads the JSON that a sidecar answers to `PEER STATUS`.
 * @throws TestkitError BAD_ANSWER when it is no such thing.
 */
export function parsePeerStatus(text: string): PeerStatus {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw new TestkitError('BAD_ANSWER', `PEER STATUS is not JSON (${messageOf(error)}): ${text.slice(0, 200)}`, {
      cause: error,
    });
  }
  const status = asRecord(raw);
  const from = asRecord(status?.['from']);
  if (status === undefined || from === undefined || typeof status['term'] !== 'number') {
    throw new TestkitError('BAD_ANSWER', `PEER STATUS names no sender or term: ${text.slice(0, 200)}`);
  }
  const holder = asRecord(status['leaseHolder']);
  const master = asRecord(status['master']);
  return {
    pod: textOf(from['pod']),
    uid: textOf(from['uid']),
    term: status['term'],
    leaseHolder: holder && { pod: textOf(holder['pod']), uid: textOf(holder['uid']) },
    master: master && { pod: textOf(master['pod']), ip: textOf(master['ip']), port: Number(master['port']) },
    raw: status,
  };
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

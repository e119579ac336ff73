import { KubeError } from './api.ts';

/** More of a message than this, in characters, helps nobody. */
const MOST_MESSAGE = 500;

/** What was asked, for the messages: `PATCH /api/v1/...`. */
export interface Asked {
  readonly method: string;
  readonly path: string;
}

export interface Failure {
  readonly reason: string;
  readonly message: string;
  /** Whether a byte of the request may have reached the server. */
  readonly isSent: boolean;
}

/** No answer, or not a whole one. */
export function noAnswer(asked: Asked, { reason, message, isSent }: Failure): KubeError {
  return new KubeError(`${asked.method} ${asked.path}: ${readable(message)}`, {
    status: null,
    reason,
    mayHaveBeenDone: isSent && changes(asked),
  });
}

export interface Refusal {
  readonly status: number;
  readonly body: string;
  /** The header Retry-After. */
  readonly retryAfter: string | undefined;
}

/** The server's refusal in its own words, when it sent a Status object; otherwise the beginning of what it sent. */
export function refused(asked: Asked, refusal: Refusal, wallMs: number): KubeError {
  const { reason, message } = statusObject(refusal.body);
  const uidChanged = isOtherUid(asked, refusal);
  const status = uidChanged ? 409 : refusal.status;
  const word = uidChanged ? 'Conflict' : (reason ?? WORDS[status] ?? 'Unknown');
  return new KubeError(`${asked.method} ${asked.path}: ${status} ${word}: ${readable(message ?? refusal.body)}`, {
    status,
    reason: word,
    retryAfterMs: retryAfterMs(refusal.retryAfter, wallMs),
    mayHaveBeenDone: !isSurelyRefused(refusal.status) && changes(asked),
  });
}

/** An answer that is none of what was asked for. */
export function badAnswer(asked: Asked, what: string): KubeError {
  return new KubeError(`${asked.method} ${asked.path}: ${what}`, {
    status: null,
    reason: 'BadAnswer',
    mayHaveBeenDone: changes(asked),
  });
}

/** Nothing is under way any more, and nothing may be asked. */
export function closed(asked: Asked, isSent: boolean): KubeError {
  return noAnswer(asked, { reason: 'Closed', message: 'the client was closed', isSent });
}

/** What was looked for does not exist; the server has said so without an error. */
export function notThere(asked: Asked, message: string): KubeError {
  return new KubeError(`${asked.method} ${asked.path}: ${message}`, {
    status: 404,
    reason: 'NotFound',
    mayHaveBeenDone: false,
  });
}

const WORDS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

function changes({ method }: Asked): boolean {
  return method !== 'GET';
}

/** Redirects are not followed. A 408 or 5xx may come after the server, or one behind it, has begun. */
function isSurelyRefused(status: number): boolean {
  return status < 500 && status !== 408;
}

/** Kubernetes calls a patch with another uid Invalid; for who sent the uid as a precondition it is a conflict. */
function isOtherUid({ method }: Asked, { status, body }: Refusal): boolean {
  return method === 'PATCH' && status === 422 && statusObject(body).fields.includes('metadata.uid');
}

interface StatusObject {
  readonly reason: string | null;
  readonly message: string | null;
  /** The fields that were found wrong. */
  readonly fields: readonly string[];
}

/** Takes a Status object apart; whatever else it is, nothing is known of it. */
function statusObject(body: string): StatusObject {
  const nothing = { reason: null, message: null, fields: [] };
  try {
    const parsed = JSON.parse(body) as {
      kind?: unknown;
      reason?: unknown;
      message?: unknown;
      details?: { causes?: { field?: unknown }[] };
    };
    if (parsed.kind !== 'Status') return nothing;
    const causes = Array.isArray(parsed.details?.causes) ? parsed.details.causes : [];
    return {
      reason: typeof parsed.reason === 'string' && parsed.reason !== '' ? readable(parsed.reason) : null,
      message: typeof parsed.message === 'string' ? parsed.message : null,
      fields: causes.map(({ field }) => String(field)),
    };
  } catch {
    return nothing;
  }
}

/** Seconds, or a date of which the distance from `wallMs` is taken; null when there is neither. */
function retryAfterMs(header: string | undefined, wallMs: number): number | null {
  if (header === undefined) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - wallMs);
}

/** One line without control characters, of bounded length. */
function readable(text: string): string {
  const line = text
    .slice(0, 4 * MOST_MESSAGE)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return line.length > MOST_MESSAGE ? `${line.slice(0, MOST_MESSAGE)}...` : line;
}

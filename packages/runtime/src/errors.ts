import { types } from 'node:util';

/** A user's mistake in flags, environment or files: exit code 2. The message names the flag, the value, and what would be right. */
export class UsageError extends Error {
  readonly code = 'USAGE';
  override readonly name = 'UsageError';
}

/** Something outside failed: the message says what was tried and why it did not work. */
export class OperationError extends Error {
  readonly code: string;
  override readonly name = 'OperationError';

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** True when Redis itself answered with this error: what was asked was not done. (Others are time-outs and errors of the network.) */
export function isRedisError({ code }: OperationError): boolean {
  if (code === 'ERR' || code === 'EXECABORT') return true;
  return code !== 'TIMEOUT' && code !== 'CLOSED' && !code.startsWith('E');
}

/** Also for errors that Node itself made in another realm, where `instanceof` fails: a worker, a test's sandbox. */
export const isError: (value: unknown) => value is Error = types.isNativeError;

export function messageOf(error: unknown): string {
  return isError(error) ? error.message : String(error);
}

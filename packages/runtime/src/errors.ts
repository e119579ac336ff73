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

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

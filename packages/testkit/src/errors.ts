/** What went wrong, for code that has to tell the cases apart. */
export type TestkitErrorCode =
  | 'TOOLS_MISSING'
  | 'BUNDLE_MISSING'
  | 'ADDRESSES_EXHAUSTED'
  | 'PROCESS_FAILED'
  | 'NOT_CONNECTED'
  | 'DNS_FAILED'
  | 'TIMEOUT'
  | 'BAD_ANSWER'
  | 'BAD_USAGE';

/** Every error that the testkit itself raises. The message is meant for people and says what to do about it. */
export class TestkitError extends Error {
  readonly code: TestkitErrorCode;

  constructor(code: TestkitErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TestkitError';
    this.code = code;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Everything that the HTTP port takes is bounded. Times in milliseconds. */
export const HTTP_LIMITS = {
  /** All headers of a request together, its first line included. */
  headerBytes: 8192,
  headers: 64,
  /** Beyond it the connection that came first is closed: whoever fills the port does not lock the kubelet out. */
  connections: 64,
  /** For a request to arrive whole. */
  requestMs: 5000,
  /** For the next one on the same connection to come. */
  idleMs: 30_000,
  /** For an answer to be made and taken. */
  answerMs: 10_000,
  /** How often it is looked at how long things take. */
  sweepMs: 1000,
  /** One connection asks so often, and is closed. */
  requestsPerConnection: 1000,
  answerBytes: 4 * 1024 * 1024,
} as const;

export type HttpLimits = { readonly [Name in keyof typeof HTTP_LIMITS]: number };

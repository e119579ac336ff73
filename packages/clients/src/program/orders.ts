/** A program that is started by its absolute path. */
interface Executable {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What one writer in a program is told. */
export interface ClientOrders {
  /** Its name in the catalogue. */
  readonly client: string;
  /** The sidecars, in the order in which the application names them. */
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  readonly masterName: string;
  readonly password?: string | undefined;
  readonly keyPrefix: string;
  /** Follow every SET by WAIT on the same connection. Without it there is no WAIT. */
  readonly wait?: Wait | undefined;
  /** Between two writes. */
  readonly intervalMs: number;
  /** After an error, before the next write. */
  readonly pauseAfterErrorMs: number;
  /** A write that the client has not ended by then is given up: that is what a client that hangs looks like. */
  readonly patienceMs: number;
  readonly redisCli: Executable;
}

export interface Wait {
  readonly replicas: number;
  readonly timeoutMs: number;
}

/** Whom a client has found through the sidecars. Addresses are `ip:port`. */
export interface Found {
  readonly master: string;
  readonly replicas: readonly string[];
  /** The client's name and version. */
  readonly library: string;
}

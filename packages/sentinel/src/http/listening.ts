import { messageOf, OperationError, type LogLevel } from '@sentinel-micro/runtime';
import type { HttpServer } from './server.ts';

/** How long until a port that could not be had is tried again, in milliseconds. */
const RETRY_MS = 3000;

/** What to do about the ports that can not be had, by the system's code. */
const REMEDIES: Readonly<Partial<Record<string, string>>> = {
  EADDRINUSE:
    'something else in this pod has that port: set --http-port, and the probes with it, to another one (0 for none)',
  EADDRNOTAVAIL: '--http-listen (or --listen, when that is left out) has to be an address of this pod',
  EACCES: 'this user may not have that port: set --http-port, and the probes with it, to one above 1023 (0 for none)',
};

/** A port that is listened on as soon as it can be had. */
export interface Listening {
  /** Closes it, or gives it up. */
  close(): Promise<void>;
}

function troubleOf(error: unknown): string {
  const remedy = error instanceof OperationError ? REMEDIES[error.code] : undefined;
  return remedy === undefined ? messageOf(error) : `${messageOf(error)}; ${remedy}`;
}

/**
 * Listens as soon as that is possible. A port that is taken must not cost the set a voter, so the sidecar goes on without it: what is wrong
 * is told once, and it is tried again until it works or is closed.
 * @param serve rejects when the port can not be had
 */
export function keepListening(
  serve: () => Promise<HttpServer>,
  tell: (level: LogLevel, text: string) => void,
  retryMs = RETRY_MS,
): Listening {
  let told: string | null = null;
  let isClosed = false;
  let timer: NodeJS.Timeout | null = null;
  async function attempt(): Promise<HttpServer | null> {
    try {
      const server = await serve();
      if (told !== null) tell('info', `HTTP listens on port ${String(server.port)} now`);
      return server;
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble !== told) {
        const meanwhile = `there are no probes, metrics and topology until then; tried again every ${String(retryMs / 1000)} s`;
        tell('warn', `${trouble}; ${meanwhile}`);
      }
      told = trouble;
      if (!isClosed) timer = setTimeout(again, retryMs);
      return null;
    }
  }
  let server = attempt();
  function again(): void {
    server = attempt();
  }
  return {
    async close() {
      isClosed = true;
      if (timer !== null) clearTimeout(timer);
      await (await server)?.close();
    },
  };
}

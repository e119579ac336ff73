// What every command of this repository needs first. Does only what is missing, so that a second start is fast.
import { build } from './build.mjs';
import { ensureModules } from './install.mjs';
import { ensureTools } from './tools.mjs';

export async function bootstrap(log, { optionalTools = [] } = {}) {
  await ensureModules(log);
  await ensureTools({ log, optionalTools });
  await build();
}

/** Reports an expected failure (no network, no redis-server to be had) without a stack trace. */
export function fail(error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

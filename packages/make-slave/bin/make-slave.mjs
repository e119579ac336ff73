#!/usr/bin/env node
// Starts the bundle that `npm run build` makes. Kept apart from it so that npm can link the command before the first build.
import { existsSync } from 'node:fs';

const bundle = new URL('../dist/make-slave.mjs', import.meta.url);
if (!existsSync(bundle)) {
  console.error('make-slave is not built yet: run "npm run build" in the repository root first.');
  process.exit(1);
}
await import(bundle.href);

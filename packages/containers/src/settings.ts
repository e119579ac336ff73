import { existsSync, readFileSync } from 'node:fs';
import { TestkitError } from '@sentinel-micro/testkit';

/** What scripts/containers.mjs has found out before, where the machine's own network and npm are. */
export interface Settings {
  /** Tar files of base images, where no registry of images can be reached; null where one can. */
  readonly madeBases: { readonly node: string; readonly build: string; readonly redis: string } | null;
  /** What npm is configured for here; null each for its default. */
  readonly npm: { readonly registry: string | null; readonly caFile: string | null };
  readonly revision: string;
}

/** @throws TestkitError BAD_USAGE when it was not written. */
export function readSettings(file: string): Settings {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Settings;
  throw new TestkitError('BAD_USAGE', `${file} is missing: start this by npm run test:containers`);
}

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestkitError, messageOf } from './errors.ts';

/** One program that the testkit starts: an absolute path, and what its environment needs (e.g. LD_LIBRARY_PATH). */
export interface Tool {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface Tools {
  readonly redisServer: Tool;
  readonly redisCli: Tool;
  readonly dnsmasq: Tool;
}

/** Absolute paths of the two bundled binaries under test. */
export interface Bundles {
  readonly makeSlave: string;
  readonly sentinel: string;
}

const HOW_TO_GET_TOOLS = 'run `npm test` or `npm run demo` once, or `node scripts/tools.mjs`, in the repository root';
const HOW_TO_BUILD = 'run `npm run build` in the repository root';

/**
 * The folder of the repository: the nearest one upwards from this file whose package.json has workspaces.
 * Looked for rather than counted in `..`, because the demo runs from a bundle in another folder.
 * @throws TestkitError TOOLS_MISSING when there is none.
 */
export function findRepositoryRoot(from: string = dirname(fileURLToPath(import.meta.url))): string {
  let folder = from;
  for (let depth = 0; depth < 32; depth++) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && readFileSync(manifest, 'utf8').includes('"workspaces"')) return folder;
    const parent = dirname(folder);
    if (parent === folder) break;
    folder = parent;
  }
  throw new TestkitError('TOOLS_MISSING', `no package.json with workspaces in or above ${from}`);
}

/**
 * The programs that scripts/tools.mjs found or fetched.
 * @throws TestkitError TOOLS_MISSING when the manifest is not there, not readable, or names a program that is gone.
 */
export function loadTools(repositoryRoot: string = findRepositoryRoot()): Tools {
  const path = join(repositoryRoot, '.cache', 'tools', 'manifest.json');
  if (!existsSync(path)) {
    throw new TestkitError('TOOLS_MISSING', `${path} is missing: ${HOW_TO_GET_TOOLS}`);
  }
  let manifest: unknown;
  try {
    manifest = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new TestkitError('TOOLS_MISSING', `${path} cannot be read (${messageOf(error)}): ${HOW_TO_GET_TOOLS}`, {
      cause: error,
    });
  }
  return {
    redisServer: readTool(manifest, 'redisServer', path),
    redisCli: readTool(manifest, 'redisCli', path),
    dnsmasq: readTool(manifest, 'dnsmasq', path),
  };
}

/**
 * The bundles that the build makes.
 * @throws TestkitError BUNDLE_MISSING when one is not built yet.
 */
export function findBundles(repositoryRoot: string = findRepositoryRoot()): Bundles {
  const bundles = {
    makeSlave: join(repositoryRoot, 'packages', 'make-slave', 'dist', 'make-slave.mjs'),
    sentinel: join(repositoryRoot, 'packages', 'sentinel', 'dist', 'sentinel.mjs'),
  };
  for (const path of Object.values(bundles)) {
    if (!existsSync(path)) throw new TestkitError('BUNDLE_MISSING', `${path} is missing: ${HOW_TO_BUILD}`);
  }
  return bundles;
}

function readTool(manifest: unknown, name: keyof Tools, path: string): Tool {
  const entry = property(manifest, name);
  const command = property(entry, 'command');
  if (typeof command !== 'string' || !existsSync(command)) {
    const found = typeof command === 'string' ? `names ${command}, which is not there` : 'does not name it';
    throw new TestkitError('TOOLS_MISSING', `no ${name}: ${path} ${found}; ${HOW_TO_GET_TOOLS}`);
  }
  const env: Record<string, string> = {};
  for (const [key, value] of Object.entries(property(entry, 'env') ?? {})) {
    if (typeof value === 'string') env[key] = value;
  }
  return { command, env };
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

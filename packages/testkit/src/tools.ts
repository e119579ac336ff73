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
  /** The redis-server, or the other server that was chosen. */
  readonly redisServer: Tool;
  readonly redisCli: Tool;
  readonly dnsmasq: Tool;
}

/** Absolute paths of the two bundled binaries under test. */
export interface Bundles {
  readonly makeSlave: string;
  readonly sentinel: string;
}

/** The servers that scripts/tools.mjs knows by version. */
export const SERVER_NAMES = ['redis-7.0', 'valkey-8.0', 'redis-8.0'] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

/** Programs and files that only some tests need. `libfaketime` is a library for LD_PRELOAD, `redis-py` a module of Python. */
export type FurtherTool =
  | 'ip'
  | 'iptables'
  | 'nft'
  | 'nsenter'
  | 'unshare'
  | 'spin'
  | 'libfaketime'
  | 'redis-benchmark'
  | 'kustomize'
  | 'promtool'
  | 'docker'
  | 'dockerd'
  | 'python3'
  | 'redis-py';

export interface ToolsOptions {
  /** Default: what the environment variable TESTKIT_SERVER names; else the machine's `redis-server`, whatever its version. */
  readonly server?: ServerName | undefined;
  readonly repositoryRoot?: string;
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
 * @throws TestkitError TOOLS_MISSING when the manifest is not there, not readable, or names a program that is gone; when
 *   the chosen server was never fetched (`node scripts/tools.mjs --server NAME`).
 */
export function loadTools(options: ToolsOptions = {}): Tools {
  const { repositoryRoot = findRepositoryRoot(), server = serverFromEnvironment() } = options;
  const manifest = readManifest(repositoryRoot);
  const chosen = server === undefined ? undefined : readTool(property(manifest, 'servers'), server);
  if (server !== undefined && chosen === undefined) {
    throw new TestkitError('TOOLS_MISSING', `no ${server}: run \`node scripts/tools.mjs --server ${server}\``);
  }
  return {
    redisServer: chosen ?? requireTool(manifest, 'redisServer'),
    redisCli: requireTool(manifest, 'redisCli'),
    dnsmasq: requireTool(manifest, 'dnsmasq'),
  };
}

/** The servers that are here. @throws TestkitError TOOLS_MISSING when there is no manifest. */
export function findServers(repositoryRoot: string = findRepositoryRoot()): ServerName[] {
  const servers = property(readManifest(repositoryRoot), 'servers');
  return SERVER_NAMES.filter((name) => readTool(servers, name) !== undefined);
}

/**
 * A tool that not every machine has; undefined where `node scripts/tools.mjs --tool NAME` has not found or fetched it.
 * @throws TestkitError TOOLS_MISSING when there is no manifest.
 */
export function findTool(name: FurtherTool, repositoryRoot: string = findRepositoryRoot()): Tool | undefined {
  return readTool(property(readManifest(repositoryRoot), 'furtherTools'), name);
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

function serverFromEnvironment(): ServerName | undefined {
  // eslint-disable-next-line no-restricted-properties -- Jest hands no arguments to tests: this is how all of them run with another server
  const name = process.env['TESTKIT_SERVER'] ?? '';
  if (name === '') return undefined;
  const server = SERVER_NAMES.find((known) => known === name);
  if (server === undefined) {
    throw new TestkitError('BAD_USAGE', `TESTKIT_SERVER is ${name}; it can be ${SERVER_NAMES.join(' or ')}`);
  }
  return server;
}

function readManifest(repositoryRoot: string): unknown {
  const path = join(repositoryRoot, '.cache', 'tools', 'manifest.json');
  if (!existsSync(path)) throw new TestkitError('TOOLS_MISSING', `${path} is missing: ${HOW_TO_GET_TOOLS}`);
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new TestkitError('TOOLS_MISSING', `${path} cannot be read (${messageOf(error)}): ${HOW_TO_GET_TOOLS}`, {
      cause: error,
    });
  }
}

function requireTool(manifest: unknown, name: keyof Tools): Tool {
  const tool = readTool(manifest, name);
  if (tool === undefined) {
    throw new TestkitError('TOOLS_MISSING', `the manifest names no ${name} that is there: ${HOW_TO_GET_TOOLS}`);
  }
  return tool;
}

/** undefined when it is not named, or names what is gone. */
function readTool(manifest: unknown, name: string): Tool | undefined {
  const entry = property(manifest, name);
  const command = property(entry, 'command');
  if (typeof command !== 'string' || !existsSync(command)) return undefined;
  const env: Record<string, string> = {};
  for (const [key, value] of Object.entries(property(entry, 'env') ?? {})) {
    if (typeof value === 'string') env[key] = value;
  }
  return { command, env };
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

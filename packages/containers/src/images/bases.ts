import { mkdirSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '@sentinel-micro/testkit';
import type { Docker } from '../engine/index.ts';
import type { Settings } from '../settings.ts';
import { OWN_TAG } from './names.ts';

/** The images that others are built from, as the engine calls them. */
export interface Bases {
  readonly node: string;
  readonly build: string;
  readonly redis: string;
  /** For people: what they are. */
  readonly what: string;
}

/** As the Dockerfiles and the examples name them. */
const USUAL = { node: 'gcr.io/distroless/nodejs24-debian13', build: 'node:24-slim', redis: 'redis:7.4' } as const;
const KINDS = ['node', 'build', 'redis'] as const;
const PULL_TIMEOUT_MS = 300_000;
const IMPORT_TIMEOUT_MS = 120_000;

/** Pulls the base images, or imports those that were made. @throws TestkitError PROCESS_FAILED, TIMEOUT */
export async function haveBases(docker: Docker, { madeBases }: Settings, log: (line: string) => void): Promise<Bases> {
  if (madeBases === null) {
    for (const kind of KINDS) await pull(docker, USUAL[kind], log);
    return { ...USUAL, what: `pulled: ${Object.values(USUAL).join(', ')}` };
  }
  const names = { node: `${OWN_TAG}/node:24`, build: `${OWN_TAG}/node-build:24`, redis: `${OWN_TAG}/redis:7.0` };
  for (const kind of KINDS) {
    log(`importing ${names[kind]}`);
    await docker.text(['import', madeBases[kind], names[kind]], { timeoutMs: IMPORT_TIMEOUT_MS });
  }
  const { stdout } = await docker.end(['run', '--rm', '--network', 'none', names.redis, 'redis-server', '--version']);
  const version = /v=(\S+)/.exec(stdout)?.[1] ?? 'unknown';
  return { ...names, what: `made from Debian 12 packages and npm's Node 24; Redis ${version}` };
}

async function pull(docker: Docker, image: string, log: (line: string) => void): Promise<void> {
  const { code } = await docker.end(['image', 'inspect', image]);
  if (code === 0) return;
  log(`pulling ${image}`);
  try {
    await docker.text(['pull', '--quiet', image], { timeoutMs: PULL_TIMEOUT_MS });
  } catch (error) {
    throw new Error(`${messageOf(error)}\nWith \`-- --bases made\` the base images are made instead.`, {
      cause: error,
    });
  }
}

/**
 * The image to build in, which knows the registry and the certificates that npm is configured for on this machine. The image that is
 * tested is not made from this one: it only gets the bundle.
 */
export async function buildBase(docker: Docker, bases: Bases, { npm }: Settings, dir: string): Promise<string> {
  const { registry, caFile } = npm;
  if (registry === null && caFile === null) return bases.build;
  const context = join(dir, 'build-base');
  mkdirSync(context, { recursive: true });
  const lines = [`FROM ${bases.build}`];
  if (registry !== null) lines.push(`ENV npm_config_registry=${registry}`);
  if (caFile !== null) {
    copyFileSync(caFile, join(context, 'ca.crt'));
    lines.push('COPY ca.crt /npm-ca.crt', 'ENV npm_config_cafile=/npm-ca.crt');
  }
  writeFileSync(join(context, 'Dockerfile'), `${lines.join('\n')}\n`);
  // Its name says the version, as the Dockerfiles ask of a base.
  const image = `${OWN_TAG}/build-base:24`;
  await docker.text(['build', '--tag', image, context], { timeoutMs: IMPORT_TIMEOUT_MS });
  return image;
}

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Docker } from '../engine/index.ts';

const EXPORT_TIMEOUT_MS = 120_000;
const MAX_LIST_BYTES = 64 * 1024 * 1024;
const run = promisify(execFile);

/** What the engine knows of an image. */
export interface ImageFacts {
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly env: readonly string[];
  readonly layers: readonly string[];
  readonly sizeBytes: number;
  readonly architecture: string;
  readonly hasHistoryOf: (text: string) => boolean;
}

interface Inspected {
  readonly Config: {
    readonly User: string;
    readonly Entrypoint: readonly string[] | null;
    readonly Cmd: readonly string[] | null;
    readonly Labels: Readonly<Record<string, string>> | null;
    readonly Env: readonly string[] | null;
  };
  readonly RootFS: { readonly Layers: readonly string[] };
  readonly Size: number;
  readonly Architecture: string;
}

/** @throws TestkitError PROCESS_FAILED */
export async function lookAt(docker: Docker, image: string): Promise<ImageFacts> {
  const [found] = JSON.parse(await docker.text(['image', 'inspect', image])) as [Inspected];
  const history = await docker.text(['history', '--no-trunc', '--format', '{{.CreatedBy}}', image]);
  const { Config } = found;
  return {
    user: Config.User,
    entrypoint: Config.Entrypoint ?? [],
    command: Config.Cmd ?? [],
    labels: Config.Labels ?? {},
    env: Config.Env ?? [],
    layers: found.RootFS.Layers,
    sizeBytes: found.Size,
    architecture: found.Architecture,
    hasHistoryOf: (text) => history.includes(text),
  };
}

/** The files of an image (no folders), as paths without the first slash. @throws TestkitError PROCESS_FAILED */
export async function filesOf(docker: Docker, image: string, dir: string): Promise<string[]> {
  mkdirSync(dir, { recursive: true });
  const tar = join(dir, 'image.tar');
  const container = await docker.text(['create', image, 'none']);
  try {
    await docker.text(['export', '--output', tar, container], { timeoutMs: EXPORT_TIMEOUT_MS });
  } finally {
    await docker.end(['rm', '--force', container]);
  }
  const { stdout } = await run('tar', ['-tf', tar], { maxBuffer: MAX_LIST_BYTES });
  return stdout
    .split('\n')
    .map((name) => name.replace(/^\.?\//, ''))
    .filter((name) => name !== '' && !name.endsWith('/') && !MADE_BY_ENGINES.has(name));
}

/** An engine adds these to each container that it makes. */
const MADE_BY_ENGINES = new Set([
  '.dockerenv',
  'etc/hosts',
  'etc/hostname',
  'etc/resolv.conf',
  'etc/mtab',
  'dev/console',
]);

/** Copies a file of an image out of it. @throws TestkitError PROCESS_FAILED */
export async function copyOut(docker: Docker, image: string, file: string, target: string): Promise<void> {
  const container = await docker.text(['create', image, 'none']);
  try {
    await docker.text(['cp', `${container}:${file}`, target]);
  } finally {
    await docker.end(['rm', '--force', container]);
  }
}

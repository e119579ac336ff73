import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';

const buildTimeoutMs = 60_000;
/** What the build of our two programs reads. */
const parts = ['package.json', 'package-lock.json', 'tsconfig.base.json', 'scripts', 'node_modules'];
const packages = ['core', 'runtime', 'kubernetes', 'make-slave', 'sentinel'].flatMap((name) =>
  ['package.json', 'tsconfig.json', 'src', 'node_modules'].map((part) => `packages/${name}/${part}`),
);

/**
 * Builds our programs from the same sources in another place, on a machine with another clock and another language as far as
 * programs can tell. Its folder is on the same file system, so files are linked and not copied.
 * @returns the folder; `remove` takes it away
 */
export function buildTwin(root: string): { readonly folder: string; remove(): void } {
  mkdirSync(path.join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(path.join(root, '.cache/twin-of-another-length-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    for (const part of [...parts, ...packages]) {
      if (existsSync(path.join(root, part))) link(path.join(root, part), path.join(folder, part));
    }
    const env = { PATH: process.env['PATH'] ?? '', TZ: 'Pacific/Auckland', LC_ALL: 'C', SOURCE_DATE_EPOCH: '1' };
    execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: folder, env, timeout: buildTimeoutMs });
    return { folder, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function link(from: string, to: string): void {
  const stat = lstatSync(from);
  if (stat.isDirectory()) {
    mkdirSync(to, { recursive: true });
    for (const entry of readdirSync(from)) link(path.join(from, entry), path.join(to, entry));
  } else {
    mkdirSync(path.dirname(to), { recursive: true });
    // Links of npm's workspaces are relative: they lead to the packages of the twin.
    if (stat.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
    else linkSync(from, to);
  }
}

// Makes file systems for base images from Debian packages and npm's Node, for engines that can not pull any. They are what
// distroless images are: unpacked packages, nothing installed. Each is a tar file in .cache/tools/images, made once.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { canUnpack, libraryFolders, toolsFolder, unpackPackages } from './debian-packages.mjs';
import { run } from './process.mjs';

const imagesFolder = path.join(toolsFolder, 'images');
const nodeVersion = '24.21.0';
const npmVersion = '11.19.1';
const packTimeoutMs = 180_000;
const unpackTimeoutMs = 60_000;

const nodeLibraries = ['libc6', 'libgcc-s1', 'libstdc++6'];
const shell = ['dash', 'coreutils', 'libselinux1', 'libpcre2-8-0', 'libacl1', 'libattr1', 'libgmp10'];

/**
 * Whole lists: the linker of this machine would take its own libraries for those of the image. `node` is npm's package of Node
 * itself, `npm` npm beside it.
 */
const bases = {
  'node-24': { packages: nodeLibraries, node: true },
  'node-24-build': { packages: [...nodeLibraries, ...shell], node: true, npm: true },
  'redis-7.0': {
    packages: [
      ...[
        ...nodeLibraries,
        ...shell,
        'libatomic1',
        'libcap2',
        'libssl3',
        'libgcrypt20',
        'libgpg-error0',
        'libjemalloc2',
      ],
      ...['liblz4-1', 'liblzf1', 'liblzma5', 'libsystemd0', 'libzstd1', 'redis-tools'],
    ],
    links: [['usr/bin/redis-server', 'redis-check-rdb']],
  },
};

/** The tar file of each base, made where it is not there yet. @returns name -> file. Throws with the words of what failed. */
export async function ensureBases(log) {
  if (Object.keys(bases).every((name) => existsSync(fileOf(name)))) return files();
  if (!canUnpack())
    throw new Error('no image can be pulled, and there is no apt-get and dpkg to make base images with');
  mkdirSync(imagesFolder, { recursive: true });
  const temporary = mkdtempSync(path.join(imagesFolder, 'make-'));
  try {
    const nodeFolder = await unpackNpmPackage(`node-linux-${process.arch}@${nodeVersion}`, temporary);
    for (const [name, base] of Object.entries(bases)) {
      if (existsSync(fileOf(name))) continue;
      log(`making the base image ${name} from Debian packages (into .cache/tools/images)`);
      await makeBase(fileOf(name), base, mkdtempSync(path.join(temporary, 'base-')), nodeFolder);
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return files();
}

function fileOf(name) {
  const version = name.startsWith('node') ? `-${nodeVersion}` : '';
  return path.join(imagesFolder, `${name}${version}.tar`);
}

function files() {
  return Object.fromEntries(Object.keys(bases).map((name) => [name, fileOf(name)]));
}

async function makeBase(file, { packages, links = [], node = false, npm = false }, temporary, nodeFolder) {
  const folder = path.join(temporary, 'root');
  mkdirSync(folder);
  if (node) copyNode(nodeFolder, folder);
  if (npm) await addNpm(folder, temporary);
  await unpackPackages({ packages, programs: [], suites: ['bookworm'] }, folder);
  finish(folder, links);
  const partial = path.join(temporary, 'root.tar');
  const flags = ['--owner=0', '--group=0', '--numeric-owner', '--sort=name', '--mtime=@0', '-C', folder];
  await must('tar', [...flags, '-cf', partial, '.'], unpackTimeoutMs);
  renameSync(partial, file);
}

/** What installing the packages would have done, as far as anybody here needs it. */
function finish(folder, links) {
  const unneeded = ['doc', 'man', 'info', 'locale', 'lintian', 'bug'].map((name) => `usr/share/${name}`);
  for (const libraries of libraryFolders(folder)) unneeded.push(path.relative(folder, path.join(libraries, 'gconv')));
  for (const name of unneeded) rmSync(path.join(folder, name), { recursive: true, force: true });
  for (const name of ['etc', 'proc', 'sys', 'dev', 'run', 'data', 'root']) {
    mkdirSync(path.join(folder, name), { recursive: true });
  }
  mkdirSync(path.join(folder, 'tmp'), { recursive: true });
  chmodSync(path.join(folder, 'tmp'), 0o1777);
  if (existsSync(path.join(folder, 'bin/dash'))) links = [['bin/sh', 'dash'], ...links];
  for (const [name, target] of links) {
    rmSync(path.join(folder, name), { force: true });
    symlinkSync(target, path.join(folder, name));
  }
  writeFileSync(path.join(folder, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nredis:x:999:999::/data:/bin/sh\n');
  writeFileSync(path.join(folder, 'etc/group'), 'root:x:0:\nredis:x:999:\n');
  writeFileSync(path.join(folder, 'etc/nsswitch.conf'), 'hosts: files dns\n');
}

function copyNode(nodeFolder, folder) {
  const bin = path.join(folder, 'usr/local/bin');
  mkdirSync(bin, { recursive: true });
  cpSync(path.join(nodeFolder, 'bin/node'), path.join(bin, 'node'));
  chmodSync(path.join(bin, 'node'), 0o755);
}

async function addNpm(folder, temporary) {
  const local = path.join(folder, 'usr/local');
  const npmFolder = await unpackNpmPackage(`npm@${npmVersion}`, temporary);
  cpSync(npmFolder, path.join(local, 'lib/node_modules/npm'), { recursive: true });
  for (const name of ['npm', 'npx']) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, path.join(local, `bin/${name}`));
  }
}

/** @returns the folder with the files of the package */
async function unpackNpmPackage(spec, temporary) {
  const folder = mkdtempSync(path.join(temporary, 'npm-'));
  const npm = process.env.npm_execpath;
  const pack = ['pack', '--silent', '--pack-destination', folder, spec];
  if (npm?.endsWith('.js')) await must(process.execPath, [npm, ...pack], packTimeoutMs);
  else await must('npm', pack, packTimeoutMs);
  await must('sh', ['-c', 'tar -xzf "$1"/*.tgz -C "$1"', 'sh', folder], unpackTimeoutMs);
  return path.join(folder, 'package');
}

async function must(command, args, timeoutMs) {
  const result = await run(command, args, { timeoutMs });
  if (!result.ok) throw new Error(`${command} ${args.join(' ')} failed:\n${result.output}`);
}

// Unpacks Debian packages into a folder, without root and without installing anything in the system.
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root, run, which } from './process.mjs';

export const toolsFolder = path.join(root, '.cache/tools');
const aptFolder = path.join(toolsFolder, 'apt');
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

const linkerTimeoutMs = 10_000;
const configTimeoutMs = 10_000;
const updateTimeoutMs = 120_000;
const downloadTimeoutMs = 120_000;
const unpackTimeoutMs = 30_000;
const maxLibraryRounds = 10;

export function canUnpack() {
  return which('apt-get') !== undefined && which('dpkg') !== undefined;
}

/**
 * Unpacks the packages into the folder, and then those of the libraries that `programs` (paths below the folder) miss.
 * With `suites` (trixie) they come from there, whatever the machine is configured for. With `ownLibc` they run with the
 * libc6 among the packages. `link` is made where a package leaves a link to be made on installing. Throws with apt's words.
 */
export async function unpackPackages({ packages, programs, suites, ownLibc, link }, folder) {
  for (const name of packages) await unpackFirst([name], folder, suites);
  if (link) symlinkSync(link.to, path.join(folder, link.name));
  const files = programs.map((file) => path.join(folder, file));
  // A library may need further ones, which the linker can only tell when it is there.
  for (let round = 0; round < maxLibraryRounds; round++) {
    const missing = await missingLibraries(files, folder, ownLibc);
    if (missing.length === 0) return;
    for (const library of missing) await unpackFirst(packagesOfLibrary(library), folder, suites);
  }
  throw new Error(`libraries are still missing: ${(await missingLibraries(files, folder, ownLibc)).join(', ')}`);
}

/**
 * Downloads the source package as the suite has it into the folder, and does not unpack it. Returns the files, with their paths.
 * Throws with apt's words.
 */
export async function downloadSource(name, suite, folder) {
  mkdirSync(folder, { recursive: true });
  const options = await listsOfSuites([suite], 'deb-src');
  const { ok, output } = await aptGet([...options, 'source', '--download-only', name], folder, downloadTimeoutMs);
  if (!ok) throw new Error(`apt-get source ${name} failed:\n${output.trim()}`);
  return readdirSync(folder).map((file) => path.join(folder, file));
}

/** The folders with libraries below an unpacked package: usr/lib/x86_64-linux-gnu and lib/x86_64-linux-gnu. */
export function libraryFolders(folder) {
  return ['usr/lib', 'lib'].flatMap((name) => {
    const parent = path.join(folder, name);
    if (!existsSync(parent)) return [];
    const platforms = readdirSync(parent).filter((entry) => entry.includes('-linux-'));
    return platforms.map((platform) => path.join(parent, platform));
  });
}

/** The dynamic linker of an unpacked libc6; undefined when there is none. */
export function ownLinker(folder) {
  for (const parent of libraryFolders(folder)) {
    const name = readdirSync(parent).find((entry) => /^ld-linux.*\.so\.\d+$/.test(entry));
    if (name) return path.join(parent, name);
  }
  return undefined;
}

async function missingLibraries(programs, folder, ownLibc) {
  const libraries = libraryFolders(folder).join(':');
  let output = '';
  for (const program of programs) {
    const list = ownLibc
      ? run(ownLinker(folder), ['--library-path', libraries, '--list', program], { timeoutMs: linkerTimeoutMs })
      : run('ldd', [program], {
          env: { ...process.env, LD_LIBRARY_PATH: libraries, LC_ALL: 'C' },
          timeoutMs: linkerTimeoutMs,
        });
    output += (await list).output;
  }
  return [...new Set([...output.matchAll(/^\s*(\S+) => not found/gm)].map((match) => match[1]))];
}

/**
 * Debian names a library's package after the library: libnftables.so.1 is in libnftables1, libidn2.so.0 in libidn2-0.
 * Some names got the ending t64 in 2024.
 */
function packagesOfLibrary(library) {
  const match = /^(.+)\.so\.([\d.]+)$/.exec(library);
  if (!match) throw new Error(`no package is known for the library ${library}`);
  const [, stem, version] = match;
  const name = `${stem}${/\d$/.test(stem) ? '-' : ''}${version}`.toLowerCase().replaceAll('_', '-');
  return [name, `${name}t64`];
}

/** Downloads the first of the named packages that exists, and unpacks it. */
async function unpackFirst(names, folder, suites) {
  const downloads = path.join(folder, 'download');
  mkdirSync(downloads, { recursive: true });
  const failures = [];
  for (const attempt of suites ? [() => listsOfSuites(suites)] : [systemLists, ownLists]) {
    const options = await attempt();
    for (const name of names) {
      const { ok, output } = await aptGet([...options, 'download', name], downloads, downloadTimeoutMs);
      const file = readdirSync(downloads).find((entry) => entry.endsWith('.deb'));
      if (ok && file) {
        const result = await run('dpkg', ['-x', path.join(downloads, file), folder], { timeoutMs: unpackTimeoutMs });
        if (!result.ok) throw new Error(`unpacking ${file} failed:\n${result.output}`);
        rmSync(downloads, { recursive: true });
        return;
      }
      failures.push(output.trim());
    }
  }
  throw new Error(`apt-get download ${names.join(' or ')} failed:\n${failures.join('\n')}`);
}

async function systemLists() {
  return [];
}

/** On a machine where `apt-get update` was never run, or long ago: package lists of our own, which needs no root. */
function ownLists() {
  return updatedLists('configured', []);
}

/** Lists of suites that the machine may not be configured for, from the mirror that it is configured for. */
async function listsOfSuites(suites, type = 'deb') {
  const name = type === 'deb' ? suites.at(-1) : `${suites.at(-1)}-source`;
  const source = path.join(aptFolder, `${name}.list`);
  const signature = existsSync(keyring) ? ` [signed-by=${keyring}]` : '';
  const mirror = await debianMirror();
  mkdirSync(aptFolder, { recursive: true });
  writeFileSync(source, suites.map((suite) => `${type}${signature} ${mirror} ${suite} main\n`).join(''));
  return updatedLists(name, ['-o', `Dir::Etc::sourcelist=${source}`, '-o', 'Dir::Etc::sourceparts=-']);
}

async function debianMirror() {
  for (const attempt of [systemLists, ownLists]) {
    const format = ['--format', '$(REPO_URI) $(RELEASE)', 'Created-By: Packages', 'Origin: Debian'];
    const options = await attempt();
    const { output } = await aptGet([...options, 'indextargets', ...format], root, configTimeoutMs);
    for (const line of output.split('\n')) {
      const [uri, release] = line.split(' ');
      if (release && !release.endsWith('-security')) return uri;
    }
  }
  throw new Error('apt is configured for no Debian mirror');
}

const updates = new Map();

async function updatedLists(name, sources) {
  const folder = path.join(aptFolder, name);
  const options = [
    ...sources,
    ...['-o', `Dir::State::lists=${folder}/lists`],
    ...['-o', `Dir::Cache=${folder}/cache`],
    ...['-o', 'Dir::State::status=/var/lib/dpkg/status'],
  ];
  if (!updates.has(name)) {
    mkdirSync(path.join(folder, 'lists/partial'), { recursive: true });
    mkdirSync(path.join(folder, 'cache/archives/partial'), { recursive: true });
    updates.set(name, aptGet([...options, 'update'], folder, updateTimeoutMs));
  }
  // Its result does not matter: one broken source need not spoil the others, and the download shows what is there.
  await updates.get(name);
  return options;
}

function aptGet(args, cwd, timeoutMs) {
  // Root's apt-get would otherwise try to work as the user _apt, who may not write here.
  const sandbox = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
  return run('apt-get', ['-q', ...sandbox, ...args], { cwd, timeoutMs });
}

// Finds redis-server, redis-cli and dnsmasq, or gets them: `npm run tools`. What is on PATH is used as it is. What is not
// comes from Debian packages, unpacked below .cache/tools: nothing is installed in the system, and root is not needed.
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, run, which } from './process.mjs';

const toolsFolder = path.join(root, '.cache/tools');
const manifestFile = path.join(toolsFolder, 'manifest.json');

// Debian ships redis-server as a link to redis-check-rdb, which is in redis-tools: the package redis-server itself
// (which would start a service) is not needed.
const tools = [
  { key: 'redisServer', name: 'redis-server', debianPackage: 'redis-tools', file: 'usr/bin/redis-server' },
  { key: 'redisCli', name: 'redis-cli', debianPackage: 'redis-tools', file: 'usr/bin/redis-cli' },
  { key: 'dnsmasq', name: 'dnsmasq', debianPackage: 'dnsmasq-base', file: 'usr/sbin/dnsmasq' },
];
const advice = `Install redis-server and dnsmasq yourself, for instance: apt-get install redis-server dnsmasq-base
(a redis-server service that starts with it is not needed: it may be stopped and disabled)`;

const versionTimeoutMs = 10_000;
const updateTimeoutMs = 120_000;
const downloadTimeoutMs = 120_000;
const unpackTimeoutMs = 30_000;
const maxLibraryRounds = 10;

/** Returns and writes to manifest.json: how to start each tool (command, and what to add to its environment). */
export async function ensureTools({ log = () => {} } = {}) {
  const manifest = {};
  for (const tool of tools) {
    manifest[tool.key] = (await onPath(tool)) ?? (await unpacked(tool)) ?? (await fetched(tool, log));
  }
  writeManifest(manifest);
  return manifest;
}

async function onPath({ name }) {
  const command = which(name);
  return command && (await starts({ command, env: {} }));
}

async function unpacked({ debianPackage, file }) {
  const folder = path.join(toolsFolder, debianPackage);
  const command = path.join(folder, file);
  return existsSync(command) ? await starts({ command, env: pathOfLibraries(folder) }) : undefined;
}

/** The start itself, when it works; a tool left by another system or a broken unpacking is as good as missing. */
async function starts(start) {
  const env = { ...process.env, ...start.env };
  const { ok } = await run(start.command, ['--version'], { env, timeoutMs: versionTimeoutMs });
  return ok ? start : undefined;
}

async function fetched(tool, log) {
  if (!which('apt-get') || !which('dpkg')) throw new Error(`${tool.name} is not on PATH. ${advice}`);
  log(`getting ${tool.name} (Debian package ${tool.debianPackage}, into .cache/tools)`);
  mkdirSync(toolsFolder, { recursive: true });
  const temporary = mkdtempSync(path.join(toolsFolder, 'unpack-'));
  try {
    await unpackWithLibraries(tool, temporary);
    const folder = path.join(toolsFolder, tool.debianPackage);
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
    const start = await unpacked(tool);
    if (!start) throw new Error(`it does not start`);
    return start;
  } catch (error) {
    throw new Error(`${tool.name} is not on PATH and could not be fetched: ${error.message}\n${advice}`, {
      cause: error,
    });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function unpackWithLibraries({ debianPackage }, folder) {
  await unpackPackage([debianPackage], folder);
  if (debianPackage === 'redis-tools') symlinkSync('redis-check-rdb', path.join(folder, 'usr/bin/redis-server'));
  // A library may need further ones, which ldd can only tell when it is there.
  for (let round = 0; round < maxLibraryRounds; round++) {
    const missing = await missingLibraries(folder);
    if (missing.length === 0) return;
    for (const library of missing) await unpackPackage(packagesOfLibrary(library), folder);
  }
  throw new Error(`libraries are still missing: ${(await missingLibraries(folder)).join(', ')}`);
}

async function missingLibraries(folder) {
  const programs = tools.map(({ file }) => path.join(folder, file)).filter((file) => existsSync(file));
  const env = { ...process.env, ...pathOfLibraries(folder), LC_ALL: 'C' };
  const { output } = await run('ldd', programs, { env, timeoutMs: versionTimeoutMs });
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
async function unpackPackage(names, folder) {
  const downloads = path.join(folder, 'download');
  mkdirSync(downloads, { recursive: true });
  const failures = [];
  for (const attempt of [useSystemLists, useOwnLists]) {
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

async function useSystemLists() {
  return [];
}

/** On a machine where `apt-get update` was never run, or long ago: package lists of our own, which needs no root. */
async function useOwnLists() {
  const folder = path.join(toolsFolder, 'apt');
  const options = [
    ...['-o', `Dir::State::lists=${folder}/lists`],
    ...['-o', `Dir::Cache=${folder}/cache`],
    ...['-o', 'Dir::State::status=/var/lib/dpkg/status'],
  ];
  if (!ownLists) {
    mkdirSync(path.join(folder, 'lists/partial'), { recursive: true });
    mkdirSync(path.join(folder, 'cache/archives/partial'), { recursive: true });
    ownLists = aptGet([...options, 'update'], folder, updateTimeoutMs);
  }
  // Its result does not matter: one broken source need not spoil the others, and the download shows what is there.
  await ownLists;
  return options;
}
let ownLists;

function aptGet(args, cwd, timeoutMs) {
  // Root's apt-get would otherwise try to work as the user _apt, who may not write here.
  const sandbox = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
  return run('apt-get', ['-q', ...sandbox, ...args], { cwd, timeoutMs });
}

function pathOfLibraries(folder) {
  const parents = ['usr/lib', 'lib'].map((name) => path.join(folder, name)).filter((name) => existsSync(name));
  // The libraries are in a folder named after the platform: usr/lib/x86_64-linux-gnu.
  const folders = parents.flatMap((parent) =>
    readdirSync(parent)
      .filter((name) => name.includes('-linux-'))
      .map((name) => path.join(parent, name)),
  );
  return folders.length > 0 ? { LD_LIBRARY_PATH: folders.join(':') } : {};
}

function writeManifest(manifest) {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  if (existsSync(manifestFile) && readFileSync(manifestFile, 'utf8') === text) return;
  mkdirSync(toolsFolder, { recursive: true });
  // Tests may be reading it at this moment.
  const temporary = `${manifestFile}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, manifestFile);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    console.log(JSON.stringify(await ensureTools({ log: (line) => console.error(line) }), null, 2));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}

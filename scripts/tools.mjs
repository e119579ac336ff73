// Finds the programs that tests start, or gets them. What is on PATH is used as it is. What is not comes from Debian
// packages, unpacked below .cache/tools: nothing is installed in the system, and root is not needed.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { canUnpack, libraryFolders, ownLinker, toolsFolder, unpackPackages } from './debian-packages.mjs';
import { buildKubeApiserver } from './kube-apiserver.mjs';
import { run, which } from './process.mjs';

const manifestFile = path.join(toolsFolder, 'manifest.json');
const versionTimeoutMs = 10_000;

const adviceForTools = `Install redis-server and dnsmasq yourself, for instance: apt-get install redis-server dnsmasq-base
(a redis-server service that starts with it is not needed: it may be stopped and disabled)`;

// Debian ships redis-server as a link to redis-check-rdb, which is in redis-tools: the package redis-server itself
// (which would start a service) is not needed.
const redisTools = {
  folder: 'redis-tools',
  packages: ['redis-tools'],
  link: { name: 'usr/bin/redis-server', to: 'redis-check-rdb' },
  programs: ['usr/bin/redis-server', 'usr/bin/redis-cli'],
  advice: adviceForTools,
};

const tools = {
  redisServer: { ...redisTools, name: 'redis-server', file: 'usr/bin/redis-server' },
  redisCli: { ...redisTools, name: 'redis-cli', file: 'usr/bin/redis-cli' },
  dnsmasq: {
    name: 'dnsmasq',
    folder: 'dnsmasq-base',
    packages: ['dnsmasq-base'],
    file: 'usr/sbin/dnsmasq',
    advice: adviceForTools,
  },
};

const adviceForServers = 'It needs apt-get, dpkg, and a mirror of Debian that has it, on amd64 or arm64.';

// Servers by version. The `redis-server` above is one of them where it has that version.
const servers = {
  'redis-7.0': {
    packages: ['redis-tools'],
    suites: ['bookworm'],
    file: 'usr/bin/redis-server',
    link: { name: 'usr/bin/redis-server', to: 'redis-check-rdb' },
    version: /^Redis server v=7\.0\./,
    advice: adviceForServers,
  },
  'valkey-8.0': {
    packages: ['valkey-tools'],
    suites: ['bookworm', 'bookworm-backports'],
    file: 'usr/bin/valkey-server',
    link: { name: 'usr/bin/valkey-server', to: 'valkey-check-rdb' },
    version: /^Valkey server v=8\.0\./,
    advice: adviceForServers,
  },
  // Made for Debian 13: runs with the C library of that one, whatever the machine has.
  'redis-8.0': {
    packages: [
      ...['libc6', 'libgcc-s1', 'libstdc++6', 'libatomic1', 'libjemalloc2', 'liblzf1'],
      ...['libssl3t64', 'zlib1g', 'libzstd1', 'libcap2', 'libsystemd0', 'redis-tools'],
    ],
    suites: ['trixie'],
    ownLibc: true,
    file: 'usr/bin/redis-server',
    link: { name: 'usr/bin/redis-server', to: 'redis-check-rdb' },
    version: /^Redis server v=8\.0\./,
    advice: adviceForServers,
  },
};

const furtherTools = {
  ip: { packages: ['iproute2'], file: 'bin/ip', versionArgs: ['-V'] },
  // Debian makes `iptables` a link to this when it installs the package.
  iptables: { packages: ['iptables'], file: 'usr/sbin/iptables-nft', extensions: 'XTABLES_LIBDIR' },
  nft: { packages: ['nftables'], file: 'usr/sbin/nft' },
  nsenter: { packages: ['util-linux'], file: 'usr/bin/nsenter' },
  unshare: { packages: ['util-linux'], file: 'usr/bin/unshare' },
  // Writes C, which gcc makes a program of: that has to be installed.
  spin: { packages: ['spin'], file: 'usr/bin/spin', versionArgs: ['-V'] },
  // For LD_PRELOAD; the program `faketime` only sets that, to where its package would have been installed.
  libfaketime: { packages: ['libfaketime'], library: 'faketime/libfaketimeMT.so.1' },
  // One of a version manager, elsewhere on PATH, would need its owner's environment.
  python3: {
    packages: ['libpython3.11-minimal', 'libpython3.11-stdlib', 'python3.11-minimal'],
    suites: ['bookworm'],
    file: 'usr/bin/python3.11',
    command: '/usr/bin/python3',
    version: /^Python 3\.(9|1\d)/,
    home: 'PYTHONHOME',
  },
  // Measures a Redis for `npm run bench`.
  'redis-benchmark': { packages: ['redis-tools'], file: 'usr/bin/redis-benchmark' },
  // Renders the examples for Kubernetes; `kubectl kustomize` does the same.
  kustomize: { packages: ['kustomize'], suites: ['trixie'], file: 'usr/bin/kustomize', versionArgs: ['version'] },
  // Checks the metrics and the alerts of the examples. (The package is large: it has the server, too, which nobody starts.)
  promtool: { packages: ['prometheus'], file: 'usr/bin/promtool' },
  // A container engine, with the programs that it starts itself; and the command line that talks to any engine.
  dockerd: { packages: ['runc', 'containerd', 'tini', 'docker.io'], file: 'usr/sbin/dockerd' },
  docker: { packages: ['docker.io'], file: 'usr/bin/docker' },
  // A Kubernetes API to test against: the server is not in any package, and is compiled.
  etcd: { packages: ['etcd-server'], suites: ['bookworm'], file: 'usr/bin/etcd' },
  'kube-apiserver': { packages: ['kubernetes'], build: buildKubeApiserver, file: 'kube-apiserver' },
  // The module `redis` for Python, with what it imports.
  'redis-py': {
    packages: ['python3-wrapt', 'python3-deprecated', 'python3-packaging', 'python3-async-timeout', 'python3-redis'],
    suites: ['bookworm'],
    library: 'redis/__init__.py',
    libraryFolder: 'usr/lib/python3/dist-packages',
  },
};
const networkTools = ['ip', 'iptables', 'nft', 'nsenter', 'unshare'];

/**
 * Returns and writes to manifest.json how to start each program (command, and what to add to its environment): the tools
 * that every test needs, and of servers by version and further tools those that are there, or are asked for by name. What is
 * asked for in `optionalTools` is left out, with a line in the log, when it cannot be had.
 */
export async function ensureTools({
  log = () => {},
  servers: askedServers = [],
  tools: askedTools = [],
  optionalTools = [],
} = {}) {
  const manifest = {};
  for (const [key, tool] of Object.entries(tools)) {
    manifest[key] = (await onPath(tool)) ?? (await unpacked(tool)) ?? (await fetched(tool, log));
  }
  manifest.servers = {};
  for (const [name, entry] of Object.entries(servers)) {
    const server = { name, folder: name, ...entry };
    const found = (await starts(server, manifest.redisServer)) ?? (await unpacked(server));
    const start = found ?? (askedServers.includes(name) ? await fetched(server, log) : undefined);
    if (start) manifest.servers[name] = start;
  }
  manifest.furtherTools = {};
  for (const [name, entry] of Object.entries(furtherTools)) {
    const tool = { name, folder: name, advice: `Install the Debian package ${entry.packages[0]} yourself.`, ...entry };
    const found = (await onPath(tool)) ?? (await unpacked(tool));
    const asked = async () => (askedTools.includes(name) ? fetched(tool, log) : undefined);
    const wished = async () => (optionalTools.includes(name) ? fetched(tool, log).catch(missing) : undefined);
    const missing = (error) => log(error.message);
    const start = found ?? (await asked()) ?? (await wished());
    if (start) manifest.furtherTools[name] = start;
  }
  writeManifest(manifest);
  return manifest;
}

async function onPath(tool) {
  if (tool.library) {
    const file = libraryIn('/', tool);
    return file && { command: file, env: {} };
  }
  const command = tool.command ?? which(tool.name);
  return command && existsSync(command) ? starts(tool, { command, env: {} }) : undefined;
}

async function unpacked(tool) {
  const folder = path.join(toolsFolder, tool.folder);
  if (tool.library) {
    const file = libraryIn(folder, tool);
    return file && { command: file, env: {} };
  }
  const folders = libraryFolders(folder);
  const command = path.join(folder, tool.ownLibc ? 'start' : tool.file);
  if (!existsSync(command)) return undefined;
  const env = tool.ownLibc || folders.length === 0 ? {} : { LD_LIBRARY_PATH: folders.join(':') };
  if (tool.extensions) env[tool.extensions] = path.join(folders[0], 'xtables');
  if (tool.home) env[tool.home] = path.join(folder, 'usr');
  return starts(tool, { command, env });
}

/** The file of a library below a folder, where it is there. */
function libraryIn(folder, { library, libraryFolder }) {
  const parents = libraryFolder ? [path.join(folder, libraryFolder)] : libraryFolders(folder);
  return parents.map((parent) => path.join(parent, library)).find((file) => existsSync(file));
}

/** The start itself, when it works; a tool left by another system or a broken unpacking is as good as missing. */
async function starts({ versionArgs = ['--version'], version = /./ }, start) {
  const env = { ...process.env, ...start.env };
  const { ok, output } = await run(start.command, versionArgs, { env, timeoutMs: versionTimeoutMs });
  return ok && version.test(output) ? start : undefined;
}

async function fetched(tool, log) {
  const { name, advice } = tool;
  if (!canUnpack()) throw new Error(`${name} is not here, and there is no apt-get and dpkg to get it. ${advice}`);
  const origin = tool.build ? 'source' : 'package';
  log(`getting ${name} (Debian ${origin} ${tool.packages.at(-1)}, into .cache/tools)`);
  mkdirSync(toolsFolder, { recursive: true });
  const temporary = mkdtempSync(path.join(toolsFolder, 'unpack-'));
  try {
    if (tool.build) await tool.build(temporary, log);
    else await unpackTool(tool, temporary);
    const folder = path.join(toolsFolder, tool.folder);
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
    const start = await unpacked(tool);
    if (!start) throw new Error(`it does not start, or is not the version expected`);
    return start;
  } catch (error) {
    throw new Error(`${name} is not here and could not be fetched: ${error.message}\n${advice}`, { cause: error });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function unpackTool(tool, folder) {
  const { packages, suites, ownLibc = false, link } = tool;
  const programs = tool.programs ?? (tool.library ? [] : [tool.file]);
  await unpackPackages({ packages, programs, suites, ownLibc, link }, folder);
  if (ownLibc) writeStarter(tool, folder);
}

/**
 * A program that is to run with another C library is started by the dynamic linker of that one. LD_LIBRARY_PATH would
 * not do: the shell would take it too. By exec, so that the process id is the one that was started.
 */
function writeStarter({ file }, folder) {
  const below = (name) => `"$here/${path.relative(folder, name)}"`;
  const libraries = libraryFolders(folder).map(below).join(':');
  const starter = path.join(folder, 'start');
  const text = `#!/bin/sh
here=$(dirname "$0")
exec ${below(ownLinker(folder))} --library-path ${libraries} "$here/${file}" "$@"
`;
  writeFileSync(starter, text);
  chmodSync(starter, 0o755);
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

const usage = `usage: node scripts/tools.mjs [--server NAME]... [--tool NAME]... [--network]

Without options: redis-server, redis-cli and dnsmasq, which npm test and npm run demo need.
  --server NAME   a server of this version too: ${Object.keys(servers).join(', ')}
  --tool NAME     a further program too: ${Object.keys(furtherTools).join(', ')}
  --network       what tests with network namespaces need: ${networkTools.join(', ')}`;

/** @returns what is asked for; undefined when that makes no sense. */
function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        server: { type: 'string', multiple: true, default: [] },
        tool: { type: 'string', multiple: true, default: [] },
        network: { type: 'boolean', default: false },
      },
    });
    const isKnown = values.server.every((name) => servers[name]) && values.tool.every((name) => furtherTools[name]);
    return isKnown
      ? { servers: values.server, tools: values.tool.concat(values.network ? networkTools : []) }
      : undefined;
  } catch {
    return undefined;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const asked = readArguments();
  if (!asked) {
    console.error(usage);
    process.exitCode = 2;
  } else {
    try {
      console.log(JSON.stringify(await ensureTools({ log: (line) => console.error(line), ...asked }), null, 2));
    } catch (error) {
      console.error(error.message);
      process.exitCode = 1;
    }
  }
}

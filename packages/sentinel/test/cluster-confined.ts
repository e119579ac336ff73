import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadTools, messageOf, type Pod, type Tools } from '@sentinel-micro/testkit';

/** Room for what a test writes, and for a copy of it. */
const DISK_BYTES = 8 * 1024 * 1024;
const BALLAST = 'ballast';
/** "nobody": whoever is root may have as many processes as there can be. */
const AS_NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups'];
const COMMAND_TIMEOUT_MS = 5000;
const SETPRIV = '/usr/bin/setpriv';

const isRoot = process.getuid?.() === 0;
const ownMounts = ['/usr/bin/unshare', ...(isRoot ? [] : ['--user', '--map-root-user']), '--mount', '--'];
/** Nobody here, too, so that the limit counts, but may read and write the files of the test. */
const limited = isRoot ? ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', ...AS_NOBODY] : [];

function run(command: readonly string[]): void {
  const [program = '', ...args] = command;
  execFileSync(program, args, { stdio: 'pipe', timeout: COMMAND_TIMEOUT_MS });
}

/** Whether a redis-server can have a disk of its own and a limit of processes here; if not, why, in one line. */
export function whyNotConfined(): string | undefined {
  try {
    const mount = ['/bin/sh', '-c', 'mount -t tmpfs probe /tmp && exec "$@"', 'sh'];
    run([...ownMounts, ...mount, SETPRIV, ...limited, '/bin/true']);
    run(['/usr/bin/prlimit', '--version']);
    return undefined;
  } catch (error) {
    return `a disk of its own and a limit of processes can not be had here (${messageOf(error).split('\n').join(' ').trim()})`;
  }
}

/**
 * A redis-server whose data folder is a small disk that nobody else sees and that goes with it, and that can be kept from forking.
 * A redis container that starts again finds it empty.
 */
export class ConfinedRedis {
  readonly tools: Tools;
  readonly #dir: string;

  constructor() {
    const tools = loadTools();
    const { command, env } = tools.redisServer;
    this.#dir = mkdtempSync(join(tmpdir(), 'confined-redis-'));
    const wrapper = join(this.#dir, 'redis-server');
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    // The signal for the death of whoever started it is cleared when the user changes, so it is set once more.
    const inner = [SETPRIV, '--pdeathsig', 'KILL', ...limited, '--', '/usr/bin/env', ...variables, command];
    const mount = `mount -t tmpfs -o size=${String(DISK_BYTES)},mode=0777 data "$PWD" && cd "$PWD" && exec "$@"`;
    const line = [...ownMounts, '/bin/sh', '-c', mount, 'sh', ...inner].map((word) => `'${word}'`).join(' ');
    writeFileSync(wrapper, `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o755 });
    this.tools = { ...tools, redisServer: { command: wrapper, env: {} } };
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function ballastOf(pod: Pod): string {
  return join('/proc', String(pod.redisPid), 'root', pod.files.dataDir, BALLAST);
}

/** Leaves no byte on the disk of this pod's Redis. */
export function fillDisk(pod: Pod): void {
  try {
    writeFileSync(ballastOf(pod), Buffer.alloc(DISK_BYTES));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
    throw error;
  }
  throw new Error(`the disk of ${pod.name} is not full`);
}

export function freeDisk(pod: Pod): void {
  rmSync(ballastOf(pod));
}

function limitProcesses(pod: Pod, limit: string): void {
  const prlimit = ['/usr/bin/prlimit', '--pid', String(pod.redisPid), `--nproc=${limit}`];
  run(isRoot ? [SETPRIV, ...AS_NOBODY, ...prlimit] : prlimit);
}

/** From now on a fork of this pod's Redis fails with EAGAIN. */
export function forbidFork(pod: Pod): void {
  // The soft limit alone, so that it can be put back. It counts all processes of this user: there is one already.
  limitProcesses(pod, '1:');
}

export function allowFork(pod: Pod): void {
  const limits = readFileSync(join('/proc', String(pod.redisPid), 'limits'), 'utf8');
  limitProcesses(pod, `${/^Max processes +\S+ +(\S+)/m.exec(limits)?.[1] ?? ''}:`);
}

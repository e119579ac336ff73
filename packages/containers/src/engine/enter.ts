// A network, mounts and process ids of our own: what the engine does to its machine it does in there, and when the first process in
// there ends, the kernel ends all others.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

const SETPRIV = '/usr/bin/setpriv';
const UNSHARE = '/usr/bin/unshare';
const CGROUPS = '/sys/fs/cgroup';
const MAX_DEPTH = 6;

/** Why no engine can be started here, in one line; undefined when it can. */
export function whyNoEngine(uid: number): string | undefined {
  if (uid !== 0) return 'no container engine answers, and to start one this has to be run as root';
  const missing = [SETPRIV, UNSHARE].find((file) => !existsSync(file));
  return missing === undefined
    ? undefined
    : `no container engine answers, and ${missing} (util-linux) is needed to start one`;
}

/**
 * Runs a command in there. It is told to end by the end of its standard input: signals do not reach it everywhere. When this
 * process is killed, everything in there is killed.
 */
export function spawnInside(command: string, args: readonly string[]): ChildProcess {
  const kinds = ['--net', '--mount', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'];
  // The shell takes in processes that lost their parents, as the first one of its kind has to.
  const shell = ['/bin/sh', '-c', '"$@"; exit $?', 'sh'];
  const line = ['--pdeathsig', 'KILL', '--', UNSHARE, ...kinds, '--', ...shell, command, ...args];
  return spawn(SETPRIV, line, { stdio: ['pipe', 'inherit', 'inherit'] });
}

/** Removes the empty control groups that an engine leaves behind, of whatever version. */
export function removeControlGroups(name: string): void {
  if (!existsSync(CGROUPS)) return;
  const roots = [CGROUPS, ...readdirSync(CGROUPS).map((entry) => join(CGROUPS, entry))];
  for (const root of roots) removeEmpty(join(root, name), 0);
}

function removeEmpty(folder: string, depth: number): void {
  if (depth > MAX_DEPTH || !existsSync(folder)) return;
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) removeEmpty(join(folder, entry.name), depth + 1);
    }
    rmdirSync(folder);
  } catch {
    // One with processes in it stays: it is somebody's.
  }
}

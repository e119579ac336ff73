import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TestkitError, findTool, type Tool } from '@sentinel-micro/testkit';

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The daemon and the command line that belongs to it. @throws TestkitError TOOLS_MISSING */
export function engineTools(): { readonly dockerd: Tool; readonly docker: Tool } {
  const dockerd = findTool('dockerd');
  if (dockerd === undefined) throw new TestkitError('TOOLS_MISSING', 'there is no dockerd (Debian package docker.io)');
  return { dockerd, docker: clientTool() };
}

/** The command line, on PATH or unpacked. @throws TestkitError TOOLS_MISSING */
export function clientTool(): Tool {
  const docker = findTool('docker');
  if (docker === undefined) throw new TestkitError('TOOLS_MISSING', 'there is no docker (Debian package docker.io)');
  return { command: docker.command, env: { ...docker.env, PATH: SYSTEM_PATH } };
}

/** An unpacked daemon starts its own programs by name: their folders come first. */
export function engineEnvironment({ command, env }: Tool, first: readonly string[]): Record<string, string> {
  const usr = dirname(dirname(command));
  const folders = ['sbin', 'bin'].map((name) => join(usr, name)).filter((folder) => existsSync(folder));
  return { ...env, PATH: [...first, ...folders, SYSTEM_PATH].join(':') };
}

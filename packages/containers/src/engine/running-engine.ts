import { existsSync } from 'node:fs';
import { Docker } from './docker.ts';

const ASK_TIMEOUT_MS = 5000;

/** Where engines listen, of root and of an ordinary user. */
export function engineHosts(uid: number, dockerHost: string | undefined): string[] {
  const run = `/run/user/${uid}`;
  const sockets = [
    '/var/run/docker.sock',
    `${run}/docker.sock`,
    '/run/podman/podman.sock',
    `${run}/podman/podman.sock`,
  ];
  const usual = sockets.map((socket) => `unix://${socket}`);
  return dockerHost === undefined || dockerHost === '' ? usual : [dockerHost];
}

/** An engine that runs already and answers; undefined when there is none. */
export async function findRunningEngine(
  hosts: readonly string[],
  command: string,
  env: Readonly<Record<string, string>>,
): Promise<Docker | undefined> {
  for (const host of hosts) {
    if (host.startsWith('unix://') && !existsSync(host.slice('unix://'.length))) continue;
    const docker = new Docker({ command, env, host });
    const answer = await docker.end(['version'], { timeoutMs: ASK_TIMEOUT_MS }).catch(() => undefined);
    if (answer?.code === 0) return docker;
  }
  return undefined;
}

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { TestkitError, messageOf } from '../errors.ts';
import { findTool } from '../tools.ts';
import { findNetworkTools } from './network-tools.ts';
import { runScript, shellWords } from './shell.ts';

/**
 * What stands before a command that shall have a network and mounts of its own. An ordinary user becomes root of a user
 * namespace first, which is root over those two and over nothing else.
 */
function namespaceCommand(isRoot: boolean): string[] {
  const user = isRoot ? [] : ['--user', '--map-root-user'];
  // The parent-death signal is set inside: the change of user would clear it.
  return ['/usr/bin/unshare', ...user, '--net', '--mount', '--', '/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'];
}

const PROBE_RULES = `table ip probe {
  chain forward {
    type filter hook forward priority 0
    ip saddr 10.0.0.1 ip daddr { 10.0.0.2 } meta l4proto tcp reject with tcp reset
    ip saddr 10.0.0.1 numgen random mod 1000 < 333 drop
  }
}`;

/** Whether hosts of their own can be had here; if not, why, in one line. Takes some 50 ms and leaves nothing behind. */
export async function whyNoNamespaces(isRoot: boolean): Promise<string | undefined> {
  const tools = findNetworkTools();
  if (tools === undefined) return 'the programs ip (package iproute2) and nft (package nftables) are needed';
  const script = `mount -t tmpfs probe /tmp
${shellWords(tools.ip)} link add probe0 type veth peer name probe1
echo 1 > /proc/sys/net/ipv4/ip_forward
${shellWords(tools.nft)} '${PROBE_RULES}'
/usr/bin/unshare --net --mount /usr/bin/nsenter --target $$ --net --mount true`;
  try {
    await runScript(script, namespaceCommand(isRoot));
    return undefined;
  } catch (error) {
    const [reason = ''] = messageOf(error)
      .replace(/^a script exited with code \d+: /, '')
      .split('\n');
    return `namespaces are not permitted here (${reason})`;
  }
}

/**
 * Runs a command in new namespaces. It and everything that it starts there ends when this process does, however that
 * ends. Standard input, output and error are this process's own.
 */
export function spawnInNamespaces(command: string, args: readonly string[], isRoot: boolean): ChildProcess {
  const [program = '', ...rest] = [...namespaceCommand(isRoot), command, ...args];
  return spawn(program, rest, { stdio: 'inherit' });
}

/**
 * Runs node in new namespaces, as `spawnInNamespaces` does, and waits. SIGTERM and SIGHUP are passed on; Ctrl-C reaches the process
 * inside by itself, and this one only has to wait for it.
 * @returns its exit code; 1 when a signal has ended it
 * @throws Error of `spawn`
 */
export function runInNamespaces(args: readonly string[], isRoot: boolean): Promise<number> {
  const child = spawnInNamespaces(process.execPath, args, isRoot);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => undefined);
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('exit', (code) => done(code ?? 1));
  });
}

/**
 * Hosts are made only in a network that was just made for them: the machine's own is never touched.
 * @throws TestkitError BAD_USAGE when this network has any device.
 */
export function requireOwnNetwork(): void {
  const devices = readFileSync('/proc/self/net/dev', 'utf8').split('\n').slice(2);
  const names = devices.map((line) => line.split(':')[0]?.trim() ?? '').filter((name) => name !== '');
  // The kernel adds a device of these kinds to each new network where they are built in.
  const foreign = names.filter(
    (name) => !/^(lo|o\d+|tunl0|sit0|ip6tnl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|ip6gre0)$/.test(name),
  );
  if (foreign.length === 0) return;
  throw new TestkitError('BAD_USAGE', `this is not a network of its own: it has ${foreign.join(', ')}`);
}

/** A folder in memory, seen by this process and its children only: it is gone with them. */
export async function mountScratch(dir: string, sizeMiB = 4096): Promise<void> {
  requireOwnNetwork();
  mkdirSync(dir, { recursive: true });
  await runScript(`mount -t tmpfs -o size=${sizeMiB}m,mode=0755 scratch '${dir}'`);
}

/**
 * Lets processes beside the hosts talk over 127.0.0.0/8: a new network has that device, and it is down.
 * @throws TestkitError BAD_USAGE in any other network, TOOLS_MISSING without `ip`, PROCESS_FAILED
 */
export async function raiseLoopback(): Promise<void> {
  requireOwnNetwork();
  const ip = findTool('ip');
  if (ip === undefined) throw new TestkitError('TOOLS_MISSING', 'there is no ip (Debian package iproute2)');
  await runScript(`${shellWords(ip)} link set lo up`);
}

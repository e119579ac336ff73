import type { RawFlags } from '@sentinel-micro/runtime';
import type { Cluster } from '@sentinel-micro/testkit';
import type { Output } from '../src/control/set.ts';
import type { Run } from './control-support.ts';

export type Command = (flags: RawFlags, output: Output) => Promise<number>;

/** Runs a command as somebody would who can reach the sidecars of this set. */
export async function runCommand(cluster: Cluster, command: Command, change: RawFlags = {}): Promise<Run> {
  const { service, namespace, sentinelPort, dnsServers, masterName } = cluster.settings;
  const flags = {
    service,
    namespace,
    port: sentinelPort,
    'dns-servers': dnsServers,
    'master-name': masterName,
    'probe-timeout-ms': 2000,
    'timeout-ms': 20_000,
    output: 'text',
    ...change,
  };
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const output = { stdout: (text: string) => stdout.push(text), stderr: (text: string) => stderr.push(text) };
  return { exitCode: await command(flags, output), stdout: stdout.join('\n'), stderr: stderr.join('\n') };
}

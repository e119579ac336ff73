import type { Host } from './hosts/host.ts';
import { imageNodeFlags } from './image-start.ts';
import type { PodFiles, PodIdentity } from './pod-files.ts';
import type { PodSettings } from './pod-settings.ts';
import type { RedisTarget } from './redis-client.ts';

/** A program to start, as far as it does not follow from the pod that it is started in. */
export interface Program {
  /** How messages call it: "sentinel". */
  readonly what: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What a pod tells those who say what runs in it. */
export interface PodContext {
  readonly identity: PodIdentity;
  readonly files: PodFiles;
  readonly settings: PodSettings;
  /** Whether the pod has a host of its own, or shares this machine's addresses. */
  readonly hasHost: boolean;
  /** That host. */
  readonly host: Host | undefined;
  /** Where the sidecars of the other pods are that exist at the moment. */
  readonly otherSidecars: readonly RedisTarget[];
}

/** What runs in a pod beside redis-server. */
export interface PodProgram {
  /**
   * What has to end well before redis-server starts from `files.renderedConfig`; undefined when there is nothing to
   * wait for, because this call has written that file itself.
   */
  init(pod: PodContext): Promise<Program | undefined>;
  /** Called at each start of the sidecar. */
  sidecar(pod: PodContext): Program;
}

/** make-slave and sentinel, as in the manifests and as their images start them. */
export const sentinelMicro: PodProgram = {
  init(pod) {
    const { files, settings } = pod;
    const places = ['--base-config', files.baseConfig, '--output', files.renderedConfig];
    const start = [...imageNodeFlags('make-slave'), settings.bundles.makeSlave];
    const args = [...start, ...commonFlags(pod), ...places, ...settings.makeSlaveFlags];
    return Promise.resolve({ what: 'make-slave', command: process.execPath, args });
  },
  sidecar(pod) {
    const { files, settings, identity } = pod;
    // All pods of this machine use the same port, so each one listens on its own address only.
    const listen = pod.hasHost ? [] : ['--listen', identity.ip];
    const rest = ['--master-name', settings.masterName, '--rendered-config', files.renderedConfig];
    // Many machines have something on 8080 already; who wants HTTP says so.
    const http = settings.sentinelFlags.includes('--http-port') ? [] : ['--http-port', '0'];
    const start = [...imageNodeFlags('sentinel'), settings.bundles.sentinel, 'run'];
    const args = [...start, ...commonFlags(pod), ...listen, ...rest, ...http];
    return { what: 'sentinel', command: process.execPath, args: [...args, ...settings.sentinelFlags] };
  },
};

/** The flags that both binaries take. */
function commonFlags({ identity, settings, files }: PodContext): string[] {
  const { dnsServers, username, password } = settings;
  return [
    ...['--service', settings.service],
    ...['--namespace', settings.namespace],
    ...['--replicas', settings.replicasFlag ?? String(settings.replicas)],
    ...['--pod-name', identity.name],
    ...['--pod-uid', identity.uid],
    ...['--pod-ip', identity.ip],
    ...['--redis-port', String(settings.redisPort)],
    ...['--port', String(settings.sentinelPort)],
    ...(dnsServers === undefined ? [] : ['--dns-servers', dnsServers]),
    ...['--log-format', 'json'],
    ...(username === undefined ? [] : ['--redis-username', username]),
    ...(password === undefined ? [] : ['--redis-password-file', files.passwordFile]),
  ];
}

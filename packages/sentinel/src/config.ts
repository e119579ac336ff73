import {
  DEFAULT_TIMINGS,
  deriveTimings,
  quorumOf,
  timingProblems,
  type NodeConfig,
  type TimingOptions,
} from '@sentinel-micro/core';
import {
  choiceFlag,
  clusterIdOf,
  credentialsOf,
  dnsServersFlag,
  FLAGS,
  ipFlag,
  numberFlag,
  optionalText,
  passwordOf,
  podPlace,
  portFlag,
  textFlag,
  UsageError,
  type LogLevel,
  type RawFlags,
} from '@sentinel-micro/runtime';
import { KUBE_FLAGS, kubeOf, type KubeConfig } from './kube/kube-flags.ts';
import { LEASE_FLAGS, leaseStoreOf, type LeaseStoreConfig } from './kube/lease-flags.ts';
import type { PortLogins } from './login.ts';

const DAY_MS = 86_400_000;
const MAX_PORT = 65_535;

/** The flags of `sentinel run`. */
export const RUN_FLAGS = {
  ...FLAGS,
  'lease-ms': { type: 'string', default: DEFAULT_TIMINGS.leaseMs, describe: 'how long a lease lasts for its holder' },
  'guard-ms': {
    type: 'string',
    default: DEFAULT_TIMINGS.guardMs,
    describe: 'how much longer a voter keeps its promise',
  },
  'heartbeat-ms': {
    type: 'string',
    default: DEFAULT_TIMINGS.heartbeatMs,
    describe: 'how often the lease is renewed and Redis is asked',
  },
  'down-after-ms': {
    type: 'string',
    default: DEFAULT_TIMINGS.downAfterMs,
    describe: 'after how long without an answer Redis counts as hung',
  },
  'data-wait-ms': {
    type: 'string',
    default: DEFAULT_TIMINGS.dataWaitMs,
    describe: 'how long to wait for a quorum of pods with their data',
  },
  'sentinel-auth': {
    choices: ['on', 'off'],
    default: 'on',
    describe: "the sidecar's port asks clients for a password, or not; peers always log in when Redis has one",
  },
  'sentinel-password-file': {
    type: 'string',
    describe: "file with what clients log in with at the sidecar's port, instead of Redis's password",
    requiresArg: true,
  },
  // Only meant for the environment, as that of Redis.
  'sentinel-password': { type: 'string', hidden: true },
  listen: { type: 'string', describe: 'the one address to listen on; all of them when left out', requiresArg: true },
  'http-port': {
    type: 'string',
    default: 8080,
    describe: 'probes, metrics and topology over HTTP; 0 for none of it',
    requiresArg: true,
  },
  'http-listen': {
    type: 'string',
    describe: 'the one address for HTTP; as --listen when left out',
    requiresArg: true,
  },
  'rendered-config': {
    type: 'string',
    default: '/redis-config/redis.conf',
    describe: "make-slave's --output: the master's address is taken out of it when Redis runs",
    requiresArg: true,
  },
  durability: {
    choices: ['available', 'strict'],
    default: 'available',
    describe: 'when too few pods can show their data: promote the best there is, or wait',
  },
  'kill-hung': {
    type: 'boolean',
    default: false,
    describe: 'kill a master that hangs before another one is promoted; needs shareProcessNamespace and the same user',
  },
  ...KUBE_FLAGS,
  ...LEASE_FLAGS,
} as const;

export interface RunConfig {
  readonly node: NodeConfig;
  /** The one address to listen on; null for all. */
  readonly listen: string | null;
  /** Where HTTP is served, `listen` as above; null for not at all. */
  readonly http: { readonly port: number; readonly listen: string | null } | null;
  /** The config that redis-server was started from. */
  readonly renderedConfig: string;
  readonly masterName: string;
  readonly service: string;
  readonly namespace: string | undefined;
  readonly dnsServers: readonly string[] | null;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Who may use the sidecar's port. */
  readonly logins: PortLogins;
  /** A master that hangs is killed before its lease is given back. */
  readonly killHung: boolean;
  /** What is done with the Kubernetes API; null for nothing. */
  readonly kube: KubeConfig | null;
  /** Where the lease is kept; null for the peers themselves. */
  readonly leaseStore: LeaseStoreConfig | null;
  readonly logLevel: LogLevel;
  readonly logFormat: 'json' | 'pretty';
}

function timingsOf(flags: RawFlags): TimingOptions {
  const options: TimingOptions = {
    leaseMs: numberFlag(flags, 'lease-ms', 1, DAY_MS),
    guardMs: numberFlag(flags, 'guard-ms', 1, DAY_MS),
    heartbeatMs: numberFlag(flags, 'heartbeat-ms', 1, DAY_MS),
    downAfterMs: numberFlag(flags, 'down-after-ms', 1, DAY_MS),
    dataWaitMs: numberFlag(flags, 'data-wait-ms', 1, DAY_MS),
  };
  const problems = timingProblems(options);
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  return options;
}

/** Some clients take messages apart at each blank, so there must be none in the name. */
function masterNameOf(flags: RawFlags): string {
  const name = textFlag(flags, 'master-name');
  if (/^[\w.-]+$/.test(name)) return name;
  throw new UsageError(
    `--master-name is ${JSON.stringify(name)}; it must be made of letters, digits, and any of . - _`,
  );
}

/** @throws UsageError when the flags contradict each other, or the file can not be used. */
function loginsOf(flags: RawFlags, redis: ReturnType<typeof credentialsOf>): PortLogins {
  const isOpen = choiceFlag(flags, 'sentinel-auth', ['on', 'off']) === 'off';
  const own = passwordOf(flags, 'sentinel-password');
  if (isOpen && own !== undefined) {
    throw new UsageError(
      '--sentinel-password-file is given, and --sentinel-auth is off; leave one of them out: a port that is open asks for no password',
    );
  }
  if (own !== undefined && redis.password === undefined) {
    throw new UsageError(
      '--sentinel-password-file is given without --redis-password-file; add it, for the peers log in with the password of Redis',
    );
  }
  // Redis's password stays that of the peers: so a new password for clients can be rolled out pod by pod.
  const clientPassword = isOpen ? undefined : (own ?? redis.password);
  return { username: redis.username, peerPassword: redis.password, clientPassword };
}

/** @throws UsageError when it is a port that this pod uses already. */
function httpOf(flags: RawFlags, listen: string | null): RunConfig['http'] {
  const port = numberFlag(flags, 'http-port', 0, MAX_PORT);
  if (port === 0) return null;
  const taken = (['port', 'redis-port'] as const).find((flag) => portFlag(flags, flag) === port);
  if (taken !== undefined) {
    throw new UsageError(`--http-port is ${String(port)}, and so is --${taken}; it must be another one, or 0 for none`);
  }
  return { port, listen: flags['http-listen'] === undefined ? listen : ipFlag(flags, 'http-listen') };
}

function portsOf(flags: RawFlags): { redisPort: number; port: number } {
  const [redisPort, port] = [portFlag(flags, 'redis-port'), portFlag(flags, 'port')];
  if (redisPort !== port) return { redisPort, port };
  throw new UsageError(
    `--port is ${String(port)}, and so is --redis-port; it must be another one, for both are of one pod`,
  );
}

/** That of the Service, and so of the pods. */
const namespaceOf = (cluster: string): string => cluster.replace(/\/.*$/, '').replace(/^[^.]*\./, '');

export const logLevelOf = (flags: RawFlags): LogLevel =>
  choiceFlag(flags, 'log-level', ['error', 'warn', 'info', 'debug']);

/**
 * Checks the flags of `sentinel run` once and for all.
 * @param incarnation 40 hexadecimal digits, new at each start
 * @param environment where Kubernetes tells a pod how its API is reached
 * @throws UsageError naming the flag, its value and what would be right
 */
export function parseRunConfig(
  flags: RawFlags,
  incarnation: string,
  environment: Readonly<Record<string, string | undefined>> = {},
): RunConfig {
  const { pod, members, isResizable } = podPlace(flags);
  const { username, password } = credentialsOf(flags);
  const logins = loginsOf(flags, { username, password });
  const cluster = clusterIdOf(flags);
  const place = { pod, namespace: namespaceOf(cluster) };
  const leaseStore = leaseStoreOf(flags, place, environment);
  const listen = flags['listen'] === undefined ? null : ipFlag(flags, 'listen');
  return {
    node: {
      cluster,
      self: {
        pod,
        uid: textFlag(flags, 'pod-uid', "the pod's UID (downward API: metadata.uid)"),
        incarnation,
        ip: ipFlag(flags, 'pod-ip'),
        ...portsOf(flags),
        replicas: isResizable ? 0 : members.length,
        ...(leaseStore === null ? {} : { store: 'kubernetes' as const }),
      },
      members,
      quorum: quorumOf(members.length),
      timings: deriveTimings(timingsOf(flags)),
      writeQuorum: choiceFlag(flags, 'write-quorum', ['auto', 'strict', 'off']),
      durability: choiceFlag(flags, 'durability', ['available', 'strict']),
      ...(isResizable ? { isResizable } : {}),
    },
    listen,
    http: httpOf(flags, listen),
    renderedConfig: textFlag(flags, 'rendered-config'),
    masterName: masterNameOf(flags),
    service: textFlag(flags, 'service'),
    namespace: optionalText(flags, 'namespace'),
    dnsServers: dnsServersFlag(flags),
    username,
    password,
    logins,
    killHung: flags['kill-hung'] === true,
    kube: kubeOf(flags, { ...place, isResizable }, environment),
    leaseStore,
    logLevel: logLevelOf(flags),
    logFormat: choiceFlag(flags, 'log-format', ['json', 'pretty']),
  };
}

import type { PodName } from '@sentinel-micro/core';
import {
  choiceFlag,
  clusterIdOf,
  credentialsOf,
  dnsServersFlag,
  FLAGS,
  ipFlag,
  numberFlag,
  optionalText,
  podPlace,
  portFlag,
  textFlag,
  UsageError,
  type LogLevel,
  type RawFlags,
} from '@sentinel-micro/runtime';
import path from 'node:path';

/** `replica-priority` is a C int in Redis. */
const MAX_PRIORITY = 2_147_483_647;
const MAX_PROBE_TIMEOUT_MS = 60_000;

/** A number that is left a text, so that a wrong one can be named in the message. */
const asText = <Flag extends object>(flag: Flag): Omit<Flag, 'type'> & { readonly type: 'string' } => ({
  ...flag,
  type: 'string',
});

/** The flags of make-slave, in the shape that yargs takes. */
export const MAKE_SLAVE_FLAGS = {
  ...FLAGS,
  replicas: asText(FLAGS.replicas),
  'redis-port': asText(FLAGS['redis-port']),
  port: asText(FLAGS.port),
  'base-config': {
    type: 'string',
    describe: 'redis.conf of your own, included before everything else',
    requiresArg: true,
  },
  output: {
    type: 'string',
    default: '/redis-config/redis.conf',
    describe: 'the file that redis-server starts from',
    requiresArg: true,
  },
  'replica-priority': {
    type: 'string',
    describe: 'replica-priority of this pod: the lowest is promoted first, 0 never',
    requiresArg: true,
  },
  'probe-timeout-ms': {
    type: 'string',
    default: 500,
    describe: 'how long to wait for each peer; everything together takes at most four times as long',
    requiresArg: true,
  },
  print: { type: 'boolean', default: false, describe: 'print the config, secrets masked, instead of writing it' },
} as const;

/** What make-slave is to do, checked. */
export interface MakeSlaveConfig {
  readonly pod: PodName;
  readonly podUid: string | null;
  readonly ip: string;
  readonly members: readonly PodName[];
  /** What the sidecars of the other pods count by stands instead of `members`. */
  readonly isResizable: boolean;
  readonly cluster: string;
  readonly service: string;
  readonly namespace: string | undefined;
  readonly dnsServers: readonly string[] | null;
  readonly redisPort: number;
  /** The sidecars' port. */
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly writeQuorum: 'auto' | 'strict' | 'off';
  readonly replicaPriority: number | null;
  readonly probeTimeoutMs: number;
  /** Absolute; null for none. */
  readonly baseConfig: string | null;
  /** Absolute. */
  readonly output: string;
  readonly print: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: 'json' | 'pretty';
}

function baseConfigOf(flags: RawFlags, output: string): string | null {
  const given = optionalText(flags, 'base-config');
  if (given === undefined) return null;
  const file = path.resolve(given);
  if (file === output) {
    throw new UsageError(`--base-config and --output are both ${file}; the base config must be a file of its own`);
  }
  // Redis takes the path of an include for a pattern when one of these is in it.
  if (/[*?[]/.test(file)) {
    throw new UsageError(`--base-config is ${JSON.stringify(given)}; it must be the path of one file, without * ? [`);
  }
  return file;
}

/**
 * Checks the flags of make-slave once and for all.
 * @throws UsageError naming the flag, its value and what would be right
 */
export function parseConfig(flags: RawFlags): MakeSlaveConfig {
  const { pod, members, isResizable } = podPlace(flags);
  const output = path.resolve(textFlag(flags, 'output', 'the path of the file to write'));
  return {
    pod,
    podUid: optionalText(flags, 'pod-uid') ?? null,
    ip: ipFlag(flags, 'pod-ip'),
    members,
    isResizable,
    cluster: clusterIdOf(flags),
    service: textFlag(flags, 'service'),
    namespace: optionalText(flags, 'namespace'),
    dnsServers: dnsServersFlag(flags),
    redisPort: portFlag(flags, 'redis-port'),
    port: portFlag(flags, 'port'),
    ...credentialsOf(flags),
    writeQuorum: choiceFlag(flags, 'write-quorum', ['auto', 'strict', 'off']),
    replicaPriority:
      flags['replica-priority'] === undefined ? null : numberFlag(flags, 'replica-priority', 0, MAX_PRIORITY),
    probeTimeoutMs: numberFlag(flags, 'probe-timeout-ms', 1, MAX_PROBE_TIMEOUT_MS),
    baseConfig: baseConfigOf(flags, output),
    output,
    print: flags['print'] === true,
    logLevel: choiceFlag(flags, 'log-level', ['error', 'warn', 'info', 'debug']),
    logFormat: choiceFlag(flags, 'log-format', ['json', 'pretty']),
  };
}

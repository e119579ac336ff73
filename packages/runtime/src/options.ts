import { asPodName, podNames, type PodName } from '@sentinel-micro/core';
import { UsageError } from './errors.ts';
import { canonicalIp, ipFamily } from './ip.ts';
import { readPasswordFile } from './secret.ts';

/** Prefix of the environment variable of every flag: `--lease-ms` = `SENTINEL_MICRO_LEASE_MS`. */
const ENV_PREFIX = 'SENTINEL_MICRO';

/**
 * The flags that several commands share, in the shape that yargs takes. One definition, so that the binaries can not drift
 * apart; each command picks those that it knows.
 */
export const FLAGS = {
  service: {
    type: 'string',
    describe: 'headless Service of the StatefulSet: `redis`, or its full name',
    requiresArg: true,
  },
  replicas: {
    type: 'string',
    describe: 'number of pods of the StatefulSet (N), or from-statefulset: N follows it; needs RBAC',
    requiresArg: true,
  },
  'pod-name': { type: 'string', describe: 'name of this pod, such as redis-0', requiresArg: true },
  'pod-uid': { type: 'string', describe: 'UID of this pod', requiresArg: true },
  'pod-ip': { type: 'string', describe: 'IP address of this pod', requiresArg: true },
  namespace: { type: 'string', describe: 'namespace of this pod', requiresArg: true },
  'redis-port': { type: 'string', default: 6379, describe: "redis-server's port, on every pod", requiresArg: true },
  'redis-username': { type: 'string', describe: 'user on all Redis instances and for peers', requiresArg: true },
  'redis-password-file': {
    type: 'string',
    describe: 'file with the password of all Redis instances and peers',
    requiresArg: true,
  },
  // Only meant for the environment: a password in argv can be read by every process of the host.
  'redis-password': { type: 'string', hidden: true },
  port: { type: 'string', default: 26379, describe: "the sidecar's RESP port, on every pod", requiresArg: true },
  'master-name': {
    type: 'string',
    default: 'mymaster',
    describe: 'name of the set for Sentinel clients',
    requiresArg: true,
  },
  'write-quorum': {
    choices: ['auto', 'strict', 'off'],
    default: 'auto',
    describe: 'min-replicas-to-write: lowered while replicas are missing, never, or not used',
  },
  'dns-servers': {
    type: 'string',
    describe: 'DNS servers to ask instead of the system ones: host:port,...',
    requiresArg: true,
  },
  'log-level': { choices: ['error', 'warn', 'info', 'debug'], default: 'info', describe: 'what to log' },
  'log-format': {
    choices: ['json', 'pretty'],
    default: 'json',
    describe: 'one JSON object per line, or lines for people',
  },
} as const;

/** The parsed flags as yargs gives them, before they are checked. */
export type RawFlags = Readonly<Record<string, unknown>>;

function wrong(flag: string, value: unknown, right: string): UsageError {
  return new UsageError(`--${flag} is ${value === undefined ? 'missing' : JSON.stringify(value)}; it must be ${right}`);
}

/** @throws UsageError when the flag is missing or empty. */
export function textFlag(flags: RawFlags, flag: string, right = 'given'): string {
  const value = flags[flag];
  if (typeof value === 'string' && value.trim() !== '') return value;
  throw wrong(flag, value, right);
}

export function optionalText(flags: RawFlags, flag: string): string | undefined {
  const value = flags[flag];
  if (value === undefined) return undefined;
  return textFlag(flags, flag, 'a text, or left out');
}

/** @throws UsageError when the flag is not a whole number between the two bounds. */
export function numberFlag(flags: RawFlags, flag: string, min: number, max: number): number {
  const value = flags[flag];
  // yargs makes NaN of a text that is no number, which then can not be named; so commands may leave it a text.
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number;
  throw wrong(flag, value, `a whole number from ${String(min)} to ${String(max)}`);
}

export const portFlag = (flags: RawFlags, flag: string): number => numberFlag(flags, flag, 1, 65_535);

/** @throws UsageError when the flag is not one of `choices`. */
export function choiceFlag<Choice extends string>(flags: RawFlags, flag: string, choices: readonly Choice[]): Choice {
  const value = flags[flag];
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw wrong(flag, value, `one of ${choices.join(', ')}`);
  return found;
}

/** @throws UsageError when the flag is not an IPv4 or IPv6 address. */
export function ipFlag(flags: RawFlags, flag: string): string {
  const value = textFlag(flags, flag, 'an IP address');
  if (ipFamily(value) === 0) throw wrong(flag, value, 'an IP address');
  return canonicalIp(value);
}

/** `10.0.0.10`, `10.0.0.10:53`, `fd00::a` or `[fd00::a]:53`, as Node's resolver takes them. */
function isDnsServer(text: string): boolean {
  if (ipFamily(text) !== 0) return true;
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const isHost = v6 === undefined ? ipFamily(v4 ?? '') === 4 : ipFamily(v6) === 6;
  return isHost && (port === undefined || (Number(port) >= 1 && Number(port) <= 65_535));
}

/** `a:53,[::1]:53` as a list; null when the flag is not given. @throws UsageError */
export function dnsServersFlag(flags: RawFlags): readonly string[] | null {
  const value = optionalText(flags, 'dns-servers');
  if (value === undefined) return null;
  const servers = value.split(',').map((server) => server.trim());
  if (servers.every(isDnsServer)) return servers;
  throw wrong('dns-servers', value, 'a list of IP addresses, each with or without a port: 10.0.0.10:53,[fd00::a]:53');
}

/** @throws UsageError when a secret stands among the arguments of the command, in whatever spelling yargs takes it. */
export function refuseSecretsInArguments(args: readonly string[]): void {
  const [, whose] =
    args.map((arg) => /^--(redis|sentinel)-?password(?:[=.]|$)/i.exec(arg)).find((match) => match !== null) ?? [];
  if (whose === undefined) return;
  const flag = `--${whose.toLowerCase()}-password`;
  throw new UsageError(
    `${flag} is given as an argument, which every process of the host can read; it must be given as ${flag}-file, or in the environment`,
  );
}

/** The password of `--NAME-file`, or of the environment alone as `NAME`. @throws UsageError when the file can not be used. */
export function passwordOf(flags: RawFlags, name: string): string | undefined {
  const file = optionalText(flags, `${name}-file`);
  return file === undefined ? optionalText(flags, name) : readPasswordFile(file, `--${name}-file`);
}

/** The login for all Redis instances and all peers. @throws UsageError when the password file can not be used. */
export function credentialsOf(flags: RawFlags): { username: string | undefined; password: string | undefined } {
  const username = optionalText(flags, 'redis-username');
  const password = passwordOf(flags, 'redis-password');
  if (username !== undefined && password === undefined) {
    throw new UsageError('--redis-username is given without a password; add --redis-password-file');
  }
  return { username, password };
}

/** Which of the pods of its StatefulSet a pod is. */
export interface PodPlace {
  readonly pod: PodName;
  readonly ordinal: number;
  /** Names of the N configured pods. */
  readonly members: readonly PodName[];
  /** N follows the StatefulSet: how many there are is not known yet, and the names are those up to this pod's. */
  readonly isResizable: boolean;
}

export const MAX_REPLICAS = 63;
/** What --replicas may be instead of a number. */
const FROM_STATEFULSET = 'from-statefulset';

/** Derives the names of all pods from one pod's name, as a StatefulSet makes them. @throws UsageError */
export function podPlace(flags: RawFlags): PodPlace {
  const name = textFlag(flags, 'pod-name', "the pod's name as a StatefulSet makes it, such as redis-0");
  const match = /^(.+)-(0|[1-9]\d*)$/.exec(name);
  if (match === null) throw wrong('pod-name', name, "the pod's name as a StatefulSet makes it, such as redis-0");
  if (flags['replicas'] === FROM_STATEFULSET) {
    // No more than a guess, until somebody tells.
    const pod = asPodName(name);
    return { pod, ordinal: Number(match[2]), members: podNames(pod, Number(match[2]) + 1), isResizable: true };
  }
  const replicas = numberFlag(flags, 'replicas', 1, MAX_REPLICAS);
  if (Number(match[2]) >= replicas) {
    const least = String(Number(match[2]) + 1);
    throw new UsageError(
      `--replicas is ${String(replicas)}, but --pod-name is ${name}; it must be at least ${least}, and the same as the StatefulSet's`,
    );
  }
  const members = Array.from({ length: replicas }, (_, index) => asPodName(`${String(match[1])}-${String(index)}`));
  return { pod: asPodName(name), ordinal: Number(match[2]), members, isResizable: false };
}

/**
 * What tells this set from every other one, the same on all its pods: Service, namespace and master name.
 * @throws UsageError when the namespace is neither given nor part of the Service's name.
 */
export function clusterIdOf(flags: RawFlags): string {
  const [name, namespaceInName] = textFlag(flags, 'service', 'the headless Service of the StatefulSet').split('.');
  const namespace = optionalText(flags, 'namespace') ?? namespaceInName;
  if (namespace === undefined || namespace === '') {
    throw new UsageError(
      "--namespace is missing; it must be the pod's namespace, unless --service is the full name of the Service",
    );
  }
  const masterName = optionalText(flags, 'master-name') ?? FLAGS['master-name'].default;
  return `${String(name)}.${namespace}/${masterName}`;
}

/**
 * The values that the environment gives to the flags of one command, for yargs's `config()`: argv wins over them. Variables of
 * other commands are left alone, for the containers of a pod often share one environment. So a flag that is called as another
 * one, of the other program, says `isArgumentOnly`: its variable belongs to that one.
 */
export function flagsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, object>>,
): Record<string, string | number | boolean> {
  const values: Record<string, string | number | boolean> = {};
  for (const [flag, spec] of Object.entries(flags)) {
    if ('isArgumentOnly' in spec) continue;
    const type = 'type' in spec ? spec.type : 'string';
    const text = environment[`${ENV_PREFIX}_${flag.toUpperCase().replaceAll('-', '_')}`];
    if (text === undefined || text === '') continue;
    if (type === 'boolean') values[flag] = text === 'true' || text === '1';
    // What is no number stays a text, so that the check can show it as it was given.
    else values[flag] = type === 'number' && Number.isFinite(Number(text)) ? Number(text) : text;
  }
  return values;
}

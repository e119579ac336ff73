import type { AskedPod, PeerStatus } from '@sentinel-micro/core';
import {
  choiceFlag,
  createResolver,
  credentialsOf,
  dnsServersFlag,
  fetchStatus,
  FLAGS,
  messageOf,
  numberFlag,
  optionalText,
  portFlag,
  textFlag,
  type RawFlags,
  type ServiceAddress,
} from '@sentinel-micro/runtime';

/** Where the commands write what people and scripts are to read. */
export interface Output {
  stdout(text: string): void;
  stderr(text: string): void;
}

/** By which flags the commands log in to a sidecar. */
export const LOGIN_FLAGS = {
  port: FLAGS.port,
  'redis-username': FLAGS['redis-username'],
  'redis-password-file': FLAGS['redis-password-file'],
  'redis-password': FLAGS['redis-password'],
  'probe-timeout-ms': {
    type: 'string',
    default: 1000,
    describe: 'how long to wait for each sidecar',
    requiresArg: true,
  },
} as const;

/** By which flags the commands find the sidecars of a set. */
export const SET_FLAGS = {
  service: FLAGS.service,
  namespace: FLAGS.namespace,
  'dns-servers': FLAGS['dns-servers'],
  ...LOGIN_FLAGS,
} as const;

export const OUTPUT_FLAGS = {
  output: {
    choices: ['text', 'json'],
    default: 'text',
    describe: 'text for people, or JSON',
    requiresArg: true,
    // SENTINEL_MICRO_OUTPUT is the file that make-slave writes, and the containers of a pod may share one environment.
    isArgumentOnly: true,
  },
  json: { type: 'boolean', default: false, describe: 'the same as --output json' },
} as const;

/** @throws UsageError */
export function wantsJson(flags: RawFlags): boolean {
  return choiceFlag(flags, 'output', ['text', 'json']) === 'json' || flags['json'] === true;
}

/** How to log in to any sidecar of the set. */
export interface Login {
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Bound of reaching one sidecar, and of its answer to PEER STATUS. */
  readonly timeoutMs: number;
}

/** @throws UsageError */
export function loginOf(flags: RawFlags): Login {
  return {
    ...credentialsOf(flags),
    port: portFlag(flags, 'port'),
    timeoutMs: numberFlag(flags, 'probe-timeout-ms', 1, 60_000),
  };
}

/**
 * Asks every sidecar behind the Service what it knows, all at once. Sorted by name.
 * @throws UsageError for a wrong flag, OperationError with code `DNS` when DNS names nobody.
 */
export async function askAll(flags: RawFlags): Promise<readonly AskedPod[]> {
  const login = loginOf(flags);
  const resolver = createResolver({
    service: textFlag(flags, 'service'),
    namespace: optionalText(flags, 'namespace'),
    servers: dnsServersFlag(flags),
    timeoutMs: login.timeoutMs,
  });
  return askPods(await resolver.resolve(), login);
}

/** Asks the sidecars at these addresses what they know, all at once. Sorted by name. Never rejects. */
export async function askPods(
  addresses: readonly ServiceAddress[],
  { timeoutMs, ...login }: Login,
): Promise<readonly AskedPod[]> {
  const pods = addresses.map(async ({ ip, podName }): Promise<AskedPod> => {
    try {
      const status = await fetchStatus({ host: ip, ...login }, timeoutMs);
      return { ip, pod: status.from.pod, status, error: null };
    } catch (error) {
      return { ip, pod: podName, status: null, error: messageOf(error) };
    }
  });
  const all = await Promise.all(pods);
  return all.sort((a, b) => nameOf(a).localeCompare(nameOf(b), 'en', { numeric: true }));
}

/** What to call a pod: its name, or its address when nobody has told the name. */
export const nameOf = ({ pod, ip }: AskedPod): string => pod ?? ip;

/** A pod whose sidecar has answered. */
export type AnsweringPod = AskedPod & { readonly status: PeerStatus };

export const hasAnswered = (pod: AskedPod): pod is AnsweringPod => pod.status !== null;

/** The pod whose sidecar holds the lease; with two (one of them does not know yet that it has lost it), that of the newest term. */
export function holderOf(pods: readonly AskedPod[]): AnsweringPod | null {
  const holders = pods.filter(hasAnswered).filter(({ status }) => status.role === 'holder');
  return holders.sort((a, b) => b.status.term - a.status.term)[0] ?? null;
}

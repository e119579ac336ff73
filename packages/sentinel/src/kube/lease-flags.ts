import { choiceFlag, textFlag, UsageError, optionalText, type RawFlags } from '@sentinel-micro/runtime';
import { kubeAccessOf, type KubeAccess } from './kube-flags.ts';

/** The flags of `sentinel run` for where the lease is kept. */
export const LEASE_FLAGS = {
  'lease-store': {
    type: 'string',
    default: 'peers',
    describe:
      'who decides who may be master: the sidecars by majority (peers), or a Lease in the Kubernetes API (kubernetes); the same on all pods',
    requiresArg: true,
  },
  'lease-name': {
    type: 'string',
    describe: 'name of the Lease; that of the StatefulSet and -master when left out',
    requiresArg: true,
  },
} as const;

/** Where the lease is kept, when that is not with the peers. */
export interface LeaseStoreConfig {
  readonly access: KubeAccess;
  readonly name: string;
}

const MOST_NAME = 253;

/**
 * @param environment where Kubernetes tells a pod how its API is reached
 * @returns null when the peers themselves decide. @throws UsageError
 */
export function leaseStoreOf(
  flags: RawFlags,
  place: Parameters<typeof kubeAccessOf>[1],
  environment: Parameters<typeof kubeAccessOf>[2],
): LeaseStoreConfig | null {
  const name = optionalText(flags, 'lease-name');
  if (choiceFlag(flags, 'lease-store', ['peers', 'kubernetes']) === 'peers') {
    if (name === undefined) return null;
    throw new UsageError(
      '--lease-name is given, and --lease-store is peers; add --lease-store kubernetes, or leave it out',
    );
  }
  const access = kubeAccessOf(flags, place, environment);
  const chosen = name === undefined ? `${access.statefulSet}-master` : textFlag(flags, 'lease-name');
  if (/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(chosen) && chosen.length <= MOST_NAME) return { access, name: chosen };
  throw new UsageError(
    `--lease-name is ${JSON.stringify(chosen)}; it must be made of small letters, digits, - and ., as names in Kubernetes are`,
  );
}

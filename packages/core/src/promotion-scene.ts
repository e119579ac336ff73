import type { ReplicationInfo } from './replication-info.ts';

/** An instance that told its INFO. All addresses are opaque texts: equal means the same place. */
export interface ReachableInstance {
  readonly state: 'reachable';
  /** As the user named it; unique among the instances. */
  readonly endpoint: string;
  /** Every address by which others may know it. */
  readonly addresses: readonly string[];
  /** What its `master_host:master_port` stands for; empty for a master, or when the name means nothing here. */
  readonly masterAddresses: readonly string[];
  /** The replicas that it feeds, as it sees them, without those that have fallen silent. */
  readonly feeds: readonly string[];
  readonly info: ReplicationInfo;
}

/** An instance of which nothing is known now, and why. */
export interface UnreachableInstance {
  readonly state: 'unreachable';
  readonly endpoint: string;
  readonly addresses: readonly string[];
  /** True when somebody answers there, but not what was asked: alive, in a role that is not known. */
  readonly answers: boolean;
  readonly reason: string;
}

export type Instance = ReachableInstance | UnreachableInstance;

export interface PromotionOptions {
  /** Go ahead where the answer would be a refusal that a person may overrule. */
  readonly force: boolean;
  /** Endpoints that have refused to be promoted, with the reason. */
  readonly unusable?: ReadonlyMap<string, string>;
}

/** What is known, sorted, and how far a person stands behind it. */
export interface Scene {
  readonly instances: readonly Instance[];
  readonly reachable: readonly ReachableInstance[];
  /** Those that answer but do not say what they are. */
  readonly locked: readonly UnreachableInstance[];
  readonly force: boolean;
  readonly unusable: ReadonlyMap<string, string>;
}

/** Sorts what one look at all instances has shown. */
export function sceneOf(instances: readonly Instance[], { force, unusable }: PromotionOptions): Scene {
  return {
    instances,
    reachable: instances.filter((instance) => instance.state === 'reachable'),
    locked: instances.filter((instance) => instance.state === 'unreachable').filter((instance) => instance.answers),
    force,
    unusable: unusable ?? new Map(),
  };
}

export const namesOf = (instances: readonly { readonly endpoint: string }[]): string =>
  instances.map((instance) => instance.endpoint).join(', ');

function lists(source: ReachableInstance, replica: ReachableInstance): boolean {
  const isFed = replica.addresses.some((address) => source.feeds.includes(address));
  return isFed && replica.info.linkUp && source.info.replid === replica.info.replid;
}

/**
 * Whom of the instances this one replicates from; null when it is none of them.
 * By its master's address; where that means nothing here (NAT, a Service's IP), by the list of whoever feeds it.
 */
export function sourceOf(instance: ReachableInstance, instances: readonly Instance[]): Instance | null {
  if (instance.info.role === 'master') return null;
  const others = instances.filter((other) => other.endpoint !== instance.endpoint);
  const named = others.filter((other) => other.addresses.some((own) => instance.masterAddresses.includes(own)));
  const [only] = named;
  if (only !== undefined && named.length === 1) return only;
  const possible = named.length === 0 ? others : named;
  return possible.find((other) => other.state === 'reachable' && lists(other, instance)) ?? null;
}

/** How many replicas a master has, of the given ones or others: whichever of the two views shows more. */
export function followerCount(master: ReachableInstance, scene: Scene): number {
  const given = scene.reachable.filter((other) => other.info.linkUp && sourceOf(other, scene.instances) === master);
  return Math.max(given.length, master.feeds.length);
}

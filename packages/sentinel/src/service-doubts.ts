import type { PodName } from '@sentinel-micro/core';
import type { Logger, ServiceAddress } from '@sentinel-micro/runtime';

/** DNS lags behind, and pods come and go: what it says is doubted when it has said so for this long, in milliseconds. */
export const DOUBT_AFTER_MS = 30_000;

/** The pod that looks, and the set as its flags tell it. */
export interface ServicePlace {
  readonly service: string;
  readonly pod: PodName;
  readonly ip: string;
  /** In the order of their numbers. */
  readonly members: readonly PodName[];
}

/** Pods are named in ranges' order; a set has 63 at most, and the text is one line of a log. */
const listOf = (pods: readonly string[]): string => pods.join(', ');

/**
 * What the addresses behind the Service tell of a manifest that is wrong.
 * @param addresses as DNS names them, at least one
 * @returns what is wrong and what to do, as one sentence; null when nothing is
 */
export function serviceDoubt(
  { service, pod, ip, members }: ServicePlace,
  addresses: readonly ServiceAddress[],
): string | null {
  const isListed = addresses.some((address) => address.ip === ip);
  const names = addresses.flatMap(({ podName }) => (podName === null ? [] : [podName]));
  if (!isListed && addresses.length === 1 && names.length === 0) {
    return `DNS has only ${String(addresses[0]?.ip)} for --service ${service}, which is not this pod (${ip}): the Service has to be headless (clusterIP: None)`;
  }
  if (!isListed) {
    return `DNS does not list this pod (${pod}, ${ip}) for --service ${service}: the Service needs publishNotReadyAddresses: true, and a selector that matches the labels of the pods`;
  }
  const more = [...new Set(names)].filter((name) => !members.some((member) => member === name)).sort();
  if (more.length > 0) {
    return `DNS lists ${listOf(more)} for --service ${service}, but --replicas is ${String(members.length)}: set --replicas of make-slave and sentinel to the spec.replicas of the StatefulSet; if these are no pods of it, the selector of the Service matches too much`;
  }
  const missing = members.filter((member) => !names.includes(member));
  const firstLeft = members.length - missing.length;
  // Fewer pods than configured miss the last ones; a pod that is gone for another reason is not the manifest's fault.
  const isTail = names.length > 0 && missing.length > 0 && missing[0] === members[firstLeft];
  if (!isTail) return null;
  return `DNS does not list ${listOf(missing)} for --service ${service}: if spec.replicas of the StatefulSet is ${String(firstLeft)}, set --replicas of make-slave and sentinel to ${String(firstLeft)}, for votes are counted from it; otherwise find out why these pods are not there`;
}

/** Says what is wrong with the Service when it has been so for a while, once, and when it is over. */
export class ServiceDoubts {
  readonly #place: ServicePlace;
  readonly #logger: Logger;
  #doubt: string | null = null;
  #sinceMs = 0;
  #told: string | null = null;

  constructor(place: ServicePlace, logger: Logger) {
    this.#place = place;
    this.#logger = logger;
  }

  /** To be called with each answer of DNS. */
  look(addresses: readonly ServiceAddress[], nowMs: number): void {
    const doubt = serviceDoubt(this.#place, addresses);
    if (doubt !== this.#doubt) {
      this.#doubt = doubt;
      this.#sinceMs = nowMs;
    }
    if (doubt === this.#told || (doubt !== null && nowMs - this.#sinceMs < DOUBT_AFTER_MS)) return;
    this.#told = doubt;
    if (doubt === null) this.#logger.log('info', 'service', 'DNS lists the pods as it should again');
    else this.#logger.log('warn', 'service', doubt);
  }
}

import { asPodName, type PodName } from './brand.ts';

const ORDINAL = /^(.+)-(0|[1-9]\d{0,8})$/;

/** The number that a StatefulSet gave to a pod: 2 for `redis-2`; Infinity for a name that none gives. */
export function ordinalOf(pod: PodName): number {
  return Number(ORDINAL.exec(pod)?.[2] ?? Infinity);
}

/** True when the two are pods of one StatefulSet, as far as their names tell. */
export function isOfSameSet(a: PodName, b: PodName): boolean {
  const base = ORDINAL.exec(a)?.[1];
  return base !== undefined && base === ORDINAL.exec(b)?.[1];
}

/** The names of the N pods of a StatefulSet, from the name of one of them. */
export function podNames(pod: PodName, replicas: number): PodName[] {
  const base = pod.replace(/-\d+$/, '');
  return Array.from({ length: replicas }, (_, index) => asPodName(`${base}-${String(index)}`));
}

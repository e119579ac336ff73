import type { PodName } from '@sentinel-micro/core';
import type { PodObject, PodPatch, Stored } from '@sentinel-micro/kubernetes';

/** The label that Services select by: `master` or `replica`. */
export const ROLE_LABEL = 'sentinel-micro.io/role';
/** Who has taken the label `master` away last, and under which term: a request that was sent before is refused by the API from then on. */
export const FENCED_TERM = 'sentinel-micro.io/fenced-term';
export const FENCED_BY = 'sentinel-micro.io/fenced-by';

export type RoleLabel = 'master' | 'replica';

/** What counts of a pod as the API has it. */
export interface PodFacts {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly role: string | null;
  readonly fencedTerm: number | null;
  readonly fencedBy: string | null;
}

export function factsOf({ metadata }: Stored<PodObject>): PodFacts {
  const { uid, resourceVersion, labels, annotations } = metadata;
  const term = Number(annotations?.[FENCED_TERM] ?? Number.NaN);
  return {
    uid,
    resourceVersion,
    role: labels?.[ROLE_LABEL] ?? null,
    fencedTerm: Number.isSafeInteger(term) ? term : null,
    fencedBy: annotations?.[FENCED_BY] ?? null,
  };
}

/** Of one sidecar, in one life of it. No two fences that matter have the same, for one that changes nothing moves no resourceVersion. */
export function fenceMark(pod: PodName, incarnation: string, count: number | ''): string {
  return `${pod}/${incarnation.slice(0, 12)}/${String(count)}`;
}

/** Sets the role, or takes it away, unless the pod has changed since it was read. */
export function rolePatch({ uid, resourceVersion }: PodFacts, role: RoleLabel | null): PodPatch {
  return { metadata: { uid, resourceVersion, labels: { [ROLE_LABEL]: role } } };
}

/** Leaves the pod without `master`, and with another resourceVersion than anybody has read before. */
export function fencePatch({ uid, resourceVersion, role }: PodFacts, term: number, mark: string): PodPatch {
  const annotations = { [FENCED_TERM]: String(term), [FENCED_BY]: mark };
  const labels = role === 'master' ? { labels: { [ROLE_LABEL]: null } } : {};
  return { metadata: { uid, resourceVersion, annotations, ...labels } };
}

/** The same for the own pod, whatever has changed since: taking `master` away is never wrong. */
export function dropPatch(uid: string, term: number, mark: string): PodPatch {
  const annotations = { [FENCED_TERM]: String(term), [FENCED_BY]: mark };
  return { metadata: { uid, labels: { [ROLE_LABEL]: null }, annotations } };
}

import type { StoredLease, StoreRecord } from '@sentinel-micro/core';
import { microTime, type LeaseObject, type Stored } from '@sentinel-micro/kubernetes';
import { decodeStoredLease, encodeStoredLease, messageOf } from '@sentinel-micro/runtime';

/** Where all of the lease is written; what Kubernetes has fields for is there as well, for people. */
const ANNOTATION = 'sentinel-micro.io/lease';
/** Of spec.leaseTransitions, a 32-bit number. */
const MOST_TRANSITIONS = 2 ** 31 - 1;

const holderOf = ({ holder, isReleased }: StoredLease): string => (isReleased ? '' : `${holder.pod}/${holder.uid}`);

/**
 * What a Lease of the API says. One of another set, or of somebody else, is foreign, and never written to. One that says two things, for it
 * was edited by hand, is broken: its holder counts as somebody who is not known.
 */
export function recordOf(found: Stored<LeaseObject>, cluster: string): StoreRecord {
  const { name, resourceVersion: version, annotations } = found.metadata;
  const identity = found.spec?.holderIdentity ?? '';
  const json = annotations?.[ANNOTATION];
  if (json === undefined) {
    if (identity === '') return { kind: 'none', version };
    const why = `the Lease ${name} is held by ${identity.slice(0, 100)}, who is not of this program: choose another --lease-name`;
    return { kind: 'foreign', version, why };
  }
  const advice = 'it was changed by hand: it is written anew when its holder renews it, or it has run out';
  try {
    const { cluster: of, lease } = decodeStoredLease(json);
    if (of !== cluster) {
      const why = `the Lease ${name} is of the cluster ${of}, not of ${cluster}: choose another --lease-name`;
      return { kind: 'foreign', version, why };
    }
    if (holderOf(lease) === identity) return { kind: 'lease', version, lease };
    const why = `the Lease ${name} says that ${identity.slice(0, 100) || 'nobody'} holds it, and its annotation another one; ${advice}`;
    return { kind: 'broken', version, why };
  } catch (error) {
    return { kind: 'broken', version, why: `the Lease ${name} can not be read (${messageOf(error)}); ${advice}` };
  }
}

interface Writing {
  readonly name: string;
  readonly cluster: string;
  readonly wallMs: number;
  /** Another number each time. */
  readonly writes: number;
}

/** A Lease that says this, to be made. */
export function newObjectOf(lease: StoredLease, writing: Writing): LeaseObject {
  return {
    metadata: { name: writing.name, annotations: annotationOf(lease, writing) },
    spec: specOf(lease, undefined, writing),
  };
}

/** The Lease with this said in it; what else was in it is kept. */
export function changedObjectOf(
  lease: StoredLease,
  before: Stored<LeaseObject>,
  writing: Writing,
): Stored<LeaseObject> {
  const annotations = { ...before.metadata.annotations, ...annotationOf(lease, writing) };
  return { ...before, metadata: { ...before.metadata, annotations }, spec: specOf(lease, before.spec, writing) };
}

const annotationOf = (lease: StoredLease, { cluster, writes }: Writing): Record<string, string> => ({
  [ANNOTATION]: encodeStoredLease(cluster, lease, writes),
});

/** The times in it are for people: nobody judges by them. */
function specOf(
  lease: StoredLease,
  before: LeaseObject['spec'],
  { wallMs }: Writing,
): NonNullable<LeaseObject['spec']> {
  const now = microTime(wallMs);
  const holderIdentity = holderOf(lease);
  return {
    ...before,
    holderIdentity,
    leaseDurationSeconds: Math.ceil(lease.grantMs / 1000),
    acquireTime: (before?.holderIdentity === holderIdentity ? before.acquireTime : undefined) ?? now,
    renewTime: now,
    leaseTransitions: Math.min(lease.term, MOST_TRANSITIONS),
  };
}

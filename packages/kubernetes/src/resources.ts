import { badAnswer, type Asked } from './failure.ts';
import type { ObjectMeta, Stored } from './objects.ts';

/** A kind of object, and where it is found. */
export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

export const LEASES: Resource = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases' };
export const PODS: Resource = { apiVersion: 'v1', kind: 'Pod', plural: 'pods' };
export const EVENTS: Resource = { apiVersion: 'v1', kind: 'Event', plural: 'events' };
export const STATEFUL_SETS: Resource = { apiVersion: 'apps/v1', kind: 'StatefulSet', plural: 'statefulsets' };

export function pathOf({ apiVersion, plural }: Resource, namespace: string, name?: string): string {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const collection = `${group}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
  return name === undefined ? collection : `${collection}/${encodeURIComponent(name)}`;
}

interface AnyObject {
  readonly metadata: ObjectMeta;
}

/** The object of an answer. @throws KubeError when it is none of this kind, or has another name. */
export function objectIn<T extends AnyObject>(body: string, resource: Resource, name: string, asked: Asked): Stored<T> {
  return storedObject<T>(jsonIn(body, asked), resource, name, asked);
}

/** The same for what has been parsed already. In a list, the objects have no kind. */
export function storedObject<T extends AnyObject>(
  parsed: unknown,
  { kind }: Resource,
  name: string,
  asked: Asked,
): Stored<T> {
  if (!isRecord(parsed) || !isRecord(parsed['metadata'])) throw badAnswer(asked, `the answer is no ${kind}`);
  const { metadata } = parsed;
  if (parsed['kind'] !== undefined && parsed['kind'] !== kind) throw badAnswer(asked, `the answer is no ${kind}`);
  if (metadata['name'] !== name) throw badAnswer(asked, `the answer is about another ${kind} than ${name}`);
  for (const field of ['uid', 'resourceVersion', 'namespace']) {
    if (typeof metadata[field] !== 'string') throw badAnswer(asked, `the answer has no metadata.${field}`);
  }
  return parsed as unknown as Stored<T>;
}

/** @throws KubeError when it is no JSON. */
export function jsonIn(body: string, asked: Asked): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    throw badAnswer(asked, 'the answer is no JSON');
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

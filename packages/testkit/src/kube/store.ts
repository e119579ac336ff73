import { randomUUID } from 'node:crypto';
import { alreadyExists, badRequest, conflict, expired, invalid, notFound } from './failure.ts';
import { apiVersionOf, type Kind } from './kinds.ts';
import { isJsonObject, isSame, mergePatch, textOf, without, type JsonObject } from './json.ts';
import { unreadable, validate, whyUnreadable } from './validation.ts';

export interface KubeChange {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly kind: Kind;
  readonly object: JsonObject;
  readonly revision: number;
}

/** Which object: the namespace is empty for a kind that has none. */
export interface Place {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

/** No test changes more. */
const MOST_CHANGES = 100_000;

/** The objects, each write with a revision of its own, as etcd counts them: all kinds together. */
export class KubeStore {
  readonly #wallMs: () => number;
  readonly #objects = new Map<string, JsonObject>();
  readonly #listeners = new Set<(change: KubeChange) => void>();
  #changes: KubeChange[] = [];
  #revision = 1000;
  /** What came before it is forgotten. */
  #forgotten = this.#revision;

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Every change from now on, in order, before whoever made it has an answer. */
  onChange(listener: (change: KubeChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @throws ApiFailure (410) when changes after that revision have been forgotten. */
  changesAfter(revision: number): readonly KubeChange[] {
    if (revision < this.#forgotten) throw expired(revision, this.#forgotten);
    return this.#changes.filter((change) => change.revision > revision);
  }

  /** Forgets all changes so far, as compaction does. */
  compact(): void {
    this.#forgotten = this.#revision;
    this.#changes = [];
  }

  find(place: Place): JsonObject | null {
    const found = this.#objects.get(keyOf(place));
    return found ? structuredClone(found) : null;
  }

  get(place: Place): JsonObject {
    const found = this.find(place);
    if (!found) throw notFound(place.kind, place.name);
    return found;
  }

  list(kind: Kind, namespace: string): JsonObject[] {
    const all = [...this.#objects.entries()].filter(([key]) => key.startsWith(`${kind.plural}/${namespace}/`));
    return all.map(([, object]) => structuredClone(object));
  }

  create(kind: Kind, namespace: string, body: JsonObject): JsonObject {
    const object = readable(kind, body);
    const metadata = withNamespace(kind, namespace, metadataOf(object));
    const place = { kind, namespace, name: nameIn(metadata) };
    validate(kind, { ...object, metadata }, null);
    if (this.#objects.has(keyOf(place))) throw alreadyExists(kind, place.name);
    const created = {
      ...object,
      metadata: {
        ...metadata,
        name: place.name,
        uid: randomUUID(),
        creationTimestamp: new Date(this.#wallMs()).toISOString().replace(/\.\d+/, ''),
        ...(kind.hasStatus && { generation: 1 }),
      },
      ...(kind.kind === 'Pod' && { status: { phase: 'Pending', qosClass: 'BestEffort' } }),
      ...(kind.kind === 'StatefulSet' && { status: { replicas: 0 } }),
    };
    return this.#commit('ADDED', place, created);
  }

  /** A PUT. */
  replace(place: Place, body: JsonObject): JsonObject {
    const { kind, name, namespace } = place;
    const object = readable(kind, body);
    const before = this.find(place);
    const metadata = withNamespace(kind, namespace, metadataOf(object));
    if (metadata['name'] !== name) {
      const which = `the name of the object (${nameIn(metadata)}) does not match the name on the URL (${name})`;
      throw badRequest(which);
    }
    const uid = before ? metadataOf(before)['uid'] : '';
    if (metadata['uid'] != null && metadata['uid'] !== uid) {
      const why = `Precondition failed: UID in precondition: ${textOf(metadata['uid'])}, UID in object meta: ${textOf(uid)}`;
      const key = `/registry/${kind.plural}/${namespace}/${name}`;
      throw conflict(
        kind,
        name,
        `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`,
      );
    }
    if (before) return this.#change(place, before, { ...object, metadata });
    if (!kind.canBePutNew) throw notFound(kind, name);
    const rest = without(metadata, 'resourceVersion');
    return this.create(kind, namespace, { ...object, metadata: rest });
  }

  /** A PATCH of the kind merge-patch. */
  patch(place: Place, patch: JsonObject): JsonObject {
    const before = this.get(place);
    const merged = mergePatch(before, patch) as JsonObject;
    const why = whyUnreadable(place.kind, merged);
    if (why !== null) {
      throw invalid('', '', '', [{ field: 'patch', type: 'FieldValueInvalid', message: `Invalid value: ${why}` }]);
    }
    if (nameIn(metadataOf(merged)) !== place.name)
      throw badRequest('the name of the object does not match the name on the URL');
    return this.#change(place, before, merged);
  }

  remove(place: Place, preconditions: JsonObject = {}): JsonObject {
    const before = this.get(place);
    const metadata = metadataOf(before);
    for (const field of ['uid', 'resourceVersion']) {
      if (preconditions[field] != null && preconditions[field] !== metadata[field]) {
        throw conflict(place.kind, place.name, `Precondition failed: ${field}`);
      }
    }
    this.#objects.delete(keyOf(place));
    return this.#note('DELETED', place, before);
  }

  /** What only the system may do: a status, an owner, whatever stands in a pod that runs. */
  putAsSystem(place: Place, change: (before: JsonObject | null) => JsonObject): JsonObject {
    const before = this.find(place);
    return this.#commit(before ? 'MODIFIED' : 'ADDED', place, change(before));
  }

  #change(place: Place, before: JsonObject, after: JsonObject): JsonObject {
    const { kind, name } = place;
    const [old, asked] = [metadataOf(before), metadataOf(after)];
    const version = asked['resourceVersion'] ?? '';
    if (version === '' && !kind.canBePutBlindly) {
      const message = 'Invalid value: 0x0: must be specified for an update';
      throw invalid(kind.group, kind.plural, name, [
        { field: 'metadata.resourceVersion', type: 'FieldValueInvalid', message },
      ]);
    }
    if (version !== '' && version !== old['resourceVersion']) throw conflict(kind, name);
    const { uid = old['uid'] ?? null, ...rest } = asked;
    const metadata: JsonObject = { ...rest, uid, resourceVersion: old['resourceVersion'] ?? null };
    if (old['creationTimestamp'] != null) metadata['creationTimestamp'] = old['creationTimestamp'];
    const changed: JsonObject = { ...after, metadata };
    if (kind.hasStatus) {
      changed['status'] = before['status'] ?? {};
      const isNew = !isSame(before['spec'] ?? null, after['spec'] ?? null);
      metadata['generation'] = Number(old['generation'] ?? 1) + (isNew ? 1 : 0);
    }
    validate(kind, changed, before);
    // As a real server: what changes nothing is not written, and the resourceVersion stays.
    return isSame(changed, before) ? before : this.#commit('MODIFIED', place, changed);
  }

  #commit(type: 'ADDED' | 'MODIFIED', place: Place, object: JsonObject): JsonObject {
    return this.#note(type, place, object);
  }

  #note(type: KubeChange['type'], place: Place, object: JsonObject): JsonObject {
    this.#revision += 1;
    const { kind } = place;
    const metadata = { ...metadataOf(object), resourceVersion: String(this.#revision) };
    const noted = structuredClone({ ...object, kind: kind.kind, apiVersion: apiVersionOf(kind), metadata });
    if (type !== 'DELETED') this.#objects.set(keyOf(place), noted);
    const change = { type, kind, object: noted, revision: this.#revision };
    this.#changes.push(change);
    if (this.#changes.length > MOST_CHANGES)
      throw new Error('a stand-in that is changed so often is a test gone wrong');
    for (const listener of [...this.#listeners]) listener(change);
    return structuredClone(noted);
  }
}

export function metadataOf(object: JsonObject): JsonObject {
  return isJsonObject(object['metadata']) ? object['metadata'] : {};
}

function keyOf({ kind, namespace, name }: Place): string {
  return `${kind.plural}/${namespace}/${name}`;
}

function nameIn(metadata: JsonObject): string {
  return textOf(metadata['name']);
}

function readable(kind: Kind, body: JsonObject): JsonObject {
  const object = { ...body, metadata: body['metadata'] ?? {} };
  const why = whyUnreadable(kind, object);
  if (why !== null) throw unreadable(kind, why);
  return object;
}

function withNamespace(kind: Kind, namespace: string, metadata: JsonObject): JsonObject {
  if (!kind.isNamespaced) return metadata;
  if ((metadata['namespace'] ?? namespace) !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  return { ...metadata, namespace };
}

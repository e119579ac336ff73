import { badRequest, invalid, type ApiFailure, type FieldError } from './failure.ts';
import type { Kind } from './kinds.ts';
import { isJsonObject, textOf, type Json, type JsonObject } from './json.ts';

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED_NAME = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const MOST_ANNOTATION_BYTES = 256 * 1024;

/** Whether the fields have the types that the server reads; when they have not, it says so as one who could not read them. */
export function whyUnreadable(kind: Kind, object: JsonObject): string | null {
  const { metadata } = object;
  if (!isJsonObject(metadata)) return 'metadata: expected an object';
  for (const field of ['labels', 'annotations']) {
    const map = metadata[field] ?? {};
    if (!isJsonObject(map)) return `metadata.${field}: expected an object`;
    if (Object.values(map).some((value) => typeof value !== 'string')) return `metadata.${field}: expected a string`;
  }
  if (kind.kind === 'Lease') return whyLeaseUnreadable(object['spec'] ?? {});
  if (kind.kind === 'Event') return whyEventUnreadable(object);
  return null;
}

export function unreadable(kind: Kind, why: string): ApiFailure {
  return badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${why}`);
}

function whyLeaseUnreadable(spec: Json): string | null {
  if (!isJsonObject(spec)) return 'spec: expected an object';
  for (const field of ['renewTime', 'acquireTime']) {
    if (isWrong(spec[field], MICRO_TIME))
      return `parsing time ${JSON.stringify(spec[field])} as "2006-01-02T15:04:05.000000Z07:00"`;
  }
  for (const field of ['leaseDurationSeconds', 'leaseTransitions']) {
    const value = spec[field] ?? 0;
    if (!Number.isInteger(value) || Math.abs(Number(value)) > 0x7fffffff) return `spec.${field}: expected an int32`;
  }
  return typeof (spec['holderIdentity'] ?? '') === 'string' ? null : 'spec.holderIdentity: expected a string';
}

function whyEventUnreadable(event: JsonObject): string | null {
  for (const field of ['firstTimestamp', 'lastTimestamp']) {
    if (isWrong(event[field], TIME))
      return `parsing time ${JSON.stringify(event[field])} as "2006-01-02T15:04:05Z07:00"`;
  }
  if (isWrong(event['eventTime'], MICRO_TIME)) return 'parsing time of eventTime';
  return Number.isInteger(event['count'] ?? 0) ? null : 'count: expected an int32';
}

function isWrong(value: Json | undefined, pattern: RegExp): boolean {
  return value !== undefined && value !== null && !(typeof value === 'string' && pattern.test(value));
}

/** @throws ApiFailure (422) for what a real server does not take. */
export function validate(kind: Kind, object: JsonObject, before: JsonObject | null): void {
  const metadata = object['metadata'] as JsonObject;
  const errors: FieldError[] = [];
  const complain = (field: string, value: Json | undefined, why: string): void => {
    errors.push({
      field,
      type: 'FieldValueInvalid',
      message: `Invalid value: ${JSON.stringify(value ?? null)}: ${why}`,
    });
  };
  const name = textOf(metadata['name']);
  if (name === '') {
    errors.push({
      field: 'metadata.name',
      type: 'FieldValueRequired',
      message: 'Required value: name or generateName is required',
    });
  } else if (!NAME.test(name) || name.length > 253) {
    complain(
      'metadata.name',
      name,
      'a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters',
    );
  }
  for (const [key, value] of Object.entries((metadata['labels'] ?? {}) as JsonObject)) {
    if (!QUALIFIED_NAME.test(key))
      complain('metadata.labels', key, 'name part must consist of alphanumeric characters');
    if (!LABEL_VALUE.test(textOf(value)))
      complain('metadata.labels', value, 'a valid label must be an empty string or consist of alphanumeric characters');
    if (textOf(value).length > 63) complain('metadata.labels', value, 'must be no more than 63 characters');
  }
  const annotations = Object.entries((metadata['annotations'] ?? {}) as JsonObject);
  for (const [key] of annotations) {
    if (!QUALIFIED_NAME.test(key.toLowerCase()))
      complain('metadata.annotations', key, 'name part must consist of alphanumeric characters');
  }
  const bytes = annotations.reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(textOf(value)),
    0,
  );
  if (bytes > MOST_ANNOTATION_BYTES) {
    errors.push({
      field: 'metadata.annotations',
      type: 'FieldValueTooLong',
      message: `Too long: must have at most ${MOST_ANNOTATION_BYTES} bytes`,
    });
  }
  if (before) validateChange(metadata, before['metadata'] as JsonObject, complain);
  if (kind.kind === 'Lease') validateLease((object['spec'] ?? {}) as JsonObject, complain);
  if (kind.kind === 'Event') validateEvent(object, complain);
  if (errors.length > 0) throw invalid(kind.group, kind.kind, name, errors);
}

type Complain = (field: string, value: Json | undefined, why: string) => void;

function validateChange(now: JsonObject, before: JsonObject, complain: Complain): void {
  for (const field of ['name', 'namespace', 'uid']) {
    if (now[field] !== before[field]) complain(`metadata.${field}`, now[field], 'field is immutable');
  }
}

function validateLease(spec: JsonObject, complain: Complain): void {
  const { leaseDurationSeconds, leaseTransitions } = spec;
  if (leaseDurationSeconds != null && Number(leaseDurationSeconds) <= 0) {
    complain('spec.leaseDurationSeconds', leaseDurationSeconds, 'must be greater than 0');
  }
  if (leaseTransitions != null && Number(leaseTransitions) < 0) {
    complain('spec.leaseTransitions', leaseTransitions, 'must to greater or equal than 0');
  }
}

function validateEvent(event: JsonObject, complain: Complain): void {
  const { namespace } = event['metadata'] as JsonObject;
  const involved = isJsonObject(event['involvedObject']) ? event['involvedObject'] : {};
  const isAgreed = (involved['namespace'] ?? 'default') === namespace;
  if (!isAgreed) complain('involvedObject.namespace', involved['namespace'] ?? '', 'does not match event.namespace');
}

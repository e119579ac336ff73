// The server's refusals, in the words of a real one: a Status object each.

/** What a field of an object is found guilty of. */
export interface FieldError {
  readonly field: string;
  readonly type: 'FieldValueInvalid' | 'FieldValueRequired' | 'FieldValueTooLong';
  /** As the server says it: `Invalid value: "x": why`. */
  readonly message: string;
}

interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly causes?: readonly { reason: string; message: string; field: string }[];
}

export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly status: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(status: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.details = details;
  }

  toStatus(): object {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details && { details: this.details }),
      code: this.status,
    };
  }
}

/** `leases.coordination.k8s.io`, `pods`. */
interface GroupResource {
  readonly group: string;
  readonly plural: string;
}

function qualified({ group, plural }: GroupResource): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function about({ group, plural }: GroupResource, name: string): StatusDetails {
  return { ...(name !== '' && { name }), ...(group !== '' && { group }), kind: plural };
}

export function notFound(resource: GroupResource, name: string): ApiFailure {
  return new ApiFailure(404, 'NotFound', `${qualified(resource)} "${name}" not found`, about(resource, name));
}

export function alreadyExists(resource: GroupResource, name: string): ApiFailure {
  const message = `${qualified(resource)} "${name}" already exists`;
  return new ApiFailure(409, 'AlreadyExists', message, about(resource, name));
}

export function conflict(resource: GroupResource, name: string, why?: string): ApiFailure {
  const reason = why ?? 'the object has been modified; please apply your changes to the latest version and try again';
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${reason}`;
  return new ApiFailure(409, 'Conflict', message, about(resource, name));
}

export function forbidden(resource: GroupResource, name: string, why: string): ApiFailure {
  const what = name === '' ? qualified(resource) : `${qualified(resource)} "${name}"`;
  return new ApiFailure(403, 'Forbidden', `${what} is forbidden: ${why}`, about(resource, name));
}

export function invalid(group: string, kind: string, name: string, errors: readonly FieldError[]): ApiFailure {
  const each = errors.map(({ field, message }) => `${field}: ${message}`);
  const all = each.length === 1 ? each.join('') : `[${each.join(', ')}]`;
  return new ApiFailure(422, 'Invalid', `${group === '' ? kind : `${kind}.${group}`} "${name}" is invalid: ${all}`, {
    name,
    ...(group !== '' && { group }),
    kind,
    causes: errors.map(({ field, type, message }) => ({ reason: type, message, field })),
  });
}

export function badRequest(message: string): ApiFailure {
  return new ApiFailure(400, 'BadRequest', message);
}

export function unauthorized(): ApiFailure {
  return new ApiFailure(401, 'Unauthorized', 'Unauthorized');
}

export function expired(asked: number, oldest: number): ApiFailure {
  return new ApiFailure(410, 'Expired', `too old resource version: ${asked} (${oldest})`);
}

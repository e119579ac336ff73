import { randomBytes } from 'node:crypto';
import { kindNamed } from './kinds.ts';
import { isJsonObject, textOf, type Json, type JsonObject } from './json.ts';
import type { KubeStore } from './store.ts';

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** As in a Role. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface Attributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
  /** Empty when none is known, as when something is made. */
  readonly name: string;
}

export const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Who has which token, and may do what: by the Roles and RoleBindings in the store, as RBAC has it. */
export class Permissions {
  readonly #store: KubeStore;
  readonly #tokens = new Map<string, User>();

  constructor(store: KubeStore, adminToken: string) {
    this.#store = store;
    this.#tokens.set(adminToken, { name: 'admin', groups: ['system:masters'] });
  }

  issueToken(namespace: string, serviceAccount: string): string {
    const token = randomBytes(24).toString('base64url');
    this.#tokens.set(token, serviceAccountUser(namespace, serviceAccount));
    return token;
  }

  revokeToken(token: string): void {
    this.#tokens.delete(token);
  }

  userOf(token: string): User | null {
    return this.#tokens.get(token) ?? null;
  }

  /** Null when it is allowed, else why not. */
  whyNot(user: User, attributes: Attributes): string | null {
    if (user.groups.includes('system:masters')) return null;
    const { verb, group, resource, namespace } = attributes;
    if (namespace !== '' && this.#rulesOf(user, namespace).some((rule) => allows(rule, attributes))) return null;
    const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
    return `User "${user.name}" cannot ${verb} resource "${resource}" in API group "${group}" ${where}`;
  }

  #rulesOf(user: User, namespace: string): PolicyRule[] {
    const bindings = this.#store.list(kindNamed('rolebindings'), namespace);
    return bindings.flatMap((binding) => {
      if (!listIn(binding['subjects']).some((subject) => isSubject(subject, user, namespace))) return [];
      const name = isJsonObject(binding['roleRef']) ? textOf(binding['roleRef']['name']) : '';
      const role = this.#store.find({ kind: kindNamed('roles'), namespace, name });
      return listIn(role?.['rules']) as unknown as PolicyRule[];
    });
  }
}

function serviceAccountUser(namespace: string, name: string): User {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  };
}

function isSubject(subject: JsonObject, user: User, namespace: string): boolean {
  const name = textOf(subject['name']);
  if (subject['kind'] === 'User') return name === user.name;
  if (subject['kind'] === 'Group') return user.groups.includes(name);
  return serviceAccountUser(textOf(subject['namespace'] ?? namespace), name).name === user.name;
}

function allows(rule: PolicyRule, { verb, group, resource, name }: Attributes): boolean {
  const has = (list: readonly string[] | undefined, value: string): boolean =>
    list?.some((it) => it === '*' || it === value) ?? false;
  const isNamed =
    rule.resourceNames === undefined || rule.resourceNames.length === 0 || rule.resourceNames.includes(name);
  return has(rule.verbs, verb) && has(rule.apiGroups, group) && has(rule.resources, resource) && isNamed;
}

function listIn(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

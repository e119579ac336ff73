import { type IStatefulSet, StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import { type INetworkPolicy, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { type IPodDisruptionBudget, PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { type IRole, Role } from 'kubernetes-models/rbac.authorization.k8s.io/v1/Role';
import { type IRoleBinding, RoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1/RoleBinding';
import { ConfigMap, type IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { type ISecret, Secret } from 'kubernetes-models/v1/Secret';
import { type IService, Service } from 'kubernetes-models/v1/Service';
import { type IServiceAccount, ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';

/** The kinds of object that our manifests use. A new kind is one more line here and in `models`. */
export type Manifest =
  | IStatefulSet
  | IService
  | IConfigMap
  | ISecret
  | IPodDisruptionBudget
  | INetworkPolicy
  | IServiceAccount
  | IRole
  | IRoleBinding;

const models = [
  ...[StatefulSet, Service, ConfigMap, Secret, PodDisruptionBudget, NetworkPolicy],
  ...[ServiceAccount, Role, RoleBinding],
];

/** What Kubernetes itself would refuse or silently drop: wrong types, missing fields, unknown fields. */
export function schemaComplaints(object: unknown): string[] {
  const { apiVersion, kind } = (object ?? {}) as { apiVersion?: unknown; kind?: unknown };
  const model = models.find((candidate) => candidate.apiVersion === apiVersion && candidate.kind === kind);
  if (!model) return [`no schema for apiVersion ${String(apiVersion)}, kind ${String(kind)}`];

  const unread = new Set<string>();
  const complaints: string[] = [];
  try {
    model.prototype.validate.call(recordReads(object, '', unread));
  } catch (error) {
    complaints.push(error instanceof Error ? error.message : String(error));
  }
  return [...complaints, ...[...unread].map((field) => `unknown field ${field}`)];
}

/** The objects with their types, when each of them is as its schema says. */
export function asManifests(objects: readonly unknown[]): Manifest[] {
  const complaints = objects.flatMap(schemaComplaints);
  if (complaints.length > 0) throw new Error(complaints.join('\n'));
  return objects as Manifest[];
}

/**
 * The published schemas let unknown fields pass, so a misspelt `readinessProb` would go unnoticed. Their compiled
 * validators, however, read every field that a schema names and no other: what stays unread is unknown.
 */
function recordReads(value: unknown, location: string, unread: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const children = new Map<string, unknown>();
  for (const key of Object.keys(value)) unread.add(`${location}/${key}`);
  return new Proxy(value, {
    get(target, key, receiver): unknown {
      const child: unknown = Reflect.get(target, key, receiver);
      if (typeof key !== 'string' || !Object.hasOwn(target, key)) return child;
      unread.delete(`${location}/${key}`);
      if (!children.has(key)) children.set(key, recordReads(child, `${location}/${key}`, unread));
      return children.get(key);
    },
  });
}

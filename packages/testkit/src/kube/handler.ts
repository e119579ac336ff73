import { ApiFailure, badRequest, forbidden, notFound } from './failure.ts';
import { apiVersionOf, kindNamed } from './kinds.ts';
import { isJsonObject, without, type JsonObject } from './json.ts';
import type { Permissions, User } from './permissions.ts';
import type { Route } from './route.ts';
import { metadataOf, type KubeStore } from './store.ts';

export interface Request {
  readonly route: Route;
  readonly user: User;
  readonly contentType: string;
  readonly body: string;
}

interface Done {
  readonly status: number;
  readonly object: object;
}

/** Does what is asked, when it is allowed. Watches are not among it. @throws ApiFailure */
export function handle(store: KubeStore, permissions: Permissions, request: Request): Done {
  const { route } = request;
  const { kind, namespace, name, verb } = route;
  const place = { kind, namespace, name };
  switch (verb) {
    case 'get':
      return { status: 200, object: store.get(place) };
    case 'list':
      return { status: 200, object: listOf(store, route) };
    case 'create':
      if (route.subresource === 'token') return tokenFor(store, permissions, route);
      if (name !== '') throw new ApiFailure(405, 'MethodNotAllowed', 'the server does not allow this method');
      if (kind.isNamespaced) requireNamespace(store, namespace);
      return { status: 201, object: store.create(kind, namespace, objectIn(request.body)) };
    case 'update': {
      const isNew = store.find(place) === null;
      if (isNew && kind.canBePutNew) authorize(permissions, request, 'create');
      return { status: isNew ? 201 : 200, object: store.replace(place, objectIn(request.body)) };
    }
    case 'patch':
      if (!/^application\/merge-patch\+json\b/.test(request.contentType)) {
        throw new ApiFailure(415, 'UnsupportedMediaType', 'the stand-in takes application/merge-patch+json');
      }
      return { status: 200, object: store.patch(place, objectIn(request.body)) };
    case 'delete': {
      const { preconditions } = request.body === '' ? {} : objectIn(request.body);
      store.remove(place, isJsonObject(preconditions) ? preconditions : {});
      return { status: 200, object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } };
    }
    default:
      throw badRequest(`no such verb: ${verb}`);
  }
}

/** @throws ApiFailure (403) */
export function authorize(
  permissions: Permissions,
  { route, user }: Pick<Request, 'route' | 'user'>,
  verb = route.verb,
): void {
  const { kind, subresource, namespace } = route;
  const resource = subresource === '' ? kind.plural : `${kind.plural}/${subresource}`;
  const name = verb === 'create' && subresource === '' ? '' : route.nameForRules;
  const why = permissions.whyNot(user, { verb, group: kind.group, resource, namespace, name });
  if (why !== null) throw forbidden(kind, name, why);
}

function listOf(store: KubeStore, { kind, namespace, nameForRules }: Route): object {
  const all = store.list(kind, namespace);
  const items = all
    .filter((object) => nameForRules === '' || metadataOf(object)['name'] === nameForRules)
    .map((object) => without(object, 'kind', 'apiVersion'));
  const metadata = { resourceVersion: String(store.revision) };
  return { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata, items };
}

function tokenFor(store: KubeStore, permissions: Permissions, { kind, namespace, name }: Route): Done {
  store.get({ kind, namespace, name });
  const token = permissions.issueToken(namespace, name);
  return {
    status: 201,
    object: { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata: {}, status: { token } },
  };
}

function requireNamespace(store: KubeStore, namespace: string): void {
  const kind = kindNamed('namespaces');
  if (!store.find({ kind, namespace: '', name: namespace })) throw notFound(kind, namespace);
}

function objectIn(body: string): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw badRequest('the body of the request is no JSON');
  }
  if (!isJsonObject(parsed)) throw badRequest('the body of the request is no object');
  return parsed;
}
